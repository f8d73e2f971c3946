"""`run` from end to end: one file is a backend, failures and interruptions, and what is left."""

import getpass
import os
import platform
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import toys
from toys import PATIENCE_SECONDS, SMALL, bench, faulty_model, write_toy

from bench.results.records import Failed, GemmBound, Run, Trained, Verified
from bench.results.store import read_run
from bench.run import lock
from bench.workload import Axis

# All that it takes to add a backend.
TOY = '''\
"""A toy: NumPy's network under another name."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.0"]
#
# [tool.bench]
# purpose = "A toy that computes what NumPy does"
# ///

from backends.numpy import Model, devices

__all__ = ["Model", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return a version of its own."""
    return {"toy": "4.2"}
'''
FAILURES = {
    "raises": ("raise ValueError('no luck')", "raised: ValueError: no luck"),
    "killed": (
        "os.kill(0, signal.SIGKILL)",
        "killed: ended by SIGKILL, perhaps for want of memory",
    ),
}


def run_file(reports: Path) -> Path:
    """Return the one run file of a reports folder."""
    (path,) = (reports / "runs").iterdir()
    return path


class Outcome(NamedTuple):
    """What is left of a run."""

    status: int
    output: str
    folder: Path
    run: Run
    page: str  # of the machine


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Run a sound backend and two that fail."""
    folder = tmp_path_factory.mktemp("outcome")
    write_toy(folder, "toy", TOY)
    for name, (fault, _) in FAILURES.items():
        write_toy(folder, name, faulty_model(fault))
    options = ("--backend", ",".join(["toy", *FAILURES]), "--quick", *SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(lock.VARIABLE, str(folder))
        with bench("run", *options, "--reports", str(folder), toys=folder) as process:
            output, errors = process.communicate()
    assert "Traceback" not in errors, errors
    (page,) = [path for path in folder.glob("*.md") if path.name != "README.md"]
    run = read_run(run_file(folder))
    return Outcome(process.returncode, output, folder, run, page.read_text())


def test_a_new_backend_is_listed_beside_the_others(outcome: Outcome) -> None:
    with bench("list", toys=outcome.folder) as process:
        output, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "toy ready A toy that computes what NumPy does" in lines
    assert any(line.startswith("numpy ") for line in lines)


def test_a_new_backend_is_verified_timed_and_stands_in_the_tables(outcome: Outcome) -> None:
    (verified,) = [one.result for one in outcome.run.verifications if one.case.backend == "toy"]
    (trained,) = [one.result for one in outcome.run.trials if one.case.backend == "toy"]
    assert isinstance(verified, Verified) and not verified.flags
    assert isinstance(trained, Trained) and not trained.flags
    rows = [line for line in outcome.page.splitlines() if line.startswith("| toy ")]
    assert len(rows) >= 3, "speed, cost and quality"
    assert "4.2" in outcome.page
    assert "toy" in (outcome.folder / "README.md").read_text()


@pytest.mark.parametrize("backend", FAILURES)
def test_a_failure_says_why_in_the_run_file_on_the_page_and_as_it_happens(
    outcome: Outcome, backend: str
) -> None:
    _, reason = FAILURES[backend]
    (failed,) = [one.result for one in outcome.run.trials if one.case.backend == backend]
    assert isinstance(failed, Failed)
    assert f"{failed.kind}: {failed.reason}" == reason
    assert reason in outcome.page
    assert f"round 1  {backend} · cpu · relu: FAILED: {reason}" in outcome.output


def test_failures_stop_no_other_leave_their_logs_and_are_exit_status_1(outcome: Outcome) -> None:
    assert outcome.status == 1
    assert len(outcome.run.verifications) == len(outcome.run.trials) == 3
    (bound,), (workload,) = outcome.run.gemm_bounds, outcome.run.workloads
    assert isinstance(bound.result, GemmBound)
    logs = {path.name: path for path in outcome.folder.glob("logs/*/*.log")}
    assert "no luck" in logs[f"raises-cpu-{workload}-round-1.log"].read_text()
    assert not [name for name in logs if name.startswith("toy")]


def test_quick_is_one_round_of_three_epochs_and_hands_on_what_else_is_given(
    outcome: Outcome,
) -> None:
    (workload,) = outcome.run.workloads.values()
    assert (outcome.run.rounds, workload.epochs, workload.variant) == (1, 3, "relu")
    assert (workload.train_samples, workload.test_samples) == (256, 50)


def test_a_sweep_does_every_point_and_a_point_that_fails_costs_nothing_else(
    tmp_path: Path,
) -> None:
    write_toy(tmp_path, "toy", TOY)
    write_toy(tmp_path, "fails", faulty_model("if workload.batch_size == 64: raise ValueError(1)"))
    options = ("--backend", "toy,fails", "--batch-size", "256,64", *SMALL)
    with bench("run", *options, "--reports", str(tmp_path), toys=tmp_path) as process:
        output, errors = process.communicate()
    assert "Traceback" not in errors, errors
    assert "2 points, 4 cases, 3 rounds: about" in errors
    run = read_run(run_file(tmp_path))
    assert run.axes == (Axis("batch_size", (64, 256)),)
    failed = [trial for trial in run.trials if isinstance(trial.result, Failed)]
    assert (process.returncode, len(run.trials), len(failed)) == (1, 12, 3)
    assert {run.workloads[trial.case.workload].batch_size for trial in failed} == {64}
    assert {trial.case.backend for trial in failed} == {"fails"}
    assert "round 2  toy · cpu · relu, batch size 64: " in output


def test_away_from_a_terminal_there_are_plain_lines_and_the_answer_at_the_end(
    outcome: Outcome,
) -> None:
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", outcome.output)
    assert outcome.output.startswith("run file: ")
    assert re.search(r"round 1  toy · cpu · relu: \S+ s/epoch, accuracy 0\.\d+", outcome.output)
    table = outcome.output[outcome.output.rindex("round 1") :]
    assert re.search(r"^toy +cpu +4\.2 ", table, re.MULTILINE)
    assert table.endswith(f"tables and charts: {outcome.folder / 'README.md'}\n")


def test_a_run_file_names_nobody(outcome: Outcome) -> None:
    text = run_file(outcome.folder).read_text()
    names = (platform.node(), getpass.getuser(), str(Path.home()))
    assert not [name for name in names if len(name) > 4 and name in text]  # "root" is a word


HANG = f"""\
signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = subprocess.Popen(["sleep", "1000"])
{toys.writing('f"{os.getpid()} {helper.pid}"')}
time.sleep(1000)
"""
# In the second round, whose seed is one more than the workload's, until the file `go` is there.
HANGS_LATE = "if workload.seed == 1338 and not (HERE / 'go').exists():\n" + "".join(
    f"    {line}\n" for line in HANG.splitlines()
)


class Hanging(NamedTuple):
    """A run in a process of its own of which a child hangs."""

    process: "subprocess.Popen[str]"
    children: list[psutil.Process]
    folder: Path

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return exit status and all that it printed, nobody being left."""
        self.process.send_signal(number)
        output = "".join(self.process.communicate(timeout=PATIENCE_SECONDS))
        toys.until_all_ended([child.pid for child in self.children])
        assert "Traceback" not in output
        return self.process.returncode, output


