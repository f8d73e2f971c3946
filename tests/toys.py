"""Backends of a few lines, honest and faulty, and ways to run them; what they compute is NumPy's.

A toy is a file in a folder that the variable MLP_BENCH_BACKENDS names: nothing else is needed.
"""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from click.testing import Result as CliResult
from made import INPUTS, make_described, make_proved, make_trained

from bench import idx, lock, unchanged
from bench.child import run_child
from bench.cli import main
from bench.commands import run as run_command
from bench.discovery import FOLDER_VARIABLE
from bench.planning import Asked, Plan
from bench.records import Failed, Floor, Moment, Run, read_run
from bench.runner import RunStep, Step, plan_cells
from bench.session import Session
from bench.surroundings import environment
from bench.worker import Job, Result
from bench.workload import Workload

HONEST = "from backends.numpy import Model, devices, versions\n"
# One thread: threads of a BLAS wait for each other busily, which takes ages on a busy machine.
SMALL = ("--train-samples", "256", "--test-samples", "50", "--threads", "1")
PATIENCE_SECONDS = 60.0  # after which a test gives up on a process; none waits that long if sound


def write_toy(folder: Path, name: str, source: str = HONEST) -> Path:
    """Write a backend's file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(source))
    return path


def faulty_model(fault: str) -> str:
    """Return the source of a backend whose every model does something on being built."""
    return (
        "import os, signal, subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from backends.numpy import Model as Honest, devices, versions\n"
        "class Model(Honest):\n"
        "    def __init__(self, workload, parameters, train, device):\n"
        "        super().__init__(workload, parameters, train, device)\n"
        f"{textwrap.indent(textwrap.dedent(fault), ' ' * 8)}\n"
    )


def answering(folder: Path, body: str) -> Job:
    """Return a job that asks a toy for its devices; the body is what it does instead."""
    source = (
        "import os, signal, subprocess, sys, threading, time\n"
        "from pathlib import Path\n"
        f"HERE = Path({str(folder)!r})\n"
        "Model = object\n"
        "def versions(): return {'toy': '1'}\n"
        f"def devices():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n    return ['cpu']\n"
    )
    return Job(task="describe", backend="toy", path=str(write_toy(folder, "toy", source)))


def answer(job: Job, *, timeout: float = PATIENCE_SECONDS, **rest: object) -> Result:
    """Run the job in a real child that may see one thread and no GPU."""
    variables = environment({}, "cpu", 1)
    return run_child(job, variables=variables, timeout=timeout, **rest)  # type: ignore[arg-type]


def bench(*arguments: str, toys: Path | None = None) -> "subprocess.Popen[str]":
    """Start `python -m bench` in a process of its own, as a person does."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    assert lock.VARIABLE in variables, "tests must not take the machine's own lock"
    if toys is not None:
        variables["TMPDIR"] = str(toys)  # a run that is killed leaves its last child's folder
        variables[FOLDER_VARIABLE] = str(toys)
        variables["PYTHONPATH"] = str(without_frameworks(toys / "without"))
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        env=variables,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the tests run in the background SIGINT may be ignored, and that is handed on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def without_frameworks(folder: Path) -> Path:
    """Return a folder that hides those that the floor would try, for ten seconds a run."""
    for name in ("torch", "jax"):
        write_toy(folder, name, f"raise ImportError('no {name} for toys')\n")
    return folder


class Fakes:
    """Children that are none: what they answer, and what they were asked."""

    def __init__(self, backends: Sequence[str] = ("numpy", "torch")) -> None:
        self.described = {name: make_described() for name in backends}
        self.steps: list[Step] = []
        self.failing: dict[str, Failed] = {}
        self.reported: list[Path] = []  # folders whose tables were asked for

    def plan(self, session: Session, asked: Asked, say: object = None) -> Plan:
        """Plan a row for each backend, asking nobody."""
        rows = {name: ["cpu"] for name in self.described}
        sizes = (asked.epochs, asked.train_samples, asked.test_samples)
        return Plan(*plan_cells(rows, asked.variants, *sizes), self.described, {})

    def step_runner(self, session: Session, workloads: dict[str, Workload]) -> RunStep:
        """Return what answers at once."""

        def run_step(step: Step) -> tuple[Result, Moment]:
            self.steps.append(step)
            if step.task == "floor":
                return Floor("NumPy 2.0", 0.1, 1e11), Moment()
            if step.task == "prove":
                return make_proved(), Moment()
            epochs = workloads[step.cell.workload].epochs
            return self.failing.get(step.cell.backend, make_trained(epochs=epochs)), Moment()

        return run_step


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fakes]:
    """Let `run`, in this process, have children that answer at once; SIGTERM stays as it was."""
    made, before = Fakes(), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(run_command, "plan", made.plan)
    monkeypatch.setattr(run_command, "step_runner", made.step_runner)
    monkeypatch.setattr(run_command, "together_runner", lambda session, workloads: None)
    monkeypatch.setattr(run_command, "_report", made.reported.append)
    monkeypatch.setattr(idx, "check", lambda folder: None)
    monkeypatch.setattr(unchanged, "inputs_hash", lambda raw, workload: INPUTS)
    yield made
    signal.signal(signal.SIGTERM, before)


def invoke(*arguments: str | Path) -> CliResult:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def only_run_file(reports: Path) -> Path:
    """Return the one run file of a reports folder."""
    (path,) = (reports / "runs").glob("*.json")
    return path


def only_run(reports: Path) -> Run:
    """Return the one run of a reports folder."""
    return read_run(only_run_file(reports))


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.02)


def is_running(number: int) -> bool:
    """Return whether a process is there and not merely waiting to be reaped."""
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def numbers_in(path: Path, count: int) -> Sequence[int]:
    """Return the process numbers that a toy has written into a file; () before they are all in."""
    words = path.read_text().split() if path.exists() else []
    return tuple(map(int, words)) if len(words) == count else ()


def all_ended(numbers: Sequence[int]) -> bool:
    """Return whether none of the processes runs any more."""
    return not any(map(is_running, numbers))
