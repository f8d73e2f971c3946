"""How long a trial took, from the start of its process, to an accuracy on the test images.

Evaluation is left out: the harness scores after every epoch, off the clock, where somebody who
trains a network need not. Starting, importing, reading the data, building and compiling count.
"""

from collections.abc import Iterator
from itertools import accumulate
from math import inf, isfinite
from statistics import median

from bench.records import Trained
from bench.rows import Row
from bench.workload import ACCELERATOR_SIZES, Workload

FULL_SET = (0.95, 0.98)
SUBSET = (0.80, 0.85)


def thresholds(workload: Workload) -> tuple[float, ...]:
    """Return the accuracies to be reached: others for all 60,000 images than for a subset."""
    return FULL_SET if workload.train_samples >= ACCELERATOR_SIZES["train_samples"] else SUBSET


def trained_seconds(trained: Trained) -> Iterator[float]:
    """Yield the seconds from the start of the process to the end of each epoch."""
    before = (
        trained.start_seconds
        + trained.import_seconds
        + trained.data_seconds
        + trained.build_seconds
    )
    for spent in accumulate(epoch.seconds for epoch in trained.epochs):
        yield before + spent


def seconds(trained: Trained, accuracy: float) -> float | None:
    """Return the seconds to the first epoch that reached the accuracy; None if none did."""
    ends = zip(trained_seconds(trained), trained.epochs, strict=True)
    return next((end for end, epoch in ends if epoch.accuracy >= accuracy), None)


def typical_seconds(row: Row, accuracy: float) -> float | None:
    """Return the median over a row's trials; None if half of them or more did not get there."""
    reached = [seconds(trained, accuracy) for trained in row.trials.values()]
    typical = median(inf if one is None else one for one in reached) if reached else inf
    return typical if isfinite(typical) else None
