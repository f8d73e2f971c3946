"""The order of a run: verifications, then rounds, every outcome saved as soon as it may be.

Nothing is measured here. Who does the steps is a parameter, so that planning, order, resuming and
saving are tested without a child.
"""

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from bench.results.records import (
    BoundTrial,
    Case,
    Failed,
    GemmBound,
    Run,
    Trial,
    Verification,
)
from bench.workload import Device, Workload

BOUND = "GEMM bound"
Stage = Literal["verification", "start", "epoch"]


class Awake(NamedTuple):
    """Who is at work now."""

    stage: Stage
    who: str  # backend or BOUND
    device: Device
    group: "Group | None" = None  # that it takes turns with; None: it verifies
    turn: int = 0  # 1, 2, … while epochs are timed


class Saved(NamedTuple):
    """The run with all outcomes so far, as it was saved."""

    run: Run


Outcome = Verification | BoundTrial | Trial
Event = Awake | Outcome | Saved


class Group(NamedTuple):
    """Cases that take turns in a round: same kind of device, same workload."""

    workload: Workload
    cases: tuple[Case, ...]
    round: int = 0
    number: int = 0  # its place in Run.groups
    extra_epochs: int = 0
    bounds: dict[Device, str | None] = {}  # devices whose GEMM bound takes turns, and the library

    @property
    def turns(self) -> int:
        """Epochs that each contender is timed for."""
        return self.workload.epochs + self.extra_epochs


class Executor(Protocol):
    """Whoever does the steps: children (bench.run.executor), or a fake in tests.

    Failures are outcomes; nothing is raised but an interruption.
    """

    def verify(
        self, workloads: Mapping[str, Workload], cases: Sequence[Case]
    ) -> Iterator[Awake | Verification]:
        """Verify cases, those of one backend on one device together."""

    def group(
        self, cases: Sequence[Case], verifications: Sequence[Verification]
    ) -> tuple[tuple[Case, ...], ...]:
        """Return which cases take turns with each other."""

    def take_turns(self, group: Group) -> Iterator[Awake | BoundTrial | Trial]:
        """Do one trial of every case of the group and of each of its GEMM bounds."""


def groups(run: Run, number: int) -> Iterator[Group]:
    """Yield the groups of a round, in its order."""
    found, bounded = [], set()
    for place, cases in enumerate(run.groups):
        workload = run.workloads[cases[0].workload]
        devices = dict.fromkeys(case.device for case in cases)
        if len(cases) == 1:  # who takes no turns shares the bound of its device
            devices = {one: None for one in devices if (one, workload) not in bounded}
        bounded |= {(device, workload) for device in devices}
        bounds = {device: _library(run, device, workload) for device in devices}
        extra = run.extra_epochs[number : number + 1] if len(cases) > 1 else ()
        found.append(Group(workload, cases, number, place, sum(extra), bounds))
    random.Random(f"order of round {number}").shuffle(found)
    yield from found


def _library(run: Run, device: Device, workload: Workload) -> str | None:
    """Return the library that was found to be the fastest; None before it is known."""
    for bound in run.gemm_bounds:
        of = (bound.device, bound.workload)
        if isinstance(bound.result, GemmBound) and of == (device, workload.fingerprint):
            return bound.result.library
    return None


def missing_verifications(run: Run) -> list[Case]:
    """Return the cases that have no verification yet."""
    done = {verification.case for verification in run.verifications}
    return [case for case in run.cases if case not in done]


def missing_groups(run: Run) -> Iterator[Group]:
    """Yield the groups of the planned rounds of which anything is missing: they are done whole."""
    done = {(trial.case, trial.round) for trial in run.trials}
    for number in range(run.rounds):
        if not all((case, number) in done for case in run.cases):
            for group in groups(run, number):
                if not all((case, number) in done for case in group.cases):
                    yield group


def carry_out(
    run: Run,
    executor: Executor,
    save: Callable[[Run], None],
    wants_more: Callable[[Run], int | None] = lambda run: None,
) -> Generator[Event]:
    """Do what is missing of a run; yield what happens and, whenever it was saved, the run.

    When all rounds are done, `wants_more` says with how many extra epochs to add another one, or
    None if that is enough. A round that is interrupted is done again as a whole; what was finished
    is safe.
    """
    for event in executor.verify(run.workloads, missing_verifications(run)):
        yield event
        if isinstance(event, Verification):
            run = yield from _saved(save, run, verifications=(*run.verifications, event))
    if not run.groups:
        run = yield from _saved(save, run, groups=executor.group(run.cases, run.verifications))
    while True:
        while (group := next(missing_groups(run), None)) is not None:
            outcomes = yield from _take_turns(group, executor)
            run = yield from _saved(save, run, **_merged(run, group, outcomes))
        if (extra_epochs := wants_more(run)) is None:
            return
        run = _with_round(run, extra_epochs)


def _saved(save: Callable[[Run], None], run: Run, **changes: object) -> Generator[Saved, None, Run]:
    """Save the run with changes; yield and return it."""
    run = msgspec.structs.replace(run, **changes)
    save(run)
    yield Saved(run)
    return run


def _take_turns(
    group: Group, executor: Executor
) -> Generator[Awake | BoundTrial | Trial, None, list[BoundTrial | Trial]]:
    """Yield what happens while a group takes turns; return the outcomes."""
    outcomes: list[BoundTrial | Trial] = []
    for event in executor.take_turns(group):
        yield event
        if not isinstance(event, Awake):
            outcomes.append(event)
    return outcomes


def _with_round(run: Run, extra_epochs: int) -> Run:
    """Return the run with one more round planned."""
    before = (*run.extra_epochs, *(run.rounds - len(run.extra_epochs)) * (0,))
    return msgspec.structs.replace(run, rounds=run.rounds + 1, extra_epochs=(*before, extra_epochs))


def _merged(
    run: Run, group: Group, outcomes: Sequence[BoundTrial | Trial]
) -> dict[str, tuple[BoundTrial | Trial, ...]]:
    """Return bounds and trials of the run, those of the group replaced by its new outcomes."""
    bounds = [one for one in run.gemm_bounds
              if (one.group, one.round) != (group.number, group.round)]  # fmt: skip
    trials = [one for one in run.trials
              if one.case not in group.cases or one.round != group.round]  # fmt: skip
    bounds += [one for one in outcomes if isinstance(one, BoundTrial)]
    trials += [one for one in outcomes if isinstance(one, Trial)]
    return {"gemm_bounds": tuple(bounds), "trials": tuple(trials)}


def failures(run: Run) -> int:
    """Return how many verifications and trials failed or brought a flag."""
    outcomes: list[Verification | Trial] = [*run.verifications, *run.trials]
    return sum(isinstance(one.result, Failed) or bool(one.result.flags) for one in outcomes)