@pytest.fixture
def hanging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hanging]:
    """Start a run of two backends one of which is the test's parameter."""
    write_toy(tmp_path, "honest")
    write_toy(tmp_path, "hangs", request.param)
    options = ("--backend", "honest,hangs", "--rounds", "2", "--epochs", "2", *SMALL)
    with bench("run", *options, "--reports", str(tmp_path), toys=tmp_path) as process:
        numbers = tmp_path / "numbers"
        toys.until(lambda: numbers.exists() or process.poll() is not None, "a child hangs")
        assert process.poll() is None, process.communicate()
        children = psutil.Process(process.pid).children(recursive=True)
        assert {child.pid for child in children} >= set(toys.numbers_in(numbers))
        yield Hanging(process, children, tmp_path)


@pytest.mark.parametrize("hanging", [faulty_model(HANGS_LATE)], indirect=True, ids=["late"])
def test_an_interrupted_run_can_be_finished(hanging: Hanging) -> None:
    status, output = hanging.end(signal.SIGINT)
    path = run_file(hanging.folder)
    assert status == 130
    assert f"not finished; finish it with: python -m bench run --resume {path}" in output
    before = read_run(path)
    assert (len(before.verifications), len(before.trials)) == (2, 2)
    assert (hanging.folder / "README.md").exists()
    (hanging.folder / "go").touch()
    with bench("run", "--resume", str(path), toys=hanging.folder) as process:
        output = "".join(process.communicate(timeout=PATIENCE_SECONDS))
    assert process.returncode == 0, output
    after = read_run(path)
    assert (after.verifications, after.trials[:2]) == (before.verifications, before.trials)
    assert [trial.round for trial in after.trials] == [0, 0, 1, 1]
    assert "round 2  hangs · cpu · relu: 0." in output
    assert "round 1" not in output


