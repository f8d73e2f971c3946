"""Groups: which cases take turns in a round, which GEMM bounds beside them, and what is missing."""

import random
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal, NamedTuple, TypeVar

import msgspec

from bench.results.jobs import INFERENCE_TURNS
from bench.results.records import Case, GemmBound, Run, Verified
from bench.workload import Device, Precision, Workload

BOUND = "GEMM bound"
Stage = Literal["verification", "start", "build", "epoch", "inference"]
MEMORY_SHARE = 0.9  # of what is available that the children of a group may need
UNKNOWN_BYTES = 1_500_000_000  # that a child is taken to need if its verification cannot tell

Item = TypeVar("Item")


class Place(NamedTuple):
    """What a GEMM bound belongs to, beside its workload."""

    device: Device
    threads: int | None = None  # as in Case
    precision: Precision = "float32"


class Group(NamedTuple):
    """Cases that take turns in a round: same kind of device and, but for precision, workload."""

    workload: Workload  # of the first case
    cases: tuple[Case, ...]
    round: int = 0
    number: int = 0  # its place in Run.groups
    extra_epochs: int = 0
    bounds: dict[Place, str | None] = {}  # whose GEMM bound takes turns, and the library
    precisions: dict[str, Precision] = {}  # by fingerprint, of the cases unlike the first

    def place(self, case: Case) -> Place:
        """Return where one of its cases computes, and how."""
        precision = self.precisions.get(case.workload, self.workload.precision)
        return Place(case.device, case.threads, precision)

    def work(self, precision: Precision) -> Workload:
        """Return what its cases of a precision do."""
        return msgspec.structs.replace(self.workload, precision=precision)

    @property
    def turns(self) -> int:
        """Epochs that each contender is timed for."""
        return self.workload.epochs + self.extra_epochs

    def stage(self, turn: int, beginning: Stage = "start") -> Stage:
        """Return what is done in a turn: backends predict after their epochs."""
        if turn > self.turns:
            return "inference"
        return "epoch" if turn else beginning

    def turns_of(self, who: str) -> int:
        """Return how many turns a backend, or the GEMM bound, takes."""
        return self.turns + (0 if who == BOUND else INFERENCE_TURNS)

    @property
    def contenders(self) -> tuple[tuple[object, ...], ...]:
        """What its cases are but for the workload: those of equal ones share their children."""
        return tuple((case.backend, *self.place(case)) for case in self.cases)


def grouped(run: Run, together: int | None, available: int | None) -> tuple[tuple[Case, ...], ...]:
    """Return which cases take turns: those of a workload, in any precision, on a kind of device.

    Unless `together` says otherwise, on the CPU as many as fit into memory, in groups of about
    equal size, the same ones for every workload; on accelerators, whose memory frameworks reserve,
    each case by itself.
    """
    memory = {one.case: one.result.peak_memory_bytes for one in run.verifications
              if isinstance(one.result, Verified)}  # fmt: skip
    contenders: dict[str, dict[tuple[str, Place], list[Case]]] = {}
    for case in run.cases:
        who = case.backend, place_of(run, case)
        contenders.setdefault(case.device.kind, {}).setdefault(who, []).append(case)
    found: list[tuple[Case, ...]] = []
    for kind in contenders.values():
        cases = list(kind.values())  # of each contender
        most = together or (len(cases) if cases[0][0].device.is_cpu else 1)
        sizes = [max(memory.get(case) or UNKNOWN_BYTES for case in some) for some in cases]
        for part in split(cases, most, sizes, available or sum(sizes) * 2):
            by_workload: dict[Workload, list[Case]] = {}
            for case in chain.from_iterable(part):
                work = msgspec.structs.replace(run.workloads[case.workload], precision="float32")
                by_workload.setdefault(work, []).append(case)
            found += map(tuple, by_workload.values())
    return tuple(found)


def split(
    items: Sequence[Item], most: int, sizes: Sequence[int], available: int
) -> list[Sequence[Item]]:
    """Return parts of at most so many contenders, of about equal size, that fit into memory.

    `sizes` are the bytes that each needs; one more, for the GEMM bound, needs as many as the
    largest.
    """
    for parts in range(-(-len(items) // most), len(items) + 1):
        ends = [len(items) * number // parts for number in range(parts + 1)]
        needed = max(sum(sizes[start:end]) for start, end in pairwise(ends)) + max(sizes)
        if needed <= MEMORY_SHARE * available:
            break
    return [items[start:end] for start, end in pairwise(ends)]


def groups(run: Run, number: int) -> Iterator[Group]:
    """Yield the groups of a round."""
    bounded: set[tuple[Place, str]] = set()
    libraries, hosts = _libraries(run), _hosts(run)
    for position, cases in enumerate(run.groups):
        works = dict.fromkeys((place_of(run, case), case.workload) for case in cases)
        if len(cases) == 1:  # who takes no turns shares the bound of its device
            works = {one: None for one in works if one not in bounded and hosts[one] == position}
        bounded |= works.keys()
        bounds = {work[0]: libraries.get(work) for work in works}
        extra = run.extra_epochs[number : number + 1] if len(cases) > 1 else ()
        precisions = {case.workload: run.workloads[case.workload].precision for case in cases}
        workload = run.workloads[cases[0].workload]
        yield Group(workload, cases, number, position, sum(extra), bounds, precisions)


def place_of(run: Run, case: Case) -> Place:
    """Return whose GEMM bound belongs to a case."""
    return Place(case.device, case.threads, run.workloads[case.workload].precision)


def _hosts(run: Run) -> dict[tuple[Place, str], int]:
    """Return which case by itself measures the GEMM bound beside it, by place and workload.

    The first whose framework can, of all that share it; they may have different interpreters.
    """
    alone = [(not _measures_bound(run, cases[0]), position) for position, cases
             in enumerate(run.groups) if len(cases) == 1]  # fmt: skip
    found: dict[tuple[Place, str], int] = {}
    for _, position in sorted(alone):
        case = run.groups[position][0]
        found.setdefault((place_of(run, case), case.workload), position)
    return found


def _measures_bound(run: Run, case: Case) -> bool:
    described = run.backends.get(case.backend)
    return described is not None and described.measures_bound


def _libraries(run: Run) -> dict[tuple[Place, str], str]:
    """Return the libraries that were found to be the fastest, by place and workload."""
    precisions = {name: workload.precision for name, workload in run.workloads.items()}
    return {
        (Place(one.device, one.threads, precisions[one.workload]), one.workload): one.result.library
        for one in reversed(run.gemm_bounds)
        if isinstance(one.result, GemmBound)
    }


def missing_stages(run: Run) -> Iterator[tuple[Group, ...]]:
    """Yield the groups of the planned rounds of which anything is missing: they are done whole.

    Groups of the same contenders come together: their children go from one to the next.
    """
    done = {(trial.case, trial.round) for trial in run.trials}
    for number in range(run.rounds):
        if all((case, number) in done for case in run.cases):
            continue
        stages: dict[tuple[object, ...], list[Group]] = {}
        for group in groups(run, number):
            if not all((case, number) in done for case in group.cases):
                stages.setdefault(group.contenders, []).append(group)
        shuffle = random.Random(f"order of round {number}").shuffle
        found = list(stages.values())
        shuffle(found)
        for stage in found:
            shuffle(stage)
            yield tuple(stage)
