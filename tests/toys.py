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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench import ROOT
from bench.results.jobs import Job, Message
from bench.run import lock
from bench.run.backends import FOLDER_VARIABLE
from bench.run.environment import environment
from bench.run.process import Child, Setup
from bench.workload import CPU

HONEST = "from backends.numpy import Model, devices, versions\n"
# One thread: threads of a BLAS wait for each other busily, which takes ages on a busy machine.
SMALL = ("--train-samples", "256", "--test-samples", "50", "--threads", "1")
PATIENCE_SECONDS = 60.0  # after which a test gives up on a process; none waits that long if sound
START = "import os, signal, subprocess, sys, threading, time\nfrom pathlib import Path\n"
START += "HERE = Path(__file__).parent\n"


def write_toy(folder: Path, name: str, source: str = HONEST) -> Path:
    """Write a backend's file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(source))
    return path


def faulty_model(fault: str) -> str:
    """Return the source of a backend whose every model does something on being built."""
    return (
        f"{START}from backends.numpy import Model as Honest, devices, versions\n"
        "class Model(Honest):\n"
        "    def __init__(self, workload, parameters, train, device):\n"
        "        super().__init__(workload, parameters, train, device)\n"
        f"{textwrap.indent(textwrap.dedent(fault), ' ' * 8)}\n"
    )


def answering(folder: Path, body: str, header: str = "", name: str = "toy") -> Job:
    """Return a job that asks a toy for its devices; the body is what it does instead."""
    source = (
        f"{header}{START}Model = object\n"
        "def versions(): return {'toy': '1'}\n"
        f"def devices():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n    return ['cpu']\n"
    )
    return Job(task="describe", backend=name, path=str(write_toy(folder, name, source)))


def writing(what: str, name: str = "numbers") -> str:
    """Return lines of a toy that write the process numbers in `what` into a file, all at once."""
    new = f"(HERE / '{name}.new')"
    return f"{new}.write_text({what})\n{new}.rename(HERE / {name!r})\n"


def interpreter(folder: Path, script: str) -> str:
    """Return the path of an interpreter: a shell script."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def child_of(job: Job, sample: Callable[[], object] = lambda: None, **setup: Any) -> Child:
    """Return a child, to be entered, that may see one thread and no GPU."""
    given = {"python": sys.executable, "variables": environment({}, CPU, 1), "cpus": None}
    return Child(job, Setup(**{**given, **setup}), sample)


def answer(job: Job, **rest: Any) -> Message:
    """Return the first message of a real child that does the job."""
    with child_of(job, **rest) as child:
        return child.receive(PATIENCE_SECONDS)


def _as_from_a_shell(terminal: int | None) -> None:
    """Let signals do what they do by default, and the terminal's closing send one."""
    import fcntl  # not on Windows, where nothing here starts a process
    import termios

    for number in (signal.SIGINT, signal.SIGHUP):  # in the background they may be ignored
        signal.signal(number, signal.SIG_DFL)
    if terminal is not None:
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


@contextmanager
def python(
    *arguments: str, terminal: int | None = None, **variables: str
) -> "Iterator[subprocess.Popen[str]]":
    """Start an interpreter in a process of its own, as a person does; end it if need be.

    What it prints goes to the terminal, if there is one.
    """
    assert lock.VARIABLE in os.environ, "tests must not take the machine's own lock"
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
        cwd=ROOT,
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: _as_from_a_shell(terminal),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def bench(*arguments: str, toys: Path, terminal: int | None = None) -> Any:
    """Start `python -m bench` with the toys of a folder, to be entered."""
    for name in ("torch", "jax"):  # the GEMM bound would try them, for ten seconds a run
        write_toy(toys / "without", name, f"raise ImportError('no {name} for toys')\n")
    variables = {FOLDER_VARIABLE: str(toys), "PYTHONPATH": str(toys / "without")}
    # A run that is killed leaves its last child's folder.
    return python("-m", "bench", *arguments, terminal=terminal, **variables, TMPDIR=str(toys))


def script(code: str, temporary: Path) -> Any:
    """Start code that has children of its own, to be entered."""
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    return python("-c", code, PYTHONPATH=path, TMPDIR=str(temporary))


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


def numbers_in(path: Path) -> Sequence[int]:
    """Return the process numbers that a toy has written into a file; () before it has."""
    return tuple(map(int, path.read_text().split())) if path.exists() else ()


def until_all_ended(numbers: Sequence[int]) -> None:
    """Wait until none of the processes, of which there is one, runs any more."""
    assert numbers
    until(lambda: not any(map(is_running, numbers)), "all end")
