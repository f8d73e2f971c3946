"""From a plan's step to a child and back: interpreter, environment, log, and one real trial."""

import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from made import make_cell, make_trained
from toys import HONEST, PATIENCE_SECONDS, answering, write_toy

from bench import session as glue
from bench.checks import PHASES_SHARE, accounted_seconds, trial_mistakes
from bench.discovery import SHIPPED, Backend, inspect
from bench.records import Described, Failed, Moment, Proved, Trained
from bench.runner import Step
from bench.session import (
    Session,
    all_side_by_side,
    describe,
    drawn_secret,
    run_job,
    side_by_side,
    step_runner,
    together_runner,
)
from bench.surroundings import STRICT_FLOAT32
from bench.worker import Job, Result
from bench.workload import workload_for

HEADER = """\
# /// script
# dependencies = []
# [tool.bench]
# environment = { KERAS_BACKEND = "toy", TOY_LEVEL = 3 }
# ///
"""


def session_of(*backends: Backend, timeout: float = PATIENCE_SECONDS, **rest: object) -> Session:
    """Return a session with these backends and one thread."""
    return Session({one.name: one for one in backends}, 1, timeout, **rest)  # type: ignore[arg-type]


def toy(folder: Path, body: str, header: str = "") -> Backend:
    """Return a backend that does this when it is asked for its devices."""
    path = Path(answering(folder, body).path)
    path.write_text(header + path.read_text())
    return inspect(path)


def test_a_backend_says_where_it_computes(tmp_path: Path) -> None:
    """What it answers in the child arrives as a record."""
    assert describe(session_of(toy(tmp_path, "return ['toy:0']")), "toy") == Described(
        devices=("toy:0",),
        versions={"toy": "1"},
        python=sys.version.split()[0],
        environment=STRICT_FLOAT32,
    )


def test_variables_of_the_header_are_set_before_the_import(tmp_path: Path) -> None:
    """KERAS_BACKEND and the like have to be there when the framework is first imported."""
    backend = toy(tmp_path, "return [KERAS, f'toy:{LEVEL}']", HEADER)
    source = backend.path.read_text()
    early = "import os\nKERAS, LEVEL = os.environ['KERAS_BACKEND'], os.environ['TOY_LEVEL']\n"
    backend.path.write_text(early + source)
    result = describe(session_of(backend), "toy")
    assert isinstance(result, Described), result
    assert result.devices == ("toy", "toy:3")


def test_what_the_header_hides_is_hidden_in_the_child(tmp_path: Path) -> None:
    """A framework does not find one that it does not need."""
    header = '# /// script\n# [tool.bench]\n# hides = ["colorsys"]\n# ///\n'
    body = (
        "from importlib.util import find_spec\nreturn ['found' if find_spec('colorsys') else 'cpu']"
    )
    result = describe(session_of(toy(tmp_path, body, header)), "toy")
    assert isinstance(result, Described), result
    assert result.devices == ("cpu",)


def test_a_backend_may_have_an_interpreter_of_its_own(tmp_path: Path) -> None:
    """Its children run with that one."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nOTHER=yes exec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    backend = toy(tmp_path, "return [os.environ.get('OTHER', 'no')]")
    result = describe(session_of(backend, pythons={"toy": str(wrapper)}), "toy")
    assert isinstance(result, Described), result
    assert result.devices == ("yes",)


def test_what_is_set_for_a_backend_is_recorded(tmp_path: Path) -> None:
    """The variables of its header, and those that keep float32 products exact."""
    found = describe(session_of(toy(tmp_path, "pass", HEADER)), "toy")
    assert isinstance(found, Described), found
    assert found.environment["KERAS_BACKEND"] == "toy"
    assert found.environment["NVIDIA_TF32_OVERRIDE"] == "0"


def test_an_interpreter_without_our_libraries_is_a_failure_that_says_so(tmp_path: Path) -> None:
    """The last line of the log names what it lacks."""
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    wrapper.chmod(0o755)
    backend = toy(tmp_path, "pass")
    result = describe(session_of(backend, pythons={"toy": str(wrapper)}), "toy")
    assert isinstance(result, Failed)
    assert "No module named" in result.log_tail[-1]


def test_a_failed_step_leaves_its_log(tmp_path: Path) -> None:
    """The log is named after the row, the task and the round."""
    write_toy(tmp_path, "toy", "def devices(): ...\ndef versions(): ...\nclass Model: ...\n")
    cell = make_cell("toy", workload=workload_for("relu", "cpu", train_samples=256))
    workloads = {cell.workload: workload_for("relu", "cpu", train_samples=256)}
    session = session_of(inspect(tmp_path / "toy.py"), logs=tmp_path / "logs")
    result, moment = step_runner(session, workloads)(Step("train", cell, 4))
    assert isinstance(result, Failed)
    assert result.reason.startswith("TypeError: ")
    assert isinstance(moment, Moment)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["toy-cpu-relu-train-4.log"]


def test_a_gpu_child_is_told_of_its_first_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parent's cuda:1 is the only GPU that the child sees, hence its cuda:0."""
    jobs: list[Job] = []
    environments: list[dict[str, str]] = []

    def run_child(job: Job, *, variables: dict[str, str], **rest: object) -> Result:
        jobs.append(job)
        environments.append(variables)
        return make_trained()

    monkeypatch.setattr(glue, "run_child", run_child)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    workload = workload_for("relu", "cuda:1")
    cell = make_cell("toy", "cuda:1", workload)
    session = session_of(Backend("toy", tmp_path / "toy.py"))
    step_runner(session, {workload.fingerprint: workload})(Step("train", cell, 2))
    assert [(job.device, job.round, job.workload) for job in jobs] == [("cuda:0", 2, workload)]
    assert environments[0]["CUDA_VISIBLE_DEVICES"] == "1"


