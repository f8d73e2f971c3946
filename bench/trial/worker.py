"""The child process: takes a job, imports one backend, does the job, sends results, exits.

Started as `python -m bench.trial.worker SECONDS`, the time at which the parent started it. Nothing
that imports NumPy may be imported here at the top: what a backend costs to import is part of what
is measured.
"""

import importlib.util
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import msgspec

from bench.results.jobs import Job, Message, Result, Waiting
from bench.trial.description import accelerators, describe, devices
from bench.trial.failure import BrokenContract, failed_by
from bench.workload import Device

PR_SET_PDEATHSIG = 1  # of prctl(2)

Wait = Callable[[], None]


class Parent:
    """The parent process, as seen from here: it sends a job and, before every epoch, "go"."""

    def __init__(self) -> None:
        """Put the standard streams aside: a framework has an empty input and prints to the log."""
        self._number = os.getpid()
        self._input = os.fdopen(os.dup(0), "rb", buffering=0)
        self._output = os.fdopen(os.dup(1), "wb", buffering=0)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        os.dup2(2, 1)
        self._turns = threading.Semaphore(0)

    def job(self) -> Job:
        """Return the job; from now on this process ends when its parent does."""
        _wake_when_parent_ends()
        job = msgspec.json.decode(self._input.readline(), type=Job)
        threading.Thread(target=self._listen, daemon=True).start()
        return job

    def _listen(self) -> None:
        while self._input.readline():
            self._turns.release()
        if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # with all that we started
        os._exit(1)

    def tell(self, message: Message) -> None:
        """Send a message; a fork that a backend left running stays silent."""
        if os.getpid() == self._number:
            self._output.write(msgspec.json.encode(message) + b"\n")

    def wait_for_turn(self) -> None:
        """Say that the next turn can begin, and wait until it may."""
        self.tell(Waiting())
        self.wait()

    def wait(self) -> None:
        """Wait until told to go on."""
        self._turns.acquire()


def _wake_when_parent_ends() -> None:
    """Let the kernel wake this process, should it be suspended, when its parent ends.

    It then sees the end of its standard input, and ends itself and all that it started. Elsewhere
    a suspended process stays.
    """
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGCONT)


def main() -> None:
    """Do the job that the parent sends; leave at once."""
    entered = time.time()
    parent = Parent()
    status = 1
    try:
        job, start_seconds = parent.job(), entered - float(sys.argv[1])
        for result in perform(job, start_seconds, parent.wait_for_turn, parent.wait):
            parent.tell(result)
        status = 0
    except BaseException as error:  # also an exit: its teardown might wait for a thread forever
        parent.tell(failed_by(error))
    finally:
        with suppress(Exception):  # a backend may have closed or replaced them
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)  # no teardown of a framework and no thread of a backend may hang now


def perform(
    job: Job,
    start_seconds: float = 0.0,
    wait_for_turn: Wait = lambda: None,
    wait: Wait = lambda: None,
) -> Iterator[Result]:
    """Yield the results of a job; `start_seconds` is what the interpreter took to start."""
    if job.task == "gemm_bound":
        yield from _measure_bounds(job, wait_for_turn, wait)
        return
    begun = time.perf_counter()
    backend = load_backend(job.backend, Path(job.path), job.hides)
    imported = time.perf_counter()
    if job.task == "describe":
        yield describe(backend)
    elif job.task == "verify":
        from bench.trial.verification import verify  # imports NumPy: after the backend was timed

        _check_isolation(devices(backend), job.device)
        yield from verify(backend.Model, job.workloads, job.device)
    else:
        from bench.machine.accelerators import is_slice
        from bench.trial.training import Process, train, without_energy
        from bench.workload.contract import no_device_memory

        process = Process(
            start_seconds=max(0.0, start_seconds),  # the system's clock may be set back
            import_seconds=imported - begun,
            imported=imported,
            wait_for_turn=wait_for_turn,
            device_memory=getattr(backend, "device_memory_bytes", no_device_memory),
        )
        for number, workload in enumerate(job.workloads):
            if number:
                process = process.once_more(wait, job.device)
            rest = (job.device, job.round, job.extra_epochs, process)
            trained = train(backend.Model, workload, *rest)
            shared = any(map(is_slice, accelerators(backend, [job.device])))
            yield without_energy(trained) if shared else trained


def _measure_bounds(job: Job, wait_for_turn: Wait, wait: Wait) -> Iterator[Result]:
    from bench.trial.gemm_bound import measure  # imports NumPy: no backend is timed here

    for number, (workload, library) in enumerate(zip(job.workloads, job.libraries, strict=True)):
        if number:
            wait()
        turns = workload.epochs + job.extra_epochs
        yield measure(workload, job.device, turns, library, wait_for_turn)


def _check_isolation(seen: Sequence[Device], device: Device) -> None:
    """Raise BrokenContract unless this process sees its device, and none that should be hidden."""
    alike = [one for one in seen if one.kind == device.kind]
    if device not in alike or (device.selectors and len(alike) > 1):
        raise BrokenContract(
            f"the process sees {', '.join(map(str, alike)) or 'no such device'}; expected "
            f"{device} alone: another variable than those of the harness selects devices here"
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


if __name__ == "__main__":
    main()
