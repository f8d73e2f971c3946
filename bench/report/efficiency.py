"""How near a row comes to the GEMM bound, what compiling costs it, and how long it takes to learn.

Time to an accuracy counts from the start of the process: starting, importing, reading the data,
building and compiling are in. Evaluation is not: the harness scores after every epoch, off the
clock, where somebody who trains a network need not.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from itertools import accumulate
from statistics import median

from bench.report.numbers import rounded, significant
from bench.results import statistics
from bench.results.cases import Row
from bench.results.records import GemmBound, Run, Trained
from bench.results.statistics import Interval, Timings
from bench.workload import Device, Workload

COMPILES_SHARE = 0.5  # of an epoch that the first one must take longer to count as compiling
COMPILES_SECONDS = 0.1  # and that many seconds
FULL_SAMPLES = 60_000  # all training images of MNIST
FULL_SET, SUBSET = (0.95, 0.98), (0.80, 0.85)
ARITHMETIC = 0.7  # share of the fastest epoch in matrix products that makes it bound by them


class Bound:
    """The GEMM bound of a workload on a device, over the rounds; `group` took turns with it."""

    def __init__(self, by_round: Mapping[int, GemmBound], group: Hashable = None) -> None:
        found = by_round.values()
        turns = {number: one.epoch_seconds for number, one in by_round.items()}
        self.timings = Timings({number: one[1:] or one for number, one in turns.items()}, group)
        self.seconds = statistics.centre(list(self.timings.seconds.values())).centre
        self.peak_flop_per_second = max(one.peak_flop_per_second for one in found)
        self.library = ", ".join(dict.fromkeys(one.library for one in found))
        self.upload_seconds = median([one.upload_seconds or 0.0 for one in found])

    def ratio(self, row: Row) -> Interval:
        """Return a row's seconds over the bound's, paired by turn or by round."""
        found = statistics.ratio(row.timings, self.timings)
        return found or Interval(None, centre(row) / self.seconds, None, 0)


def bounds_of(run: Run, rows: Sequence[Row]) -> dict[Device, Bound]:
    """Return the GEMM bounds that were measured beside some rows, by device."""
    work = (rows[0].case.workload, rows[0].case.threads)
    groups = {row.case: row.group for row in rows}
    beside = {number: groups[case] for number, cases in enumerate(run.groups)
              for case in cases if case in groups}  # fmt: skip
    found: dict[tuple[Device, Hashable], dict[int, GemmBound]] = {}
    for trial in run.gemm_bounds:
        is_beside = trial.group in beside or not run.groups
        same = (trial.workload, trial.threads) == work
        if is_beside and same and isinstance(trial.result, GemmBound):
            by_round = found.setdefault((trial.device, beside.get(trial.group)), {})
            by_round[trial.round] = trial.result
    return {device: Bound(by_round, group) for (device, group), by_round in found.items()}


def centre(row: Row) -> float:
    """Return the seconds per epoch of a row, infinite if all its trials failed."""
    return row.interval.centre if row.interval else math.inf


def compile_seconds(trained: Trained) -> float | None:
    """Return the first epoch's seconds less the median of the others; None with one epoch."""
    later = [epoch.seconds for epoch in trained.epochs[1:]]
    return max(0.0, trained.epochs[0].seconds - median(later)) if later else None


def typical_compile_seconds(row: Row) -> float:
    """Return the median over the trials of what compiling took."""
    return row.typical(map(compile_seconds, row.trials.values())) or 0.0


def compiling(row: Row) -> float | None:
    """Return the seconds of compiling; None if the first epoch is too short to show any."""
    seconds = typical_compile_seconds(row)
    return seconds if seconds > max(COMPILES_SECONDS, COMPILES_SHARE * centre(row)) else None


def epochs_to_pay_off(row: Row, rival: Row) -> int | None:
    """Return after how many epochs a compiling row has overtaken one that does not compile.

    Counted from the first epoch's start; None if its later epochs are not faster.
    """
    gain = centre(rival) - centre(row)
    extra = typical_compile_seconds(row) - typical_compile_seconds(rival)
    return max(1, math.ceil(rounded(extra / gain))) if gain > 0 else None


def thresholds(workload: Workload) -> tuple[float, ...]:
    """Return the accuracies to be reached: higher ones for all 60,000 images than for a subset."""
    return FULL_SET if workload.train_samples >= FULL_SAMPLES else SUBSET


def before_epochs(trained: Trained) -> tuple[float, float, float, float]:
    """Return the seconds of starting, importing, reading the data and building."""
    began = trained.start_seconds, trained.import_seconds
    return *began, trained.data_seconds, trained.build_seconds


def epoch_ends(trained: Trained) -> list[float]:
    """Return the seconds from the start of the process to the end of each epoch."""
    epochs = (epoch.seconds for epoch in trained.epochs)
    return list(accumulate(epochs, initial=sum(before_epochs(trained))))[1:]


def seconds_to(row: Row, accuracy: float) -> float | None:
    """Return the seconds to the first epoch that reached an accuracy, the median over the trials.

    None if half of the trials or more did not get there.
    """
    reached = []
    for trained in row.trials.values():
        ends = zip(epoch_ends(trained), trained.epochs, strict=True)
        there = (end for end, epoch in ends if epoch.accuracy >= accuracy)
        reached.append(next(there, math.inf))
    typical = median(reached)
    return typical if math.isfinite(typical) else None


def in_words(row: Row, bound: Bound) -> str:
    """Return what limits the fastest row of a device, in two sentences."""
    share = 1 / bound.ratio(row).centre
    products = f"matrix products alone take {100 * share:.0f} % of its epoch"
    limit = f"is bound by dispatch and memory: {products}"
    if share >= 1:
        limit = "is bound by arithmetic: its epoch is not shown to exceed its matrix products alone"
    elif share >= ARITHMETIC:
        limit = f"is bound by arithmetic: {products}"
    elif bound.upload_seconds > 0.5 * centre(row):
        upload = significant(bound.upload_seconds, 2)
        limit = f"may be bound by transfer: an epoch's images take {upload} s to upload, {products}"
    rate = f"{bound.library}, {significant(bound.peak_flop_per_second / 1e9, 3)} GFLOP/s"
    arithmetic = significant(row.workload.epoch_flop / bound.peak_flop_per_second, 2)
    return (
        f"{row.case.backend} on {row.case.device} {limit}. At the rate of one large product "
        f"({rate}) the arithmetic would take {arithmetic} s."
    )
