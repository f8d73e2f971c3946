"""The steps of a run in real children: asking, verifying, taking turns."""

import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
import pytest
import toys
from made import make_workload
from toys import answering, faulty_model, write_toy

from bench.results.records import (
    BoundTrial,
    Case,
    Described,
    GemmBound,
    Trained,
    Trial,
    Verification,
    Verified,
)
from bench.run.backends import SHIPPED, inspect
from bench.run.executor import Session
from bench.run.groups import BOUND, Group, Place
from bench.run.schedule import Awake
from bench.workload import CPU, Device, Workload

SIZES = {"epochs": 2, "train_samples": 256, "test_samples": 50}
RELU, SIGMOID = make_workload("relu", **SIZES), make_workload("sigmoid", **SIZES)


def session_of(folder: Path, threads: int = 1, **rest: object) -> Session:
    """Return a session with the backends of a folder."""
    found = {path.stem: inspect(path) for path in sorted(folder.glob("*.py"))}
    return Session(found, threads, toys.PATIENCE_SECONDS, **rest)


def cases(device: Device, *names: str, workload: Workload = RELU) -> tuple[Case, ...]:
    return tuple(Case(name, device, workload.fingerprint) for name in names)


@pytest.mark.parametrize(
    ("table", "returned", "expected"),
    [
        ("environment = { TOY_LEVEL = 3 }", "'toy:' + SET['TOY_LEVEL']", "toy:3"),
        ('hides = ["colorsys"]', "'found' if find_spec('colorsys') else 'cpu'", "cpu"),
        ("", "SET['OTHER']", "yes"),
    ],
    ids=["variables before the import", "hidden modules", "an interpreter of its own"],
)
def test_a_backend_has_what_its_header_and_the_options_say(
    tmp_path: Path, table: str, returned: str, expected: str
) -> None:
    header = f"# /// script\n# [tool.bench]\n# {table}\n# ///\nimport os\nSET = {{**os.environ}}\n"
    answering(tmp_path, f"from importlib.util import find_spec\nreturn [{returned}]", header)
    python = toys.interpreter(tmp_path, f'OTHER=yes exec "{sys.executable}" "$@"')
    answer = session_of(tmp_path, pythons={"toy": python}).describe("toy")
    assert isinstance(answer, Described), answer
    assert list(map(str, answer.devices)) == [expected]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f'exec "{sys.executable}" -S "$@"', "No module named"),
        ("""echo '{"type": "waiting"}'""", "no result: the child brought a Waiting"),
    ],
)
def test_an_interpreter_that_is_none_of_ours_is_a_failure(
    tmp_path: Path, script: str, said: str
) -> None:
    answering(tmp_path, "pass")
    pythons = {"toy": toys.interpreter(tmp_path, script)}
    assert said in str(session_of(tmp_path, pythons=pythons).describe("toy"))


def verified(folder: Path, *asked: Case, **rest: object) -> list[Awake | Verification]:
    """Return the events of verifying cases; the rest is of the session."""
    works = {one.fingerprint: one for one in (RELU, SIGMOID)}
    return list(session_of(folder, **rest).verify(works, asked))


def test_all_workloads_of_a_backend_are_verified_in_one_child(tmp_path: Path) -> None:
    write_toy(tmp_path, "toy", faulty_model("(HERE / f'{os.getpid()}.pid').touch()"))
    asked = cases(CPU, "toy") + cases(CPU, "toy", workload=SIGMOID)
    begun, *found = verified(tmp_path, *asked)
    assert begun == Awake("verification", "toy", CPU)
    assert [one.case for one in found] == list(asked)
    assert all(isinstance(one.result, Verified) and not one.result.flags for one in found)
    assert len(list(tmp_path.glob("*.pid"))) == 1


def test_a_crash_in_one_workload_leaves_what_was_verified_before(tmp_path: Path) -> None:
    write_toy(tmp_path, "toy", faulty_model("if workload.activation == 'sigmoid': os._exit(9)"))
    sigmoid = cases(CPU, "toy", workload=SIGMOID)
    _, first, *others = verified(tmp_path, *cases(CPU, "toy"), *sigmoid, *sigmoid)
    assert isinstance(first.result, Verified)
    assert [one.result.reason for one in others] == ["exited with 9 and left no result"] * 2


