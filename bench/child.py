"""The parent's side of the process border: start a child for one job and bring back its result.

A fresh child for every job: its surroundings (bench.surroundings) and its affinity are set before
any framework is imported, caches of earlier trials are out of reach (the temporary and the cache
folder are new, but for what a backend's header names as made once a machine), and a crash or a
hang costs one job.
"""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

from bench import machine, scrub, surroundings
from bench.records import CannotSave, Failed, Trained
from bench.worker import LINE, Job, Result

LOG_LINES = 20  # that a failed row keeps
TAIL_BYTES = 20_000  # of a log, in which its last lines are looked for
LOG_LIMIT_BYTES = 1_000_000_000  # a child that prints more would fill the disk
RESULT_LIMIT_BYTES = 10_000_000  # a result of 1,000 epochs has 200,000
KEPT_BYTES = 10_000_000  # of the log of a failed child
SAMPLE_SECONDS = 1.0  # between two looks at the machine while a child runs


class CannotStart(Exception):
    """The interpreter of a child cannot be started."""


def run_child(
    job: Job,
    *,
    python: str = sys.executable,
    variables: dict[str, str],
    cpus: list[int] | None = None,
    timeout: float,
    once_a_machine: Iterable[str] = (),
    keep_log: Path | None = None,
    sample: Callable[[], object] = lambda: None,
) -> Result:
    """Run a job in a fresh child, calling `sample` about once a second meanwhile.

    Always returns: a child that raises, dies, hangs or brings rubbish is a Failed, with the last
    lines that it printed; the whole log is then kept at `keep_log`. If this process is
    interrupted, or `sample` raises, the child and all that it started are ended first. Raises
    CannotSave if there is no room for the job.
    """
    with _own_folder(job) as folder:
        paths = [str(folder / "job.json"), str(folder / "result.json")]
        command = [python, "-P", "-m", "bench.worker", *paths]
        caches = {"TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder)}
        surroundings.link_once_a_machine(once_a_machine, folder)
        begun = time.monotonic()
        try:
            with _started(command, {**variables, **caches}, folder, cpus) as process:
                cut_short = _wait(process, timeout, folder / "log", sample)
            ended = time.monotonic()
            result = cut_short or _result(folder / "result.json", process.returncode)
        except CannotStart as error:
            result = Failed(kind="no result", reason=str(error))
        if isinstance(result, Failed):
            reason = scrub.clean(result.reason)[:LINE]
            result = msgspec.structs.replace(result, reason=reason, log_tail=_tail(folder / "log"))
            _keep(folder / "log", keep_log)
        else:
            surroundings.keep_once_a_machine(once_a_machine, folder)
        if isinstance(result, Trained):  # by our clock: a backend can turn the child's
            return msgspec.structs.replace(result, total_seconds=ended - begun)
        return result


@contextmanager
def _own_folder(job: Job) -> Iterator[Path]:
    """Make a folder with the job in it and remove it afterwards; raise CannotSave without room."""
    with ExitStack() as stack:
        try:
            made = tempfile.TemporaryDirectory(prefix="mlp-bench-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            job = msgspec.structs.replace(job, started=time.time())
            (folder / "job.json").write_bytes(msgspec.json.encode(job))
        except OSError as error:
            raise CannotSave(
                f"a child's job cannot be written: {error}; expected room in the temporary "
                f"folder: make some, or name another folder in the variable TMPDIR"
            ) from error
        yield folder


@contextmanager
def _started(
    command: list[str], variables: dict[str, str], folder: Path, cpus: list[int] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process on these CPUs; at the end kill it and everything that it started.

    Raises CannotStart if the interpreter cannot be executed, or the system has no room for it.
    """
    try:
        with machine.pinned(cpus), (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env=variables,
                cwd=folder,
                stdin=subprocess.PIPE,  # closes when we end: the child then ends itself
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we end the child
            )
    except OSError as error:
        raise CannotStart(
            f"{command[0]} cannot be started: {error}; expected a Python interpreter: see --python"
        ) from error
    try:
        yield process
    finally:
        _kill(process, folder)


def _kill(process: subprocess.Popen[bytes], folder: Path) -> None:
    for started in (*_descendants(process), *_heirs(folder)):
        with suppress(psutil.Error):  # it ended meanwhile
            started.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):  # nothing is left
            os.killpg(process.pid, signal.SIGKILL)  # also what outlived the child
    else:
        process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return what a process that is still there started: some may have left its group."""
    if process.poll() is not None:
        return []
    try:
        found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []
    return found


def _heirs(folder: Path) -> list[psutil.Process]:
    """Return the processes that were handed down a child's folder: some may have outlived it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # it ended meanwhile, or is somebody else's
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process)
    return found


def _wait(
    process: subprocess.Popen[bytes], timeout: float, log: Path, sample: Callable[[], object]
) -> Failed | None:
    """Wait for the process to end; return why it has to be ended, if it has to be."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            process.wait(min(SAMPLE_SECONDS, left))
            return None
        except subprocess.TimeoutExpired:
            sample()
        if _size(log) > LOG_LIMIT_BYTES:
            reason = f"ended after it had printed more than {LOG_LIMIT_BYTES:,} bytes"
            return Failed(kind="no result", reason=reason)
    reason = f"no result after {timeout:g} s; give it more with --timeout"
    return Failed(kind="timed out", reason=reason)


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0  # the folder is the child's own: it may have deleted or locked it


def _result(path: Path, returncode: int) -> Result:
    try:
        result: Result = msgspec.json.decode(_content(path), type=Result)
        return result
    except FileNotFoundError:
        return _without_result(returncode)
    except (msgspec.MsgspecError, OSError, RecursionError) as error:
        return Failed(kind="no result", reason=f"the result cannot be read: {error}")


def _content(path: Path) -> bytes:
    """Return the bytes of a result; raise OSError for what is no file, or beyond our memory."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > RESULT_LIMIT_BYTES:
        raise OSError(f"it is no file of at most {RESULT_LIMIT_BYTES:,} bytes")
    return path.read_bytes()


def _without_result(returncode: int) -> Failed:
    if returncode < 0:
        name = _signal_name(-returncode)
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return Failed(kind="killed", reason=f"ended by {name}{hint}")
    return Failed(kind="no result", reason=f"exited with {returncode} and left no result")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one: most have no name


def _last_bytes(log: Path, count: int) -> bytes:
    """Return the end of a log, which may be larger than our memory; b"" if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - count))
            return file.read(count)
    except OSError:
        return b""


def _tail(log: Path) -> tuple[str, ...]:
    """Return the last lines of a log, printable and without names of people and machines."""
    text = _last_bytes(log, TAIL_BYTES).decode(errors="replace")
    lines = [scrub.clean(line)[:LINE] for line in text.splitlines() if line.strip()]
    return tuple(lines[-LOG_LINES:])


def _keep(log: Path, keep_log: Path | None) -> None:
    if keep_log is None:
        return
    try:
        keep_log.parent.mkdir(parents=True, exist_ok=True)
        keep_log.write_bytes(_last_bytes(log, KEPT_BYTES))
    except OSError:
        pass  # the last lines are in the run file, and saving that says what is wrong with the disk
