"""Rows: the outcomes of each case of a run, and what is derived from them."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from bench.results import statistics, validity
from bench.results.quantities import counted
from bench.results.records import Case, Described, Failed, Flag, Run, Trained, Trial, Verification
from bench.results.statistics import Interval, Timings
from bench.workload import Workload


def in_threads(count: int | None) -> str:
    """Return a number of threads in words, "" for None."""
    return counted(count, "thread") if count else ""


def call_turns(trained: Trained, images: int) -> list[tuple[float, ...]]:
    """Return the seconds of a trial's calls that predict so many images each, turn by turn."""
    return [turn for one in trained.inference if one.images == images for turn in one.turns]


def evaluations(trained: Trained) -> list[float]:
    """Return the seconds of predicting the whole test set, the first of which compiles left out."""
    seconds = [epoch.evaluation_seconds for epoch in trained.epochs]
    return seconds[1:] or seconds


@dataclass(frozen=True, eq=False)
class Row:
    """The outcomes of one case; all else is derived when asked for."""

    case: Case
    workload: Workload
    version: str | None  # of the framework
    verification: Verification | None
    outcomes: Sequence[Trial]
    flags: tuple[Flag, ...]
    group: Hashable | None = None  # that it took turns with; None: nobody

    @cached_property
    def trials(self) -> dict[int, Trained]:
        """What its successful trials measured, by round."""
        return {one.round: one.result for one in self.outcomes if isinstance(one.result, Trained)}

    @cached_property
    def failures(self) -> dict[int, Failed]:
        """Why its other trials failed, by round."""
        return {one.round: one.result for one in self.outcomes if isinstance(one.result, Failed)}

    @cached_property
    def total_seconds(self) -> dict[int, float]:
        """Seconds from start to end of its successful trials by the parent's clock, by round."""
        return {one.round: one.total_seconds for one in self.outcomes if one.round in self.trials}

    @property
    def is_sound(self) -> bool:
        """Whether there is something to rank and nothing against it."""
        return bool(self.trials) and not self.flags

    @cached_property
    def timings(self) -> Timings:
        """The seconds of its epochs, from the second on, by round."""
        seconds = {number: one.timed_seconds for number, one in self.trials.items()}
        return Timings(seconds, self.group)

    @cached_property
    def seconds(self) -> dict[int, float]:
        """Seconds per epoch by round: the median of its epochs."""
        return self.timings.seconds

    @cached_property
    def call_sizes(self) -> set[int]:
        """How many images its calls predict, that of the whole test set included."""
        timed_alone = {one.images for trained in self.trials.values() for one in trained.inference}
        return timed_alone and {*timed_alone, self.workload.test_samples}

    def predicting(self, images: int) -> Timings:
        """The seconds of a call that predicts so many images: the median of each turn, by round."""
        whole = images == self.workload.test_samples
        found = {
            number: evaluations(one) if whole else list(map(median, call_turns(one, images)))
            for number, one in self.trials.items()
        }
        return Timings({number: turns for number, turns in found.items() if turns}, self.group)

    def calls(self, images: int) -> list[float]:
        """Return the seconds of all its calls that predict so many images."""
        trials = self.trials.values()
        return [call for one in trials for turn in call_turns(one, images) for call in turn]

    @cached_property
    def interval(self) -> Interval | None:
        """Centre of the seconds per epoch with its 95 % interval; None without a trial."""
        return statistics.centre(list(self.seconds.values())) if self.seconds else None

    @property
    def is_telling(self) -> bool:
        """Whether it has what the interval of a ratio needs: several trials, or turns."""
        turns = sum(map(len, self.timings.turns.values())) if self.group is not None else 0
        return max(turns, len(self.trials)) > 1

    @property
    def inputs(self) -> frozenset[str]:
        """The hashes of what its trials were given: one, unless something is wrong."""
        return frozenset(trained.inputs for trained in self.trials.values())

    def typical(self, values: Iterable[float | None]) -> float | None:
        """Return the median of the values that are known."""
        known = [value for value in values if value is not None]
        return median(known) if known else None


def rows_of(run: Run) -> list[Row]:
    """Return a row for each case of a run, in the run's order."""
    verifications = {verification.case: verification for verification in run.verifications}
    outcomes: dict[Case, list[Trial]] = {case: [] for case in run.cases}
    for trial in run.trials:
        outcomes[trial.case].append(trial)
    flags = validity.flags(run)
    # What only those share that took turns:
    groups = {case: (run.created, run.command, run.machine.identity, number)
              for number, group in enumerate(run.groups)
              for case in group if len(group) > 1}  # fmt: skip
    return [
        Row(
            case=case,
            workload=run.workloads[case.workload],
            version=_version(run.backends.get(case.backend)),
            verification=verifications.get(case),
            outcomes=outcomes[case],
            flags=flags.get(case, ()),
            group=groups.get(case),
        )
        for case in run.cases
    ]


def _version(described: Described | None) -> str | None:
    """Return the version of the framework itself: the first that a backend names."""
    return next(iter(described.versions.values()), None) if described else None
