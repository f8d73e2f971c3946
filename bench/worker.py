"""The child process: reads a job, imports one backend, does the job, writes the result, exits.

Started as `python -m bench.worker JOB RESULT`. Nothing that imports NumPy may be imported here at
the top: what a backend costs to import is part of what is measured.
"""

import importlib.util
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Literal

import msgspec

from bench.records import (
    Described,
    Failed,
    Floor,
    Proved,
    Record,
    ThreadPool,
    Trained,
)
from bench.workload import Workload

Result = Described | Proved | Trained | Floor | Failed
DEVICE = re.compile(r"[a-z]\w*(:\d{1,4})?", re.ASCII)
LINE = 500  # letters that a failed row keeps of a line


class Job(Record, frozen=True):
    """What a child is to do."""

    task: Literal["describe", "floor", "prove", "train"]
    backend: str
    path: str  # of the backend's file
    device: str = "cpu"  # as the child sees it: the only visible GPU is cuda:0
    workload: Workload | None = None
    round: int = 0
    secret: int | None = None  # see bench.inputs.epoch_orders
    library: str | None = None  # see bench.floor.measure
    hides: tuple[str, ...] = ()  # modules that shall not be found
    started: float = 0.0  # time.time() when the parent started the process


def main() -> None:
    """Do the job of the first argument, write its result to the second, leave at once."""
    status = 1
    try:
        _work(*map(Path, sys.argv[1:]))
        status = 0
    except BaseException:
        _print_traceback()
    finally:
        with suppress(Exception):  # a backend may have closed or replaced them
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # no teardown of a framework and no thread of a backend may hang now


def _work(job_path: Path, result_path: Path) -> None:
    entered, own_number = time.time(), os.getpid()
    _end_with_parent()
    job = msgspec.json.decode(job_path.read_bytes(), type=Job)
    job_path.unlink()  # it holds the run's secret
    result = perform(job, entered)
    if os.getpid() != own_number:
        os._exit(1)  # a fork that a backend left running: the result is not its to write
    whole = result_path.with_suffix(".whole")  # half a result must not look like one
    whole.write_bytes(msgspec.json.encode(result))
    whole.replace(result_path)  # no fsync: a busy disk would add to the trial's time


def _print_traceback() -> None:
    with suppress(Exception):  # nothing is left to print to, or the message cannot be had
        traceback.print_exc()


def _end_with_parent() -> None:
    """Exit when the parent does, however it ends: its end of our standard input closes.

    What is read from is a copy: a backend that reads or closes its input has an empty one.
    """
    link = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)

    def wait() -> None:
        os.read(link, 1)  # unbuffered: holds no lock at exit
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with all that we started
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def perform(job: Job, entered: float) -> Result:
    """Do the job; whatever a backend raises becomes a Failed, its traceback goes to the log."""
    try:
        return _perform(job, entered)
    except BaseException as error:  # also an exit: its teardown might wait for a thread forever
        _print_traceback()
        kind: Literal["raised", "not finite"] = (
            "not finite" if type(error).__name__ == "NotFinite" else "raised"
        )
        return Failed(kind=kind, reason=f"{type(error).__name__}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    """Return the first line of a message, which may be anything: endless, no text, an error."""
    try:
        lines = str(error).strip().splitlines() or ["without a message"]
    except Exception:
        lines = ["with a message that cannot be read"]
    return lines[0][:LINE].encode(errors="replace").decode()


def _perform(job: Job, entered: float) -> Result:
    if job.task == "floor":
        from bench.floor import measure  # imports NumPy: only where no backend is timed

        assert job.workload is not None, "only describe goes without a workload"
        return measure(job.workload, job.device, job.library)
    begun = time.perf_counter()
    backend = load_backend(job.backend, Path(job.path), job.hides)
    imported = time.perf_counter()
    if job.task == "describe":
        return describe(backend)
    assert job.workload is not None, "only describe goes without a workload"
    if job.task == "prove":
        from bench.proof import prove  # imports NumPy: after the backend was timed

        return prove(backend.Model, job.workload, job.device)
    from bench.contract import no_device_memory
    from bench.trial import train  # imports NumPy: after the backend was timed

    return train(
        backend.Model,
        job.workload,
        job.device,
        round_number=job.round,
        start_seconds=max(0.0, entered - job.started),  # the system's clock may be set back
        import_seconds=imported - begun,
        imported=imported,
        secret=job.secret,
        device_memory=getattr(backend, "device_memory_bytes", no_device_memory),
    )


def load_backend(name: str, path: Path, hides: Sequence[str] = ()) -> ModuleType:
    """Import a backend's file as the module `backends.NAME`, so that it finds its shared code.

    That lies beside the file or, for a file from another folder, with the shipped ones. The modules
    that it hides are as if not installed: no framework is charged for another one beside it.
    """
    sys.modules.update(dict.fromkeys(hides))  # type: ignore[arg-type]  # None: cannot be imported
    package = importlib.import_module("backends")
    package.__path__.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"backends.{name}", path)
    assert spec is not None and spec.loader is not None, "every .py file has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def describe(backend: ModuleType) -> Described:
    """Ask a backend where it can compute here and what it is made of."""
    return Described(
        devices=_devices(backend.devices()),
        versions={
            name: None if version is None else str(version)
            for name, version in backend.versions().items()
        },
        python=sys.version.split()[0],
        thread_pools=_thread_pools(),
    )


def _devices(found: object) -> tuple[str, ...]:
    """Return the names of devices; raise TypeError for what would make no rows of a table."""
    names = tuple(found) if isinstance(found, list | tuple) else (None,)
    if not all(isinstance(name, str) and DEVICE.fullmatch(name) for name in names):
        raise TypeError(f"devices() returned {found!r}; expected a list of names like 'cuda:0'")
    if len(set(names)) < len(names):
        raise TypeError(f"devices() returned {found!r}; expected every name once")
    return names


def _thread_pools() -> tuple[ThreadPool, ...]:
    """Return the thread pools of the libraries that are loaded; none if threadpoolctl is not."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ()
    return tuple(
        ThreadPool(
            library=pool["internal_api"], version=pool["version"], threads=pool["num_threads"]
        )
        for pool in threadpool_info()
    )


if __name__ == "__main__":
    main()