def test_some_verify_at_once_on_the_processor_and_one_at_a_time_elsewhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_toy(tmp_path, name, "raise ValueError('no')")
    gpus = [cases(Device("cuda", number), "a") for number in range(2)]
    events = verified(tmp_path, *cases(CPU, "a", "b"), *gpus[0], *gpus[1])
    assert list(map(type, events)) == [
        Awake,
        Awake,
        *[Verification] * 2,
        *[Awake, Verification] * 2,
    ]
    assert [one.device for one in events if isinstance(one, Awake)][2:] == [
        Device("cuda", 0), Device("cuda", 1),
    ]  # fmt: skip


def test_as_many_verify_at_once_as_memory_allows(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_toy(tmp_path, name, "raise ValueError('no')")
    events = verified(tmp_path, *cases(CPU, "a", "b"), available_bytes=lambda: 2_000_000_000)
    assert list(map(type, events)) == [*[Awake, Verification] * 2]


def test_those_that_may_take_turns_on_an_accelerator_verify_there_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_toy(tmp_path, name, "raise ValueError('no')")
    session = session_of(tmp_path)._replace(together=2)
    events = session.verify({RELU.fingerprint: RELU}, cases(Device("cuda", 0), "a", "b"))
    assert list(map(type, events)) == [*[Awake] * 2, *[Verification] * 2]


def test_those_that_run_a_compiler_are_verified_first_and_accelerators_last(tmp_path: Path) -> None:
    for name in ("a", "b", "compiling"):
        write_toy(tmp_path, name, "raise ValueError('no')")
    cuda = Device("cuda", 0)
    asked = [one for name in "ab" for device in (CPU, cuda) for one in cases(device, name)]
    session = session_of(tmp_path)
    kept = session.backends["compiling"]._replace(once_a_machine=("kept/*",))
    session = session._replace(backends=session.backends | {"compiling": kept})
    events = session.verify({RELU.fingerprint: RELU}, [*asked, *cases(CPU, "compiling")])
    begun = [(one.who, one.device) for one in events if isinstance(one, Awake)]
    assert begun == [("compiling", CPU), ("a", CPU), ("b", CPU), ("a", cuda), ("b", cuda)]


# Notes, whenever it begins an epoch, what the other children are doing.
WATCHING = """\
import os
import time
from pathlib import Path

import psutil

from backends.numpy import Model as Honest
from backends.numpy import devices, versions

HERE, NAME = Path(__file__).parent, Path(__file__).stem


class Model(Honest):
    def __init__(self, *given):
        (HERE / f"{NAME}.pid").write_text(str(os.getpid()))
        super().__init__(*given)

    def train(self, orders, epoch_done):
        super().train(map(self.noted, orders), epoch_done)

    def noted(self, order):
        others = [int(file.read_text()) for file in HERE.glob("*.pid") if file.stem != NAME]
        for _ in range(1_000):  # until whoever has just been suspended has noticed it
            states = {one.status() for one in psutil.process_iter() if one.pid in others}
            if states <= {"stopped", "zombie"}:
                break
            time.sleep(0.01)
        with (HERE / "turns").open("a") as turns:
            print(NAME, *sorted(states), file=turns)
        return order
"""


def pids(folder: Path) -> list[int]:
    return [int(file.read_text()) for file in folder.glob("*.pid")]


class Turns(NamedTuple):
    """What came of two honest backends, two faulty ones and a GEMM bound that took turns."""

    folder: Path
    awake: list[Awake]
    trials: dict[str, Trial]
    bound: BoundTrial
    seconds: float


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> Turns:
    """Let them take turns."""
    folder = tmp_path_factory.mktemp("turns")
    for name in ("one", "two"):
        write_toy(folder, name, WATCHING)
    write_toy(folder, "raises", faulty_model("raise ValueError('no luck')"))
    write_toy(folder, "dies", WATCHING.replace("return order", "os._exit(9)"))
    contenders = cases(CPU, "one", "two", "raises", "dies")
    group = Group(RELU, contenders, 4, number=7, extra_epochs=1, bounds={Place(CPU): "NumPy"})
    begun = time.monotonic()
    events = list(session_of(folder, logs=folder / "logs").take_turns([group]))
    seconds = time.monotonic() - begun
    trials = {one.case.backend: one for one in events if isinstance(one, Trial)}
    (bound,) = [one for one in events if isinstance(one, BoundTrial)]
    return Turns(folder, [one for one in events if isinstance(one, Awake)], trials, bound, seconds)


def test_all_start_before_the_first_turn_and_then_take_turns(turns: Turns) -> None:
    epochs = [one.turn for one in turns.awake if one.stage != "inference"]
    assert epochs == [0] * 5 + [1] * 4 + [2] * 3 + [3] * 3
    assert {one.stage for one in turns.awake[:5]} == {"start"}
    everyone, going = {"one", "two", BOUND}, turns.awake[9:15]
    assert {one.who for one in turns.awake[:5]} == {*everyone, "raises", "dies"}
    assert {one.who for one in going[:3]} == {one.who for one in going[3:]} == everyone


def test_after_the_epochs_backends_take_turns_at_inference(turns: Turns) -> None:
    last = turns.awake[15:]
    assert [one.turn for one in last] == [4, 4, 5, 5, 6, 6, 7, 7, 8, 8]
    assert {(one.stage, one.who) for one in last} == {("inference", "one"), ("inference", "two")}


def test_exactly_one_is_at_work(turns: Turns) -> None:
    lines = [line.split() for line in (turns.folder / "turns").read_text().splitlines()]
    noted = [one.who for one in turns.awake if one.stage == "epoch" and one.who != BOUND]
    assert [name for name, *_ in lines] == noted
    assert {state for _, *states in lines for state in states} <= {"stopped", "zombie"}
    assert sum(trial.total_seconds for trial in turns.trials.values()) <= turns.seconds
    toys.until_all_ended(pids(turns.folder))


@pytest.mark.parametrize(("threads", "at_once"), [(1, 1), (2, 2), (8, 3)])
def test_some_get_ready_side_by_side_where_each_has_a_core(
    tmp_path: Path, threads: int, at_once: int
) -> None:
    marks = "mark = HERE / f'{os.getpid()}.begun'\nmark.touch()\ntime.sleep(0.5)\n"
    marks += "(HERE / 'seen').open('a').write(f'{len([*HERE.glob(\"*.begun\")])}\\n')\n"
    for name in ("a", "b", "c"):
        write_toy(tmp_path, name, faulty_model(f"{marks}mark.unlink()"))
    session = session_of(tmp_path, threads)
    trials = [one for one in session.take_turns([Group(RELU, cases(CPU, *"abc"))])
              if isinstance(one, Trial)]  # fmt: skip
    assert all(isinstance(one.result, Trained) for one in trials), trials
    assert max(map(int, (tmp_path / "seen").read_text().split())) == at_once


def test_who_hangs_on_starting_costs_the_one_beside_it_nothing(tmp_path: Path) -> None:
    write_toy(tmp_path, "honest")
    write_toy(tmp_path, "hangs", faulty_model("time.sleep(1000)"))
    session = session_of(tmp_path, threads=2)._replace(timeout=8.0)
    group = Group(RELU, cases(CPU, "honest", "hangs"), 1)
    first, *events = session.take_turns([group])
    assert isinstance(first, Awake) and first.who == "hangs", "the order of round 1"
    trials = {one.case.backend: one for one in events if isinstance(one, Trial)}
    assert "timed out" in str(trials["hangs"].result)
    assert isinstance(trials["honest"].result, Trained)
    assert trials["honest"].total_seconds < 8 <= trials["hangs"].total_seconds


def test_who_fails_costs_the_others_nothing_and_leaves_a_log(turns: Turns) -> None:
    assert {name: str(turns.trials[name].result) for name in ("raises", "dies")} == {
        "raises": "raised: ValueError: no luck",
        "dies": "no result: exited with 9 and left no result",
    }
    assert isinstance(turns.trials["two"].result, Trained)
    logs = sorted(path.name for path in (turns.folder / "logs").iterdir())
    assert logs == [f"{name}-cpu-{RELU.fingerprint}-round-5.log" for name in ("dies", "raises")]
    assert "raise ValueError('no luck')" in (turns.folder / "logs" / logs[1]).read_text()


def test_a_trial_is_timed_in_each_of_its_turns_and_its_phases_fit_into_it(turns: Turns) -> None:
    trial = turns.trials["one"]
    found = trial.result
    assert isinstance(found, Trained)
    assert (len(found.epochs), len(found.extra_seconds)) == (2, 1)
    phases = (found.start_seconds, found.import_seconds, found.data_seconds, found.build_seconds)
    assert 0 < sum(phases) + sum(epoch.seconds for epoch in found.epochs) <= trial.total_seconds
    assert trial.round == 4 and trial.started.endswith("+00:00")


def test_the_gemm_bound_takes_turns_like_the_others(turns: Turns) -> None:
    found = turns.bound
    assert isinstance(found.result, GemmBound), found.result
    assert found.result.library.startswith("NumPy")
    assert len(found.result.epoch_seconds) == 3
    assert (found.device, found.workload, found.round, found.group) == (CPU, RELU.fingerprint, 4, 7)


def test_the_gemm_bound_is_measured_by_the_interpreter_of_a_backend_that_says_it_can(
    tmp_path: Path,
) -> None:
    header = "# /// script\n# [tool.bench]\n# measures_bound = true\n# ///\n"
    write_toy(tmp_path, "able", f"{header}{toys.HONEST}")
    write_toy(tmp_path, "unable")
    broken = toys.interpreter(tmp_path, "exit 1")
    group = Group(RELU, cases(CPU, "unable", "able"), bounds={Place(CPU): "NumPy"})
    events = session_of(tmp_path, pythons={"unable": broken}).take_turns([group])
    results = {type(one): one.result for one in events if not isinstance(one, Awake)}
    assert isinstance(results[BoundTrial], GemmBound)


def test_children_go_on_with_the_next_workload_and_a_failure_costs_its_own(tmp_path: Path) -> None:
    """The second of three workloads fails one backend; a new process of it does the third."""
    write_toy(tmp_path, "steady")
    fault = "if workload.batch_size == 32: raise ValueError('not with 32')"
    write_toy(tmp_path, "fails", faulty_model(fault))
    groups = [
        Group(work, cases(CPU, "steady", "fails", workload=work), bounds={Place(CPU): "NumPy"})
        for work in (RELU, *(msgspec.structs.replace(RELU, batch_size=size) for size in (32, 16)))
    ]
    events = list(session_of(tmp_path).take_turns(groups))
    trials = [one for one in events if isinstance(one, Trial)]
    order = [group.workload.fingerprint for group in groups]
    assert [trial.case.workload for trial in trials[::2]] == order
    found = {(t.case.backend, t.case.workload): t.result for t in trials}
    assert str(found.pop(("fails", order[1]))) == "raised: ValueError: not with 32"
    assert len(found) == 5 and all(isinstance(one, Trained) for one in found.values())
    starts = [one.who for one in events if isinstance(one, Awake) and one.stage == "start"]
    assert sorted(starts) == [BOUND, "fails", "fails", "steady"]
    bounds = [one for one in events if isinstance(one, BoundTrial)]
    assert [bound.workload for bound in bounds] == order
    for trial in trials:
        if isinstance(trial.result, Trained):
            assert trial.result.start_seconds + trial.result.import_seconds < trial.total_seconds


SLOW = """\
import time

from backends.numpy import Model as Honest
from backends.numpy import devices, versions


class Model(Honest):
    def train(self, orders, epoch_done):
        super().train((time.sleep(0.7) or order for order in orders), epoch_done)
"""


def test_being_suspended_does_not_hold_up_keras_on_tensorflow(tmp_path: Path) -> None:
    """With tf.data's autotuning most epochs would wait for a thread of the last one to wake up."""
    name = "keras_tensorflow"
    write_toy(tmp_path, "slow", SLOW)
    session = session_of(tmp_path)
    session = session._replace(backends={**session.backends, name: inspect(SHIPPED / f"{name}.py")})
    work = msgspec.structs.replace(RELU, epochs=8, test_samples=5000)
    group = Group(work, cases(CPU, name, "slow", workload=work))
    (found,) = [one.result for one in session.take_turns([group])
                if isinstance(one, Trial) and one.case.backend == name]  # fmt: skip
    assert isinstance(found, Trained), found
    assert median(epoch.seconds for epoch in found.epochs) < 0.2  # of 0.05; with it 0.35


def test_threads_of_a_case_are_those_of_its_child(tmp_path: Path) -> None:
    write_toy(tmp_path, "toy", faulty_model("raise ValueError(os.environ['OMP_NUM_THREADS'])"))
    asked = tuple(Case("toy", CPU, RELU.fingerprint, threads) for threads in (1, 2))
    events = session_of(tmp_path).take_turns([Group(RELU, asked)])
    found = {one.case.threads: str(one.result) for one in events if isinstance(one, Trial)}
    assert found == {1: "raised: ValueError: 1", 2: "raised: ValueError: 2"}


def test_a_gpu_child_sees_one_gpu_as_its_first(tmp_path: Path) -> None:
    fault = "raise ValueError(device + ' ' + os.environ['CUDA_VISIBLE_DEVICES'])"
    write_toy(tmp_path, "toy", faulty_model(fault))
    _, trial = session_of(tmp_path).take_turns([Group(RELU, cases(Device("cuda", 1), "toy"))])
    assert str(trial.result) == "raised: ValueError: cuda:0 1"
