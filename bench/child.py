"""The parent's side of the process border: start a child for one job and bring back its result.

A fresh child for every job: threads, affinity, visible GPUs and the backend's own variables are
set before any framework is imported, caches of earlier trials are out of reach (the temporary and
the cache folder are new), and a crash or a hang costs one job.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bench import idx, machine, scrub
from bench.records import CannotSave, Failed
from bench.worker import Job, Result

ROOT = Path(__file__).parent.parent
LINE = 500  # letters that a failed row keeps of a line
LOG_LINES = 20  # that a failed row keeps
TAIL_BYTES = 20_000  # of a log, in which its last lines are looked for
KEPT_BYTES = 10_000_000  # of the log of a failed child
SAMPLE_SECONDS = 1.0  # between two looks at the machine while a child runs
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
NO_GPU = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "ROCR_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
}


class CannotStart(Exception):
    """The interpreter of a child cannot be started."""


def environment(variables: dict[str, str], device: str | None, threads: int) -> dict[str, str]:
    """Return the environment of a child that computes on the device; None: it may see all.

    `variables` are the backend's own. CPU children see no GPU; a child on `cuda:1` sees that one
    only (of those that are visible here, in the order of the PCI bus).
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    result = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    if idx.VARIABLE in os.environ:
        result[idx.VARIABLE] = str(idx.data_folder())  # the child works in another folder
    if device == "cpu":
        result.update(NO_GPU)
    elif device is not None and device.startswith("cuda:"):
        visible = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
        index = int(device.removeprefix("cuda:"))
        result["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
    return result


def device_in_child(device: str) -> str:
    """Return the device's name inside a child that sees no other GPU."""
    return "cuda:0" if device.startswith("cuda:") else device


def run_child(
    job: Job,
    *,
    python: str = sys.executable,
    variables: dict[str, str],
    cpus: list[int] | None = None,
    timeout: float,
    keep_log: Path | None = None,
    sample: Callable[[], object] = lambda: None,
) -> Result:
    """Run a job in a fresh child, calling `sample` about once a second meanwhile.

    Always returns: a child that raises, dies, hangs or brings rubbish is a Failed, with the last
    lines that it printed; the whole log is then kept at `keep_log`. If this process is
    interrupted, the child and all that it started are ended first.
    """
    with _own_folder() as name:
        folder = Path(name)
        paths = [folder / "job.json", folder / "result.json"]
        caches = {"TMPDIR": name, "XDG_CACHE_HOME": name}
        command = [python, "-P", "-m", "bench.worker", *map(str, paths)]
        job = msgspec.structs.replace(job, started=time.time())
        paths[0].write_bytes(msgspec.json.encode(job))
        try:
            with _started(command, {**variables, **caches}, folder, cpus) as process:
                timed_out = not _wait(process, timeout, sample)
            result = _result(paths[1], process.returncode, timeout if timed_out else None)
        except CannotStart as error:
            result = Failed(kind="no result", reason=str(error))
        if isinstance(result, Failed):
            reason = scrub.clean(result.reason)[:LINE]
            result = msgspec.structs.replace(result, reason=reason, log_tail=_tail(folder / "log"))
            _keep(folder / "log", keep_log)
        return result


@contextmanager
def _own_folder() -> Iterator[str]:
    """Make a folder for one child and remove it afterwards; raise CannotSave if there is no room."""
    try:
        made = tempfile.TemporaryDirectory(prefix="mlp-bench-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CannotSave(
            f"no folder can be made for a child: {error}; expected room in the temporary folder: "
            "make some, or name another one in the variable TMPDIR"
        ) from error
    with made as name:
        yield name


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
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    for descendant in _descendants(process):
        with suppress(psutil.Error):  # it ended meanwhile
            descendant.kill()
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


def _wait(process: subprocess.Popen[bytes], timeout: float, sample: Callable[[], Any]) -> bool:
    """Return whether the process ended within the time-out, in seconds."""
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            process.wait(min(SAMPLE_SECONDS, left))
            return True
        except subprocess.TimeoutExpired:
            sample()
    return False


def _result(path: Path, returncode: int, timeout: float | None) -> Result:
    if timeout is not None:
        reason = f"no result after {timeout:g} s; give it more with --timeout"
        return Failed(kind="timed out", reason=reason)
    if path.exists():
        try:
            result: Result = msgspec.json.decode(path.read_bytes(), type=Result)
            return result
        except (msgspec.MsgspecError, OSError, RecursionError) as error:
            return Failed(kind="no result", reason=f"the result cannot be read: {error}")
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