@pytest.mark.parametrize("hanging", [faulty_model(HANGS_LATE)], indirect=True, ids=["late"])
def test_a_killed_run_leaves_a_sound_file_and_no_child(hanging: Hanging) -> None:
    assert psutil.STATUS_STOPPED in {child.status() for child in hanging.children}
    status, _ = hanging.end(signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert len(read_run(run_file(hanging.folder)).trials) == 2
    with lock.only_run():
        pass


@pytest.mark.parametrize("hanging", [faulty_model(HANG)], indirect=True, ids=["at once"])
def test_a_run_that_is_told_to_end_holds_the_machine_until_then(hanging: Hanging) -> None:
    for command in ("run", "verify"):
        with bench(command, "--backend", "honest", toys=hanging.folder) as second:
            out, err = second.communicate(timeout=PATIENCE_SECONDS)
        assert (second.returncode, out) == (2, "")
        assert f"another run is measuring on this machine: process {hanging.process.pid}" in err
        assert "concurrent runs distort each other's timings: wait for it, or end it" in err
    status, _ = hanging.end(signal.SIGTERM)
    assert status == 130
    assert read_run(run_file(hanging.folder)).trials == ()
    assert (hanging.folder / "README.md").exists()


def test_a_closed_terminal_ends_a_run_in_order(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="there are no such terminals on Windows")
    write_toy(tmp_path, "honest")
    write_toy(tmp_path, "hangs", faulty_model(HANGS_LATE))
    options = ("--backend", "honest,hangs", "--rounds", "2", "--epochs", "2", *SMALL)
    ours, theirs = pty.openpty()
    with bench(
        "run", *options, "--reports", str(tmp_path), toys=tmp_path, terminal=theirs
    ) as process:
        os.close(theirs)
        seen = b""
        while not re.search(rb"round 2/2  starting  hangs .*left", seen):
            seen += os.read(ours, 65536)
        toys.until((tmp_path / "numbers").exists, "a child hangs")
        children = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
        os.close(ours)
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert errors.splitlines()[-2:] == [
        "the run is not finished; finish it with: "
        f"python -m bench run --resume {run_file(tmp_path)}",
        "interrupted",
    ]
    toys.until_all_ended(children)
    assert len(read_run(run_file(tmp_path)).trials) == 2
    assert (tmp_path / "README.md").exists()


ASKED = f"{toys.START}{HANG}devices = versions = Model = 1\n"


@pytest.mark.parametrize("hanging", [ASKED], indirect=True, ids=["asked"])
def test_an_interruption_while_devices_are_asked_for_leaves_no_run_file(hanging: Hanging) -> None:
    status, _ = hanging.end(signal.SIGINT)
    assert status == 130
    assert list((hanging.folder / "runs").iterdir()) == []