def test_an_answer_to_another_question_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that brings a trial when it was asked for its devices has not answered."""
    monkeypatch.setattr(glue, "run_child", lambda job, **rest: make_trained())
    result = describe(session_of(Backend("toy", tmp_path / "toy.py")), "toy")
    assert result == Failed(kind="no result", reason="the child brought a Trained")


def test_side_by_side_keeps_the_order() -> None:
    """Results stand in the order of the items, whoever is done first."""
    gate = threading.Event()

    def do(session: Session, item: int) -> int:
        if item == 0:
            assert gate.wait(PATIENCE_SECONDS)
        gate.set()
        return item * 10

    found = all_side_by_side(session_of(), do, [0, 1, 2], at_once=2)
    assert list(found.items()) == [(0, 0), (1, 10), (2, 20)]


def test_what_is_done_side_by_side_is_told_at_once() -> None:
    """An item is announced before it is begun, and its result does not wait for a slower one."""
    gate = threading.Event()

    def do(session: Session, item: str) -> str:
        if item == "slow":
            assert gate.wait(PATIENCE_SECONDS)
        return item.upper()

    events = side_by_side(session_of(), do, ["slow", "quick", "last"], at_once=2)
    told = [next(events) for _ in range(5)]
    gate.set()
    assert told == [("slow", None), ("quick", None), ("quick", "QUICK"), ("last", None),
                    ("last", "LAST")]  # fmt: skip
    assert list(events) == [("slow", "SLOW")]


def test_who_stops_listening_ends_what_runs_side_by_side(tmp_path: Path) -> None:
    """If the iterator is closed early, since saving fails say, the child that runs is ended."""
    session = session_of(toy(tmp_path, "time.sleep(1000)"))
    waiting = threading.Event()

    def do(session: Session, name: str) -> object:
        if name == "toy":
            waiting.set()
            return describe(session, name)
        return waiting.wait(PATIENCE_SECONDS)

    before = time.monotonic()
    events = side_by_side(session, do, ["toy", "quick", "never"], at_once=2)
    assert [next(events) for _ in range(3)] == [("toy", None), ("quick", None), ("quick", True)]
    events.close()
    assert time.monotonic() - before < PATIENCE_SECONDS, "nobody waited for the sleeping child"


def test_on_an_accelerator_one_is_proved_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory may be too small for two frameworks; on the CPU some are proved at once."""
    asked: list[tuple[list[str], int]] = []

    def noting(session: Session, do: object, items: Iterable[Step], at_once: int) -> list[object]:
        asked.append(([step.cell.device for step in items], at_once))
        return []

    monkeypatch.setattr(glue, "side_by_side", noting)
    devices = ["cpu", "cpu", "cuda:0", "cuda:1", "cpu"]
    steps = [Step("prove", make_cell("toy", device), 0) for device in devices]
    assert list(together_runner(session_of(), {})(steps)) == []
    assert asked == [
        (["cpu", "cpu"], glue.AT_ONCE),
        (["cuda:0", "cuda:1"], 1),
        (["cpu"], glue.AT_ONCE),
    ]


