"""What is read off the trials of one cell: everything that is derived, nothing that is stored."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from statistics import median
from typing import NamedTuple

from bench import statistics
from bench.records import Cell, Failed, Proof, Run, Trained, Trial
from bench.statistics import Interval
from bench.workload import Workload


def epoch_seconds(trained: Trained) -> float:
    """Return the headline of a trial: the median of its epochs from the second on, in seconds."""
    later = trained.epochs[1:] or trained.epochs
    return median(epoch.seconds for epoch in later)


class Row:
    """The outcomes of one cell of a run."""

    def __init__(self, cell: Cell, workload: Workload, version: str | None, outcomes: "Outcomes"):
        """Hold the outcomes; all else is derived when asked for."""
        self.cell = cell
        self.workload = workload
        self.version = version
        self.proof = outcomes.proof
        self.trials = {trial.round: trial.result for trial in outcomes.trials
                       if isinstance(trial.result, Trained)}  # fmt: skip
        self.failures = {trial.round: trial.result for trial in outcomes.trials
                         if isinstance(trial.result, Failed)}  # fmt: skip

    @cached_property
    def seconds(self) -> dict[int, float]:
        """Seconds per epoch by round."""
        return {number: epoch_seconds(trained) for number, trained in self.trials.items()}

    @cached_property
    def interval(self) -> Interval | None:
        """Centre of the seconds per epoch with its 95 % interval; None without a trial."""
        return statistics.centre(list(self.seconds.values())) if self.seconds else None

    @property
    def inputs(self) -> frozenset[str]:
        """The hashes of what its trials were given: one, unless something is wrong."""
        return frozenset(trained.inputs for trained in self.trials.values())

    def typical(self, values: Iterable[float | None]) -> float | None:
        """Return the median of the values that are known."""
        known = [value for value in values if value is not None]
        return median(known) if known else None


class Outcomes(NamedTuple):
    """The proof and the trials of one cell."""

    proof: Proof | None
    trials: Sequence[Trial]


def rows_of(run: Run) -> list[Row]:
    """Return a row for each cell of a run, in the run's order."""
    proofs = {proof.cell: proof for proof in run.proofs}
    trials: dict[Cell, list[Trial]] = {cell: [] for cell in run.cells}
    for trial in run.trials:
        trials[trial.cell].append(trial)
    return [
        Row(cell, run.workloads[cell.workload], framework_version(run, cell.backend),
            Outcomes(proofs.get(cell), trials[cell]))
        for cell in run.cells
    ]  # fmt: skip


def framework_version(run: Run, backend: str) -> str | None:
    """Return the version of the framework itself: the first that the backend names."""
    described = run.backends.get(backend)
    return next(iter(described.versions.values()), None) if described else None
