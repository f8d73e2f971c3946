"""Where the time of a step goes along the batch size: overhead + batch * cost.

An epoch takes steps * overhead + samples * cost, which counts the short last batch as it is. Both
are fitted to each round by least squares of the relative errors; how the rounds differ gives the
intervals, Student's t, so that all that disturbs a round is part of them.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit  # not scipy.stats: slow

from bench.results.cases import Row
from bench.results.statistics import CONFIDENCE, Floats, Interval
from bench.workload.axes import Value

LEAST_VALUES = 3  # through two, every pair of numbers fits
TOLERATED = 0.1  # of the seconds of an epoch that the fit may be off


class Misfit(NamedTuple):
    """The value where a fit is farthest off, and by how much."""

    value: Value
    share: float  # of the measured seconds, positive where they are longer than fitted


class Fit(NamedTuple):
    """What a step and a sample cost a contender, in seconds."""

    overhead: Interval  # of a step
    cost: Interval  # of a sample
    misfit: Misfit | None  # beyond what the noise explains and TOLERATED


def fitted(rows: Mapping[Value, Row]) -> Fit | None:
    """Return the fit to sound rows by batch size; None if too few were measured."""
    rounds = sorted({number for row in rows.values() for number in row.seconds})
    found, errors = [], np.full((len(rounds), len(rows)), np.nan)
    for place, number in enumerate(rounds):
        there = [number in row.seconds for row in rows.values()]
        if sum(there) >= LEAST_VALUES:
            some = [row for row in rows.values() if number in row.seconds]
            seconds = np.array([row.seconds[number] for row in some])
            sizes = np.array([(row.workload.steps, row.workload.train_samples) for row in some])
            relative = sizes / seconds[:, None]
            pair = np.linalg.lstsq(relative, np.ones(len(some)))[0]
            errors[place, there] = 1 - relative @ pair
            found.append(pair.tolist())
    if not found:
        return None
    overhead, cost = map(_mean, zip(*found, strict=True))
    return Fit(overhead, cost, _misfit(list(rows), errors))


def _mean(values: Sequence[float]) -> Interval:
    """Return the mean over the rounds, of any sign, with its interval."""
    centre, count = fmean(values), len(values)
    if count < 2:
        return Interval(None, centre, None, count)
    tail = (1 - CONFIDENCE) / 2
    margin = float(stdtrit(count - 1, 1 - tail)) * stdev(values) / count**0.5
    return Interval(centre - margin, centre, centre + margin, count)


def _misfit(values: list[Value], errors: Floats) -> Misfit | None:
    """Return where the errors (rounds, values) are farthest from 0, if significantly so."""
    known = np.isfinite(errors).sum(axis=0)
    if known.min() < 2:
        return None
    off, spread = np.nanmean(errors, axis=0), np.nanstd(errors, axis=0, ddof=1)
    tail = (1 - CONFIDENCE) / 2 / len(values)  # Bonferroni
    significant = np.abs(off) > stdtrit(known - 1, 1 - tail) * spread / np.sqrt(known)
    doubts = np.where(significant, np.abs(off), 0.0)
    worst = int(doubts.argmax())
    return Misfit(values[worst], float(off[worst])) if doubts[worst] > TOLERATED else None
