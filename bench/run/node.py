"""What one machine of a fleet does when it is asked: describe itself, or measure, once.

A task may be sent again, to another worker of the machine too, and whoever sent it may be gone. So
what lies on the machine decides: a run that is complete is handed over, one that was interrupted is
finished, and one that is under way is waited for. Nothing is measured twice.
"""

import hashlib
import importlib.metadata
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec

from bench import ROOT, __version__, machine
from bench.results import redact
from bench.results.records import Run
from bench.results.store import BrokenRunFile, read_run
from bench.run.backends import discover
from bench.run.groups import missing_stages
from bench.run.lock import locked
from bench.run.log import tail
from bench.run.resume import options_in

VARIABLE = "MLP_BENCH_STATE"  # a folder for what is kept of fleets, beside the reports
ENDED = (0, 1, 2)  # exit statuses of a run that was neither interrupted nor killed
Given = ParamSpec("Given")
Returned = TypeVar("Returned")
DASK = "DASK_"  # how variables begin that are the worker's alone


class Facts(NamedTuple):
    """What a machine says of itself before it begins."""

    machine: bytes  # bench.results.hardware.Machine, as JSON
    versions: dict[str, str]  # of Python, this program and what the backends depend on
    token: str  # the same for all workers on a machine; never published


class Answer(NamedTuple):
    """What came of measuring."""

    status: int  # of `bench run`: 0 done, 1 something failed in it, 2 it could not be carried out
    name: str | None  # of the run file; None: there is none
    content: bytes  # of it
    is_complete: bool
    said: tuple[str, ...]  # the last lines that it printed, without names of people and machines


class Trouble(Exception):
    """What went wrong on a machine, without names of people and machines: it is published."""


def nameless(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Let a function raise Trouble only: no other machine knows which names to take out."""

    @wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise Trouble(redact.clean(f"{type(error).__name__}: {error}")) from None

    return wrapped


def state_folder() -> Path:
    """Return where a user keeps what is no part of the reports."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    home = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(home) / "mlp-bench"


@nameless
def facts() -> Facts:
    """Return what this machine is."""
    versions = {"Python": platform.python_version(), "mlp-bench": __version__}
    for name in sorted({name for one in discover().values() for name in one.packages}):
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return Facts(msgspec.json.encode(machine.describe()), versions, _token())


def _token() -> str:
    """Return what two processes share only if they are on one machine, or in one container."""
    known = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/net", "/proc/self/ns/uts"):
        with suppress(OSError):
            link = os.path.islink(path)
            known.append(os.readlink(path) if link else Path(path).read_text())
    return hashlib.sha256("\n".join(known).encode()).hexdigest()


def folder_of(fleet: str) -> Path:
    """Return what this machine keeps of a fleet in: nodes of a cluster may share the state folder.

    Started anew, a machine still has its name.
    """
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
    return state_folder() / "fleets" / fleet / host


@nameless
def measure(fleet: str, label: str, arguments: Sequence[str]) -> Answer:
    """Do one `bench run` for a fleet, or what is missing of it, and return its file."""
    folder = folder_of(fleet)
    (folder / "reports").mkdir(parents=True, exist_ok=True)
    ended = folder / "ended"  # --until may go on with a run of which nothing is missing
    with locked(os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644), wait=True) as lock:
        path, run = _found(folder / "reports" / "runs")
        status = 0
        if run is None or not ended.exists():
            status = _bench(_command(folder, path, fleet, label, arguments), folder / "log", lock)
            path, run = _found(folder / "reports" / "runs")
            if status in ENDED and run is not None and is_complete(run):
                ended.touch()
        said = tail(folder / "log")
        if path is None or run is None:
            return Answer(status or 2, None, b"", False, said)
        return Answer(status, path.name, path.read_bytes(), ended.exists(), said)


def is_complete(run: Run) -> bool:
    """Return whether nothing is missing of a run, however its trials went."""
    return bool(run.groups) and next(missing_stages(run), None) is None


def _found(folder: Path) -> tuple[Path | None, Run | None]:
    """Return the run that was begun here; a file that is none, as after a crash, is removed."""
    for path in sorted(folder.glob("*.json")):
        try:
            return path, read_run(path)
        except BrokenRunFile:
            path.unlink()
    return None, None


def _command(
    folder: Path, path: Path | None, fleet: str, label: str, arguments: Sequence[str]
) -> list[str]:
    bench = [sys.executable, "-m", "bench", "run"]
    if path is not None:
        return [*bench, "--resume", str(path), *options_in(arguments)]
    own = ["--fleet", fleet, "--label", label, "--reports", str(folder / "reports")]
    return [*bench, *arguments, "--yes", *own]


def _bench(command: list[str], log: Path, lock: int) -> int:
    """Run a command in a session of its own: it goes on, and keeps the lock, if we are killed."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(DASK)}
    variables["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(ROOT), variables.get("PYTHONPATH")])
    )
    with log.open("wb") as file:
        done = subprocess.run(
            command, cwd=log.parent, env=variables, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, start_new_session=True, pass_fds=[lock], check=False,
        )  # fmt: skip
    return done.returncode
