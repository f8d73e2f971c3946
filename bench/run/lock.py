"""One run at a time on a machine: concurrent runs distort each other's timings."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import filelock
import psutil

VARIABLE = "MLP_BENCH_LOCK_FOLDER"  # another place, for tests
SHARED = "/tmp" if os.name == "posix" else tempfile.gettempdir()  # whatever TMPDIR says


class Busy(Exception):
    """Another run is measuring on this machine."""


class CannotLock(Exception):
    """Whether another run is measuring cannot be known."""


@contextmanager
def only_run(folder: Path | None = None) -> Iterator[None]:
    """Hold the machine's lock; raise Busy, naming the process, if another one holds it."""
    folder = folder or Path(os.environ.get(VARIABLE) or SHARED)
    note = folder / "mlp-bench.pid"
    with ExitStack() as stack:
        try:
            stack.enter_context(_held(folder / "mlp-bench.run.lock"))
        except (filelock.Timeout, BlockingIOError):
            raise Busy(
                f"another run is measuring on this machine: {_who(note)}; concurrent runs distort "
                "each other's timings: wait for it, or end it"
            ) from None
        _write(note, str(os.getpid()))
        stack.callback(_write, note, "")
        yield


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Hold the lock of a file; raise Timeout or BlockingIOError if another process does.

    On POSIX not by filelock, which makes the file: in a folder like /tmp the kernel lets nobody
    make a file that another user has made already. To lock it, it is enough to read it.
    """
    if sys.platform == "win32":
        with filelock.FileLock(file, timeout=0):
            yield
        return
    with locked(_opened(file), wait=False):
        yield


@contextmanager
def locked(descriptor: int, *, wait: bool) -> Iterator[int]:
    """Hold the lock of an open file, as do those who inherit it; close it in the end."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(file: Path) -> int:
    try:
        with suppress(FileNotFoundError):
            return os.open(file, os.O_RDONLY)
        with suppress(FileExistsError):  # another user was quicker
            return os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
        return os.open(file, os.O_RDONLY)
    except OSError as error:
        raise CannotLock(
            f"the lock {file} cannot be had: {error}; expected a folder that everybody may "
            f"write to: make it so, or name another one in the variable {VARIABLE}"
        ) from error


def _write(note: Path, text: str) -> None:
    with suppress(
        OSError
    ):  # somebody else's: the lock holds all the same, only the name is missing
        note.write_text(text)


def _who(note: Path) -> str:
    try:
        process = psutil.Process(int(note.read_text()))
        return f"process {process.pid} ({' '.join(process.cmdline())[:120]})"
    except (OSError, ValueError, psutil.Error):
        return "a process that cannot be named, perhaps another user's"
