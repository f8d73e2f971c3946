"""The order of a run: verifications, then rounds, every outcome saved as soon as it may be.

Nothing is measured here. Who does the steps is a parameter, so that planning, order, resuming and
saving are tested without a child.
"""

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Literal, NamedTuple, Protocol

import msgspec

from bench.results.jobs import INFERENCE_TURNS
from bench.results.records import BoundTrial, Case, GemmBound, Run, Trial, Verification
from bench.workload import Device, Workload

BOUND = "GEMM bound"
Stage = Literal["verification", "start", "build", "epoch", "inference"]


class Awake(NamedTuple):
    """Who is at work now."""

    stage: Stage
    who: str  # backend or BOUND
    device: Device
    group: "Group | None" = None  # that it takes turns with; None: it verifies
    turn: int = 0  # 1, 2, … while epochs are timed and, after them, inference
    threads: int | None = None  # as in Case


class Place(NamedTuple):
    """What a GEMM bound belongs to, beside its workload."""

    device: Device
    threads: int | None = None  # as in Case


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
    bounds: dict[Place, str | None] = {}  # whose GEMM bound takes turns, and the library

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
        return tuple((case.backend, case.device, case.threads) for case in self.cases)


Turns = Generator[Awake | BoundTrial | Trial]
Save = Callable[[Run], None]


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

    def take_turns(self, groups: Sequence[Group]) -> Turns:
        """Do one trial of every case and of each GEMM bound, one group after the other."""


def groups(run: Run, number: int) -> Iterator[Group]:
    """Yield the groups of a round."""
    bounded: set[tuple[Place, str]] = set()
    libraries, hosts = _libraries(run), _hosts(run)
    for position, cases in enumerate(run.groups):
        workload = run.workloads[cases[0].workload]
        places = dict.fromkeys(Place(case.device, case.threads) for case in cases)
        if len(cases) == 1:  # who takes no turns shares the bound of its device
            works = {one: (one, cases[0].workload) for one in places}
            places = {one: None for one, work in works.items()
                      if work not in bounded and hosts[work] == position}  # fmt: skip
        bounded |= {(place, cases[0].workload) for place in places}
        bounds = {place: libraries.get((place, cases[0].workload)) for place in places}
        extra = run.extra_epochs[number : number + 1] if len(cases) > 1 else ()
        yield Group(workload, cases, number, position, sum(extra), bounds)


def _hosts(run: Run) -> dict[tuple[Place, str], int]:
    """Return which case by itself measures the GEMM bound beside it, by place and workload.

    The first whose framework can, of all that share it; they may have different interpreters.
    """
    alone = [(not _measures_bound(run, cases[0]), position) for position, cases
             in enumerate(run.groups) if len(cases) == 1]  # fmt: skip
    found: dict[tuple[Place, str], int] = {}
    for _, position in sorted(alone):
        case = run.groups[position][0]
        found.setdefault((Place(case.device, case.threads), case.workload), position)
    return found


def _measures_bound(run: Run, case: Case) -> bool:
    described = run.backends.get(case.backend)
    return described is not None and described.measures_bound


def _libraries(run: Run) -> dict[tuple[Place, str], str]:
    """Return the libraries that were found to be the fastest, by place and workload."""
    return {
        (Place(bound.device, bound.threads), bound.workload): bound.result.library
        for bound in reversed(run.gemm_bounds)
        if isinstance(bound.result, GemmBound)
    }


def missing_verifications(run: Run) -> list[Case]:
    """Return the cases that have no verification yet."""
    done = {verification.case for verification in run.verifications}
    return [case for case in run.cases if case not in done]


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


def carry_out(
    run: Run,
    executor: Executor,
    save: Save,
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
        while (stage := next(missing_stages(run), None)) is not None:
            run = yield from _take_turns(run, stage, executor, save)
        if (extra_epochs := wants_more(run)) is None:
            return
        run = _with_round(run, extra_epochs)


def _saved(save: Save, run: Run, **changes: object) -> Generator[Saved, None, Run]:
    """Save the run with changes; yield and return it."""
    run = msgspec.structs.replace(run, **changes)
    save(run)
    yield Saved(run)
    return run


def _take_turns(
    run: Run, groups: Sequence[Group], executor: Executor, save: Save
) -> Generator[Event, None, Run]:
    """Let the contenders of some groups take turns; save each group as a whole."""
    with closing(executor.take_turns(groups)) as events:
        for group in groups:
            outcomes: list[BoundTrial | Trial] = []
            while len(outcomes) < len(group.cases) + len(group.bounds):
                event = next(events)
                yield event
                if not isinstance(event, Awake):
                    outcomes.append(event)
            run = yield from _saved(save, run, **_merged(run, group, outcomes))
    return run


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
