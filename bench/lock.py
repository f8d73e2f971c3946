"""One run at a time on a machine: a second one would spoil both."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
    lock = filelock.FileLock(folder / "mlp-bench.lock", mode=0o666)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        if not Path(lock.lock_file).exists():
            raise _cannot_lock(lock, "it cannot be made") from None
        raise Busy(
            f"another run is measuring on this machine: {_who(note)}; two at once would spoil "
            "both: wait for it, or end it"
        ) from None
    except OSError as error:
        raise _cannot_lock(lock, error) from error
    try:
        _write(note, str(os.getpid()))
        yield
    finally:
        _write(note, "")
        lock.release()


def _cannot_lock(lock: filelock.BaseFileLock, why: object) -> CannotLock:
    return CannotLock(
        f"the lock {lock.lock_file} cannot be had: {why}; expected a folder that everybody may "
        f"write to: make it so, or name another one in the variable {VARIABLE}"
    )


def _write(note: Path, text: str) -> None:
    try:
        note.write_text(text)
    except OSError:
        pass  # somebody else's file: the lock holds all the same, only the name is missing


def _who(note: Path) -> str:
    try:
        process = psutil.Process(int(note.read_text()))
        return f"process {process.pid} ({' '.join(process.cmdline())[:120]})"
    except (OSError, ValueError, psutil.Error):
        return "a process that left no number"
