"""Where along a sweep one contender overtakes another.

Two contenders are compared at each value, paired by turn or by round. A crossover is claimed only
between two measured values, one where the first is significantly slower and one where it is
significantly faster: so beyond the measured values there is none. The level allows for all values
of all pairs that are compared (Bonferroni), so that at most 5 % of sweeps claim a crossover that is
none.

It lies where the log ratio, a cubic through the four values around it on the log of the axis, is 0:
between batch sizes a factor of 4 apart the ratio is off by at most 2 % then, and by 6 % on straight
lines (contenders of overhead and cost drawn at random). Its interval is where the band around that
curve holds 0: the 95 % intervals, and a fifth of the curve's distance from the straight lines.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from bench.results import statistics
from bench.results.statistics import CONFIDENCE, Floats, Interval
from bench.results.sweeps import Contender, Sweep, per_sample
from bench.workload.axes import Value

FINENESS = 2_000  # places between two values at which curve and band are evaluated
BEND = 0.2  # of the distance between curve and straight line: what the curve may be off by
WIDEST = 1e9  # of an interval that has no bounds, as a fraction


class Crossover(NamedTuple):
    """Where one contender overtakes another as the axis goes up."""

    overtaking: Contender
    overtaken: Contender
    at: Interval


class Contest(NamedTuple):
    """How two contenders compare along a sweep."""

    pair: tuple[Contender, Contender]
    faster: dict[Value, int]  # at each value: the first (1) or the second (-1) is, or it is open
    crossovers: tuple[Crossover, ...]


def contests_of(sweep: Sweep) -> list[Contest]:
    """Return how pairs compare: of those that are among the fastest somewhere, and of devices."""
    if not sweep.is_scale:
        return []
    pairs = _pairs(sweep)
    confidence = 1 - 2 * (1 - CONFIDENCE) / max(1, len(pairs) * len(sweep.axis.values))
    found = (_contest(sweep, pair, confidence) for pair in pairs)
    return [contest for contest in found if contest.faster]


def _pairs(sweep: Sweep) -> list[tuple[Contender, Contender]]:
    fastest = set().union(*sweep.fastest.values())
    return [
        (one, other)
        for one, other in combinations(sweep.rows, 2)
        if {one, other} <= fastest or _differ_in_device(one, other)
    ]


def _differ_in_device(one: Contender, other: Contender) -> bool:
    return one.device != other.device and one._replace(device=other.device) == other


def _contest(sweep: Sweep, pair: tuple[Contender, Contender], confidence: float) -> Contest:
    """Compare two contenders at every value at which both are sound."""
    ratios: dict[Value, Interval] = {}
    faster: dict[Value, int] = {}
    for value, column in sweep.columns.items():
        if column.keys() >= {*pair}:
            new, base = (per_sample(column[one]) for one in pair)
            ratio, surely = (statistics.ratio(new, base, c) for c in (CONFIDENCE, confidence))
            if ratio and surely:
                verdict = statistics.verdict(surely)
                ratios[value] = ratio
                faster[value] = {"faster": 1, "slower": -1, "~": 0}[verdict]
    return Contest(pair, faster, tuple(_crossovers(pair, ratios, faster)))


def _crossovers(
    pair: tuple[Contender, Contender], ratios: dict[Value, Interval], faster: dict[Value, int]
) -> Iterator[Crossover]:
    places = [place for place, sign in enumerate(faster.values()) if sign]
    signs = list(faster.values())
    for start, stop in pairwise(places):
        if signs[start] != signs[stop]:
            overtaking, overtaken = pair if signs[stop] > 0 else pair[::-1]
            yield Crossover(overtaking, overtaken, _crossing(ratios, start, stop))


def _crossing(ratios: dict[Value, Interval], start: int, stop: int) -> Interval:
    """Return where the ratio is 1 between two of its values, with its interval."""
    axis = np.log([float(value) for value in ratios])
    centre = np.log([one.centre for one in ratios.values()])
    widths = (one.half_width for one in ratios.values())
    margins = [np.log1p(WIDEST if width is None else min(width, WIDEST)) for width in widths]
    segments = range(start, stop)
    places = np.concatenate([np.linspace(axis[k], axis[k + 1], FINENESS) for k in segments])
    curve = np.concatenate([_cubic(axis, centre, k) for k in segments])
    bend = np.abs(curve - np.interp(places, axis, centre))
    margin = np.interp(places, axis, margins) + BEND * bend
    crossed = places[:-1][np.diff(np.sign(curve)) != 0]
    inside = np.append(places[np.abs(curve) <= margin], crossed)
    middle = float(np.exp(np.median(crossed)))
    values = min(one.values for one in ratios.values())
    return Interval(float(np.exp(inside.min())), middle, float(np.exp(inside.max())), values)


def _cubic(axis: Floats, logs: Floats, segment: int) -> Floats:
    """Evaluate between two values the cubic through them and the next one on either side."""
    first = max(0, min(segment - 1, len(axis) - 4))
    around = slice(first, first + 4)
    nearest, origin = axis[around], axis[segment]
    curve = np.polyfit(nearest - origin, logs[around], len(nearest) - 1)
    places = np.linspace(0.0, axis[segment + 1] - origin, FINENESS)
    return np.asarray(np.polyval(curve, places), np.float64)
