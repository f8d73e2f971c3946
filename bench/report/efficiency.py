"""How near a row comes to its device's floor, what compiling cost it, and where its time goes."""

import math
from collections.abc import Mapping
from statistics import median

from bench import statistics
from bench.records import Floor, Run, Trained
from bench.report.numbers import significant
from bench.rows import Row
from bench.statistics import Interval

COMPILES_SHARE = 0.5  # of an epoch that the first one must take longer to count as compiling
COMPILES_SECONDS = 0.1  # and that many seconds
ARITHMETIC = 0.7  # share of the fastest epoch in matrix products that makes it bound by them


class Floors:
    """What was measured of the floor of a workload on a device."""

    def __init__(self, by_round: Mapping[int, Floor]) -> None:
        """Summarise the floors of some rounds, of one at least."""
        floors = by_round.values()
        self._seconds = {number: floor.epoch_seconds for number, floor in by_round.items()}
        self.seconds = statistics.centre(list(self._seconds.values())).centre
        self.peak_flop_per_second = max(floor.peak_flop_per_second for floor in floors)
        self.library = ", ".join(dict.fromkeys(floor.library for floor in floors))
        uploads = [floor.upload_seconds for floor in floors if floor.upload_seconds]
        self.upload_seconds = median(uploads) if uploads else None

    def tax(self, row: Row) -> Interval:
        """Return a row's seconds over the floor's, paired by round.

        Without two rounds to pair, it has no bounds: the floor was one moment.
        """
        mine, theirs = statistics.paired(row.seconds, self._seconds)
        if len(mine) > 1:
            return statistics.ratio(mine, theirs)
        assert row.interval is not None, "only rows with trials are compared"
        return Interval(None, row.interval.centre / self.seconds, None, len(mine))


def floors_of(run: Run, workload: str) -> dict[str, Floors]:
    """Return what was measured of the floors of a workload, by device."""
    found: dict[str, dict[int, Floor]] = {}
    for floor in run.floors:
        if floor.workload == workload and isinstance(floor.result, Floor):
            found.setdefault(floor.device, {})[floor.round] = floor.result
    return {device: Floors(by_round) for device, by_round in found.items()}


def compile_seconds(trained: Trained) -> float | None:
    """Return the first epoch's seconds less the median of the others; None with one epoch."""
    later = [epoch.seconds for epoch in trained.epochs[1:]]
    return max(0.0, trained.epochs[0].seconds - median(later)) if later else None


def typical_compile_seconds(row: Row) -> float | None:
    """Return the median over the trials of what compiling took."""
    return row.typical(compile_seconds(trained) for trained in row.trials.values())


def compiles(row: Row) -> bool:
    """Return whether a row's first epoch is long enough to show that something was compiled."""
    seconds = typical_compile_seconds(row)
    if seconds is None or row.interval is None:
        return False
    return seconds > max(COMPILES_SECONDS, COMPILES_SHARE * row.interval.centre)


def epochs_to_pay_off(row: Row, rival: Row) -> int | None:
    """Return after how many epochs a compiling row has overtaken one that does not compile.

    Counted from the first epoch's start; None if its later epochs are not faster.
    """
    if row.interval is None or rival.interval is None:
        return None
    gain = rival.interval.centre - row.interval.centre
    extra = (typical_compile_seconds(row) or 0.0) - (typical_compile_seconds(rival) or 0.0)
    return max(1, math.ceil(extra / gain)) if gain > 0 else None


def in_words(row: Row, floor: Floors) -> str:
    """Return by what the fastest row of a device is bound, in one sentence."""
    assert row.interval is not None, "the fastest row has trials"
    seconds, steps = row.interval.centre, row.workload.steps
    share = 1 / floor.tax(row).centre
    rest = 1e6 * max(0.0, 1 - share) * seconds / steps
    arithmetic = row.workload.epoch_flop / floor.peak_flop_per_second
    name = f"{row.cell.backend} on {row.cell.device}"
    if share >= 1:
        sentence = (
            f"{name} is bound by arithmetic: its epoch is not shown to take longer than "
            f"the matrix products one by one, {significant(floor.seconds, 2)} s"
        )
    elif share >= ARITHMETIC:
        sentence = (
            f"{name} is bound by arithmetic: matrix products alone take {100 * share:.0f} % of "
            "its epoch"
        )
    elif floor.upload_seconds and floor.upload_seconds > 0.5 * seconds:
        sentence = (
            f"{name} may be bound by transfer: moving an epoch's images to the device takes "
            f"{significant(floor.upload_seconds, 2)} s, matrix products {100 * share:.0f} % of it"
        )
    else:
        sentence = (
            f"{name} is bound by dispatch and memory: matrix products alone take "
            f"{100 * share:.0f} % of its epoch, the other {significant(rest, 2)} µs a step go "
            "elsewhere"
        )
    return (
        f"{sentence}; at the rate of one large product ({floor.library}, "
        f"{significant(floor.peak_flop_per_second / 1e9, 3)} GFLOP/s) the arithmetic would take "
        f"{significant(arithmetic, 2)} s."
    )