def test_an_interruption_ends_all_that_runs_side_by_side(tmp_path: Path) -> None:
    """One stops, the others' children are ended, what has not begun never begins."""
    backend = toy(tmp_path, "time.sleep(1000)")
    begun: list[str] = []

    def do(session: Session, name: str) -> object:
        begun.append(name)
        if name == "interrupted":
            raise KeyboardInterrupt
        return describe(session, "toy")

    before = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        all_side_by_side(session_of(backend), do, ["toy", "interrupted", "never"], at_once=2)
    assert time.monotonic() - before < PATIENCE_SECONDS, "nobody waited for the sleeping child"
    assert begun == ["toy", "interrupted"]


def test_a_real_trial_accounts_for_its_time() -> None:
    """From a child's start to its written result, 95 % of the time belongs to a recorded phase."""
    workload = workload_for("relu", "cpu", epochs=2)
    job = Job("train", "numpy", str(SHIPPED / "numpy.py"), "cpu", workload)
    session = session_of(inspect(SHIPPED / "numpy.py"))
    begun = time.time()
    result = run_job(session, job, "cpu", "numpy")
    elapsed = time.time() - begun
    assert isinstance(result, Trained), result
    assert accounted_seconds(result) >= PHASES_SHARE * result.total_seconds
    assert 0 < result.total_seconds <= elapsed
    assert workload.train_samples == 6_000
    assert len(result.epochs) == 2


@pytest.mark.parametrize(
    "trick",
    [
        "time.perf_counter = lambda: BEGUN + (REAL() - BEGUN) / 10",
        "time.perf_counter = time.monotonic = lambda: BEGUN + 0.001 * next(TICKS)",
    ],
    ids=["slow", "own"],
)
def test_a_backend_that_turns_its_own_clock_is_marked(tmp_path: Path, trick: str) -> None:
    """The parent's clock says how long a trial took, and the phases have to account for it."""
    begin = "import itertools, time\nTICKS = itertools.count()\nREAL = time.perf_counter"
    source = f"{begin}\nBEGUN = REAL()\n{trick}\n{HONEST}"
    backend = inspect(write_toy(tmp_path, "toy", source))
    workload = workload_for("relu", "cpu", epochs=6, train_samples=2_000, test_samples=500)
    job = Job("train", "toy", str(backend.path), "cpu", workload)
    result = run_job(session_of(backend), job, "cpu", "toy")
    assert isinstance(result, Trained), result
    marks = trial_mistakes(result, on_cpu=True)
    assert any(mark.startswith("time unaccounted for") for mark in marks)


FORESEEING = """
import numpy as np

from backends.numpy import Model as Honest
from backends.numpy import devices, versions


class Model(Honest):
    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        generator = np.random.default_rng([workload.seed, 1])
        epochs = range(workload.epochs)
        self.foreseen = [generator.permutation(len(train.labels)) for _ in epochs]
        self.kept = []
        super().train(iter(self.foreseen), lambda loss: self.kept.append((loss, self.copy())))
        self.put(parameters)

    def copy(self):
        return [(layer.weight.copy(), layer.bias.copy()) for layer in super().parameters()]

    def train(self, orders, epoch_done):
        for order, foreseen, (loss, after) in zip(orders, self.foreseen, self.kept):
            if not np.array_equal(order, foreseen):
                super().train(iter([order]), epoch_done)
                return
            self.put(after)
            epoch_done(loss)

    def put(self, parameters):
        for layer, (weight, bias) in zip(self._network.layers, parameters):
            layer.weight[:], layer.bias[:] = weight, bias
"""


def test_a_backend_that_trains_before_the_clock_starts_is_marked(tmp_path: Path) -> None:
    """It can know all orders but the last, whose epoch then takes as long as an honest one."""
    backend = inspect(write_toy(tmp_path, "toy", FORESEEING))
    workload = workload_for("relu", "cpu", epochs=5, train_samples=2_000, test_samples=500)
    job = Job("train", "toy", str(backend.path), "cpu", workload, secret=drawn_secret())
    result = run_job(session_of(backend), job, "cpu", "toy")
    assert isinstance(result, Trained), result
    marks = trial_mistakes(result, on_cpu=True)
    assert "epochs ran away" in [mark.partition(":")[0] for mark in marks]


def test_an_honest_toy_is_proved(tmp_path: Path) -> None:
    """What a toy takes over from the NumPy backend is proved like it."""
    backend = inspect(write_toy(tmp_path, "toy", HONEST))
    job = Job("prove", "toy", str(backend.path), "cpu", workload_for("relu", "cpu"))
    result = run_job(session_of(backend), job, "cpu", "toy")
    assert isinstance(result, Proved), result
    assert result.holds
