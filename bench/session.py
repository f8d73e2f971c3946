"""The glue between a run's plan and its children: which interpreter, environment and log."""

import secrets
import sys
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

import msgspec

from bench import machine
from bench.child import run_child
from bench.discovery import Backend
from bench.records import Described, Failed
from bench.runner import Outcome, RunStep, RunTogether, Step
from bench.surroundings import STRICT_FLOAT32, device_in_child, environment
from bench.worker import Job, Result
from bench.workload import Workload

AT_ONCE = 4  # children that prove: they import and compile, mostly in one thread

Item = TypeVar("Item", bound=Hashable)
Value = TypeVar("Value")


class Session(NamedTuple):
    """What all children of a run have in common."""

    backends: dict[str, Backend]
    threads: int
    timeout: float  # seconds that a child may take
    pythons: dict[str, str] = {}  # backend -> interpreter, where it is not this one
    secret: int | None = None  # of the run: see bench.inputs.epoch_orders
    logs: Path | None = None  # folder for the logs of failed children
    look: Callable[[], object] = lambda: None  # once a second; what it raises ends the child


def drawn_secret() -> int:
    """Return a new secret for a run, which nobody can know before."""
    return secrets.randbits(53)  # what every reader of JSON takes as it is


def run_job(
    session: Session,
    job: Job,
    device: str | None,
    log_name: str,
    sample: Callable[[], object] = lambda: None,
) -> Result:
    """Run a job of a backend in a child that sees only the device (None: all of them)."""
    backend = session.backends[job.backend]

    def look() -> None:
        session.look()
        sample()

    return run_child(
        msgspec.structs.replace(job, hides=backend.hides),
        python=session.pythons.get(job.backend, sys.executable),
        variables=environment(backend.environment, device, session.threads),
        cpus=machine.usable_cores(session.threads),
        timeout=session.timeout,
        once_a_machine=backend.once_a_machine,
        keep_log=session.logs and session.logs / f"{log_name.replace(':', '-')}.log",
        sample=look,
    )


def side_by_side(
    session: Session, do: Callable[[Session, Item], Value], items: Iterable[Item], at_once: int
) -> Generator[tuple[Item, Value | None]]:
    """Do something with each item, so many at once: only where nothing is measured.

    Yields an item with None before it is begun and with what came of it as soon as it is done. If
    this process is interrupted, all children are ended first: only the main thread is told of it,
    so the others look.
    """
    interrupted = Event()

    def look() -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt

    waiting = deque(items)
    running: dict[Future[Value], Item] = {}
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    item = waiting.popleft()
                    yield item, None
                    running[pool.submit(do, session._replace(look=look), item)] = item
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        except BaseException:
            interrupted.set()
            raise


def all_side_by_side(
    session: Session, do: Callable[[Session, Item], Value], items: Sequence[Item], at_once: int
) -> dict[Item, Value]:
    """Return what `do` makes of each item, in their order: see `side_by_side`."""
    events = side_by_side(session, do, items, at_once)
    done = {item: value for item, value in events if value is not None}
    return {item: done[item] for item in items}


def describe(session: Session, name: str) -> Described | Failed:
    """Ask one backend, in a child, for its devices and versions."""
    backend = session.backends[name]
    job = Job(task="describe", backend=name, path=str(backend.path))
    result = run_job(session, job, None, f"{name}-describe")
    if isinstance(result, Described):
        own = {**STRICT_FLOAT32, **backend.environment}
        return msgspec.structs.replace(result, environment=own)
    if isinstance(result, Failed):
        return result
    return Failed(kind="no result", reason=f"the child brought a {type(result).__name__}")


def step_runner(session: Session, workloads: dict[str, Workload]) -> RunStep:
    """Return what carries out a run's steps in children of this session."""
    return partial(_run_step, workloads, session)


def together_runner(session: Session, workloads: dict[str, Workload]) -> RunTogether:
    """Return what carries out steps in which nothing is timed, on the CPU some at a time.

    On an accelerator one at a time: its memory may be too small for more.
    """

    def run_together(steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome | None]]:
        for on_cpu, some in groupby(steps, lambda step: step.cell.device == "cpu"):
            at_once = AT_ONCE if on_cpu else 1
            yield from side_by_side(session, partial(_run_step, workloads), some, at_once)

    return run_together


def _run_step(workloads: dict[str, Workload], session: Session, step: Step) -> Outcome:
    cell = step.cell
    job = Job(
        task=step.task,
        backend=cell.backend,
        path=str(session.backends[cell.backend].path),
        device=device_in_child(cell.device),
        workload=workloads[cell.workload],
        round=step.round,
        secret=session.secret,
        library=step.library,
    )
    name = f"{cell.backend}-{cell.device}-{cell.variant}-{step.task}-{step.round}"
    watch = machine.Watch(cell.device, machine.usable_cores(session.threads))
    result = run_job(session, job, cell.device, name, watch.sample)
    return result, watch.finish()
