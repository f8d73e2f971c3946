"""The order of a run: verifications, then rounds, every outcome saved as soon as it may be.

Nothing is measured here. Who does the steps is a parameter, so that planning, order, resuming and
saving are tested without a child.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import NamedTuple, Protocol

import msgspec

from bench.results.records import BoundTrial, Case, Run, Trial, Verification
from bench.run.groups import Group, Stage, missing_stages
from bench.workload import Device, Precision, Workload

AT_ONCE = 4  # children that verify or get ready: mostly in one thread


class Awake(NamedTuple):
    """Who is at work now."""

    stage: Stage
    who: str  # backend or BOUND
    device: Device
    group: Group | None = None  # that it takes turns with; None: it verifies
    turn: int = 0  # 1, 2, … while epochs are timed and, after them, inference
    threads: int | None = None  # as in Case
    precision: Precision = "float32"


class Saved(NamedTuple):
    """The run with all outcomes so far, as it was saved."""

    run: Run


Outcome = Verification | BoundTrial | Trial
Event = Awake | Outcome | Saved


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

    def group(self, run: Run) -> tuple[tuple[Case, ...], ...]:
        """Return which cases of a run that is verified take turns with each other."""

    def take_turns(self, groups: Sequence[Group]) -> Turns:
        """Do one trial of every case and of each GEMM bound, one group after the other."""


def missing_verifications(run: Run) -> list[Case]:
    """Return the cases that have no verification yet."""
    done = {verification.case for verification in run.verifications}
    return [case for case in run.cases if case not in done]


def verification_jobs(
    workloads: Mapping[str, Workload], cases: Iterable[Case]
) -> dict[tuple[str, Device, Precision], list[Case]]:
    """Return the cases that one child each verifies: all of a backend, device and precision."""
    jobs: dict[tuple[str, Device, Precision], list[Case]] = {}
    for case in cases:
        precision = workloads[case.workload].precision
        jobs.setdefault((case.backend, case.device, precision), []).append(case)
    return jobs


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
        run = yield from _saved(save, run, groups=executor.group(run))
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
