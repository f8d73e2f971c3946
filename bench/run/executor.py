"""Who does the steps of a run: children of this process, each with its interpreter and device."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

import msgspec

from bench import machine
from bench.results.jobs import REFERENCES, Job
from bench.results.records import Case, Described, Failed, Flag, Run, Verification, Verified
from bench.run.backends import Backend
from bench.run.environment import environment
from bench.run.groups import BOUND, UNKNOWN_BYTES, Group, Place, grouped
from bench.run.process import Child, Setup, temporary_folder
from bench.run.schedule import AT_ONCE, Awake, Turns, verification_jobs
from bench.run.turns import Contender, Part, Who, failed, take_turns
from bench.workload import Device, Precision, Workload

Item = TypeVar("Item", bound=Hashable)
Value = TypeVar("Value")


class Session(NamedTuple):
    """What all children of a run have in common; an Executor of its steps."""

    backends: dict[str, Backend]
    threads: int
    timeout: float  # seconds that a child may be at work
    pythons: dict[str, str] = {}  # backend -> interpreter, where it is not this one
    logs: Path | None = None  # folder for the logs of failed children
    together: int | None = None  # at most so many take turns; None: see bench.run.groups
    threads_each: int | None = None  # of children side by side, which share the cores
    kept: Mapping[str, str] = {}  # variables that children inherit besides
    references: str = ""  # folder in which children that verify share results
    available_bytes: Callable[[], int | None] = machine.available_memory_bytes
    look: Callable[[], object] = lambda: None  # once a second; what it raises ends the child

    def child(
        self,
        job: Job,
        device: Device | None,
        log_name: str,
        sample: Callable[[], object] = lambda: None,
        threads: int | None = None,
    ) -> Child:
        """Return a child for a job of a backend; it sees only the device (None: all of them)."""
        threads = threads or self.threads
        backend = self.backends[job.backend]
        precision = job.workloads[0].precision if job.workloads else "float32"
        # Several children may be alive on an accelerator at once, or on all: they are described.
        shares_device = device is None or (not device.is_cpu and (self.together or 1) > 1)
        setup = Setup(
            python=self.pythons.get(job.backend, sys.executable),
            variables=environment(
                backend.variables(precision), device, self.threads_each or threads, kept=self.kept,
                precision=precision, shares_device=shares_device,
            ) | {REFERENCES: self.references},
            cpus=machine.usable_cores(threads),
            once_a_machine=backend.once_a_machine,
            keep_log=self.logs and self.logs / f"{log_name.replace(':', '-')}.log",
        )  # fmt: skip
        return Child(job, setup, lambda: (self.look(), sample()))

    def describe(self, name: str) -> Described | Failed:
        """Ask one backend for its devices and versions."""
        backend = self.backends[name]
        job = Job("describe", name, str(backend.path), backend.hides)
        with self.child(job, None, f"{name}-describe") as child:
            message = child.receive(self.timeout)
        if isinstance(message, Described):
            return msgspec.structs.replace(message, measures_bound=backend.measures_bound)
        return failed(message)

    def describe_all(self, names: Sequence[str]) -> dict[str, Described | Failed]:
        """Ask backends for their devices and versions, as many at once as there are threads."""
        events = side_by_side(self, Session.describe, names, self.threads)
        done = {name: answer for name, answer in events if answer is not None}
        return {name: done[name] for name in names}

    def verify(
        self, workloads: Mapping[str, Workload], cases: Sequence[Case]
    ) -> Iterator[Awake | Verification]:
        """Verify cases, all workloads of a backend on a device in one child for each precision.

        Some children at once, as memory allows; on an accelerator, whose own may be too small, as
        many as may take turns there. Those that run a compiler take longest, so they start first.
        """
        jobs = verification_jobs(workloads, cases)

        def order(job: tuple[str, Device, Precision]) -> tuple[bool, bool]:
            return not job[1].is_cpu, not self.backends[job[0]].once_a_machine

        def verify_one(session: Session, job: tuple[str, Device, Precision]) -> list[Verification]:
            return session.verify_together(workloads, jobs[job])

        available = self.available_bytes()
        fitting = AT_ONCE if available is None else max(1, available // UNKNOWN_BYTES)
        with temporary_folder() as references:
            for on_cpu, some in groupby(sorted(jobs, key=order), lambda job: job[1].is_cpu):
                most = len(jobs) if on_cpu else self.together or 1
                at_once = min(AT_ONCE, fitting, most)
                threads_each = max(1, self.threads // at_once)
                session = self._replace(threads_each=threads_each, references=references)
                for job, done in side_by_side(session, verify_one, some, at_once):
                    yield from done if done is not None else [_verifying(*job)]

    def verify_together(
        self, workloads: Mapping[str, Workload], cases: Sequence[Case]
    ) -> list[Verification]:
        """Verify the cases of one backend, device and precision in one child, each workload once.

        Those of a lower precision in two: what is wrong in float32, where rounding hides nothing,
        is wrong in all.
        """
        asked = {case.workload: workloads[case.workload] for case in cases}
        found = self._verified(cases[0], list(asked.values()))
        if any(work.precision != "float32" for work in asked.values()):
            exact = [msgspec.structs.replace(one, precision="float32") for one in asked.values()]
            found = list(map(_both, self._verified(cases[0], exact), found))
        results = dict(zip(asked, found, strict=True))
        return [Verification(case, results[case.workload]) for case in cases]

    def _verified(self, case: Case, works: Sequence[Workload]) -> list[Verified | Failed]:
        """Return what a child finds of the case's backend, for each of some workloads."""
        backend, device = self.backends[case.backend], case.device
        job = Job("verify", backend.name, str(backend.path), backend.hides, device.in_child,
                  tuple(works))  # fmt: skip
        found: list[Verified | Failed] = []
        with self.child(job, device, f"{backend.name}-{device}-verify") as child:
            for _ in works:
                message = child.receive(self.timeout)
                found.append(message if isinstance(message, Verified) else failed(message))
        return found

    def group(self, run: Run) -> tuple[tuple[Case, ...], ...]:
        """Return which cases take turns, given the memory that is available now."""
        return grouped(run, self.together, self.available_bytes())

    def take_turns(self, groups: Sequence[Group]) -> Turns:
        """Let one trial of each case, and the GEMM bounds, take turns, group after group."""
        with ExitStack() as stack:
            parts = self._parts(groups)
            contenders = [stack.enter_context(self._contender(*one)) for one in parts.items()]
            cores = min(who.threads or self.threads for who in parts)
            for group in groups:
                yield from take_turns(contenders, group, min(AT_ONCE, cores))

    def _contender(self, who: Who, parts: Sequence[Part]) -> Contender:
        backend, device = self.backends[parts[0].case.backend], who.device
        threads, is_bound = who.threads or self.threads, who.name == BOUND

        def start(left: Sequence[Part], sample: Callable[[], object]) -> Child:
            groups = [part.group for part in left]
            job = Job(
                "gemm_bound" if is_bound else "train", backend.name, str(backend.path),
                backend.hides, device.in_child, tuple(one.work(who.precision) for one in groups),
                groups[0].round, groups[0].extra_epochs,
                tuple(one.bounds.get(Place(*who[1:4])) for one in groups),
            )  # fmt: skip
            name = job.task if is_bound else backend.name
            work = job.workloads[0].fingerprint
            where = f"{device}-{work}-round-{groups[0].round + 1}"
            return self.child(job, device, f"{name}-{where}", sample, threads)

        def monitor() -> machine.Monitor | None:  # nobody asks under what a bound was measured
            return None if is_bound else machine.Monitor(device, machine.usable_cores(threads))

        return Contender(who, parts, start, monitor, self.timeout)

    def _parts(self, groups: Sequence[Group]) -> dict[Who, list[Part]]:
        """Return who takes part in some groups, and with which of their cases."""
        found: dict[Who, list[Part]] = {}
        for group in groups:
            copies: Counter[Who] = Counter()
            for case in group.cases:
                who = Who(case.backend, *group.place(case))
                found.setdefault(who._replace(copy=copies[who]), []).append(Part(group, case))
                copies[who] += 1
            for place in group.bounds:
                hosts = [case for case in group.cases if group.place(case) == place]
                host = min(hosts, key=lambda case: not self.backends[case.backend].measures_bound)
                found.setdefault(Who(BOUND, *place), []).append(Part(group, host))
        return found


def _both(exact: Verified | Failed, rough: Verified | Failed) -> Verified | Failed:
    """Return the verification of a lower precision, with what is wrong in float32 already."""
    if isinstance(exact, Failed) or isinstance(rough, Failed):
        return exact if isinstance(exact, Failed) else rough
    flags = (Flag(flag.check, f"{flag.found}, in float32") for flag in exact.flags)
    return msgspec.structs.replace(rough, flags=(*flags, *rough.flags))


def _verifying(backend: str, device: Device, precision: Precision) -> Awake:
    return Awake("verification", backend, device, precision=precision)


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
