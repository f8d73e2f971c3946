"""Turn timings into centres, intervals, ratios and verdicts that allow for the noise.

Seconds per epoch of one row: the sample is the trial, one fresh process, whose value is the median
of its epochs. Under 7 trials the interval is Student's t for the mean of the logs (a signed-rank
test has too few patterns of signs); from 7 on it is the signed-rank interval with winsorized
scores: as with Wilcoxon's, its level is exact whatever symmetric noise there is, and as far
deviations count no more than middling ones, it keeps its power when some trials are far off.

Ratios of rows that took turns: the sample is the turn, in which both did one epoch within seconds
of each other. Of the log ratios of all turns the trimmed mean is taken, with the t interval of
Tukey and McLaughlin (Sankhya A 25, 1963). Where rounds differ by more than their turns do, each
round counts as one value instead. Rows that took no turns are compared round by round.

The method is chosen by its false alarms and its power, simulated in
`tests/unit/results/test_error_rates.py` and tried on recorded runs: docs/method.md has the tables.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, combinations
from math import sqrt
from statistics import median
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri, ndtri, stdtrit  # not scipy.stats: slow

CONFIDENCE = 0.95
EXACT_TRIALS = 50  # up to here the signed-rank distribution is enumerated, as SciPy's wilcoxon does
TRIMMED = 0.2  # share of the turns that is left out at either end
ROUNDS_DIFFER = 0.05  # significance from which rounds are taken to differ by more than their turns
# By which fraction processes of one backend differ for good: six that took turns ended within 1.7 %
# of each other, of which the noise of their epochs explains 1.3 %.
PROCESS_DEVIATION = 0.005

Name = TypeVar("Name", bound=Hashable)
Verdict = Literal["faster", "slower", "~"]
Floats = NDArray[np.float64]
Bounds = tuple[Floats, Floats, Floats]  # low bounds, centres and high bounds


class Interval(NamedTuple):
    """A centre with its confidence bounds, in seconds or as a ratio; no bounds from one trial."""

    low: float | None
    centre: float
    high: float | None
    values: int  # trials or turns that it was computed from

    @property
    def half_width(self) -> float | None:
        """Largest distance of a bound from the centre, as a fraction of the centre."""
        if self.low is None or self.high is None:
            return None
        return max(self.high / self.centre - 1, 1 - self.low / self.centre)

    def dividing(self, amount: float) -> "Interval":
        """The amount divided by this, as rates follow from seconds."""
        low, high = self.high and amount / self.high, self.low and amount / self.low
        return Interval(low, amount / self.centre, high, self.values)


class Timings(NamedTuple):
    """What was timed of one row: the seconds of its epochs, from the second on, by round."""

    turns: Mapping[int, Sequence[float]]
    group: Hashable | None = None  # that it took turns with, epoch by epoch; None: nobody

    @property
    def seconds(self) -> dict[int, float]:
        """The value of each round: the median of its epochs."""
        return {number: median(turns) for number, turns in self.turns.items()}


def centre(seconds: Sequence[float]) -> Interval:
    """Centre of one row's trials with the 95 % interval of the median of such a trial, in seconds.

    How the rounds differ is part of the spread. Raises ValueError for unusable seconds.
    """
    return _interval(_logs(seconds), log_intervals, CONFIDENCE)


def ratio(new: Timings, base: Timings, confidence: float = CONFIDENCE) -> Interval | None:
    """Ratio new / base with its interval, by turns if they took turns, else by rounds.

    None if they have no round in common. Raises ValueError for unusable seconds.
    """
    rounds = sorted(new.turns.keys() & base.turns.keys())
    if not rounds:
        return None
    if new.group is None or new.group != base.group:
        mine, theirs = new.seconds, base.seconds
        logs = _logs([mine[one] for one in rounds]) - _logs([theirs[one] for one in rounds])
        return _interval(logs, log_intervals, confidence)
    pairs = [list(zip(new.turns[one], base.turns[one], strict=False)) for one in rounds]
    logs = np.subtract(*map(_logs, zip(*chain(*pairs), strict=True)))
    return _interval(logs, partial(turn_intervals, counts=list(map(len, pairs))), confidence)


def _interval(logs: Floats, bounds: Callable[..., Bounds], confidence: float) -> Interval:
    """Interval of one sample of logs, on the scale of seconds or ratios; no bounds of one value."""
    if len(logs) < 2:
        return Interval(None, float(np.exp(logs[0])), None, len(logs))
    with np.errstate(over="ignore"):  # two trials that differ wildly have no upper bound: infinity
        low, middle, high = np.exp(bounds(logs, confidence=confidence)).tolist()
    return Interval(low, middle, high, len(logs))


def _logs(seconds: Sequence[float]) -> Floats:
    """Natural logarithms of seconds, checked; the only way in."""
    values = np.asarray(seconds, dtype=np.float64)
    if not len(values):
        raise ValueError(
            "A row has no trials; statistics need at least one. Leave the row out of the table."
        )
    bad = values[~(np.isfinite(values) & (values > 0))]
    if len(bad):
        raise ValueError(
            f"A trial took {bad[0]} s; expected seconds above 0 and finite. Leave failed trials "
            "out of the row."
        )
    return np.log(values)


def turn_intervals(logs: Floats, counts: Sequence[int], confidence: float = CONFIDENCE) -> Bounds:
    """Low bounds, centres and high bounds of samples (samples, turns) of log ratios of turns.

    `counts` are the turns of each round, which stand together.
    """
    rounds = np.split(logs, np.cumsum(counts)[:-1], axis=-1)
    processes = 2 * PROCESS_DEVIATION**2 / len(rounds)  # of two rows
    middle, margin = _trimmed_mean(logs, TRIMMED, confidence, processes)
    if len(rounds) > 1:
        values = [_trimmed_mean(one, TRIMMED, confidence)[0] for one in rounds]
        by_round, wider = _trimmed_mean(np.stack(values, axis=-1), 0.0, confidence, processes)
        differ = _rounds_differ(logs, rounds)
        middle, margin = np.where(differ, by_round, middle), np.where(differ, wider, margin)
    return middle - margin, middle, middle + margin


def _trimmed_mean(
    values: Floats, trimmed: float, confidence: float, more_variance: float = 0.0
) -> tuple[Floats, Floats]:
    """Mean of each sample without a share of it at either end, and the margin of its t interval.

    Tukey and McLaughlin's, by the winsorized variance; with nothing trimmed it is Student's.
    """
    ordered, count = np.sort(values, axis=-1), values.shape[-1]
    cut = int(trimmed * count)
    kept = ordered[..., cut : count - cut]
    winsorized = ordered.clip(kept[..., :1], kept[..., -1:])
    freedom = max(1, kept.shape[-1] - 1)
    variance = count * winsorized.var(axis=-1) / freedom / kept.shape[-1]
    margin = stdtrit(freedom, (1 + confidence) / 2) * np.sqrt(variance + more_variance)
    return kept.mean(axis=-1), margin


def _rounds_differ(logs: Floats, rounds: Sequence[Floats]) -> NDArray[np.bool_]:
    """Whether rounds differ by significantly more than their turns do (analysis of variance)."""
    overall, freedom = logs.mean(axis=-1), logs.shape[-1] - len(rounds)
    if freedom < 1:
        return np.full(overall.shape, True)
    inside = sum(one.shape[-1] * one.var(axis=-1) for one in rounds)
    between = sum(one.shape[-1] * (one.mean(axis=-1) - overall) ** 2 for one in rounds)
    limit = fdtri(len(rounds) - 1, freedom, 1 - ROUNDS_DIFFER)
    return np.asarray(between / (len(rounds) - 1) > limit * inside / freedom)


def verdict(interval: Interval) -> Verdict:
    """Read a ratio of seconds: "~" (no difference shown) if it contains 1 or has no bounds."""
    if interval.low is None or interval.high is None or interval.low <= 1 <= interval.high:
        return "~"
    return "faster" if interval.high < 1 else "slower"


def fastest_group(rows: Mapping[Name, Timings]) -> set[Name]:
    """Names of the rows that no other row is shown to be faster than.

    The truly fastest of k rows could be beaten by chance in k - 1 comparisons, so each has an error
    of 5 % / (k - 1) (Bonferroni): it is missing from the group in at most 5 % of runs, whatever k.
    A row inside may therefore read "slower" beside another one in a single 95 % comparison.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(rows) - 1)
    beaten = set()
    for (one, first), (other, second) in combinations(rows.items(), 2):
        found = ratio(first, second, confidence)
        if found and (shown := verdict(found)) != "~":
            beaten.add(one if shown == "slower" else other)
    return (rows.keys() - beaten) or set(rows)  # a circle of beaten rows: nothing is shown


def minimum_detectable_difference(rows: Sequence[Timings]) -> float | None:
    """Smallest difference that could be shown between two equal rows, as a fraction.

    Half the width of the ratio's interval, in the median over all pairs of rows of one run and
    device: pairing removes the conditions that both see, and how far apart two rows are does not
    matter. None if no two rows have two turns or rounds in common.
    """
    ratios = [ratio(new, base) for new, base in combinations(rows, 2)]
    widths = [np.log(one.high / one.low) / 2 for one in ratios if one and one.high and one.low]
    return float(np.expm1(np.median(widths))) if widths else None


def log_intervals(logs: Floats, confidence: float = CONFIDENCE) -> Bounds:
    """Low bounds, centres and high bounds of samples (samples, trials) of log seconds or ratios."""
    finest_level = 0.5 ** (logs.shape[-1] - 1)  # all signs alike: 2 of the 2^trials patterns
    if finest_level <= (1 - confidence) / 2:
        return _signed_rank_intervals(logs, confidence)
    # Levels would come in steps too coarse to choose from.
    mean, margin = _trimmed_mean(logs, 0.0, confidence)
    return mean - margin, mean, mean + margin


def _signed_rank_intervals(logs: Floats, confidence: float) -> Bounds:
    """Hodges-Lehmann centre of each sample with the bounds that invert the signed-rank test.

    With ranks as scores these are order statistics of the averages of all pairs of trials. The
    score min(rank, n / 2) keeps the pairs less than n / 2 places apart in sorted order: such a pair
    changes ranks where its average is crossed, and ranks beyond n / 2 score the same.
    (Hettmansperger and McKean, Robust Nonparametric Statistical Methods, on signed-rank scores.)
    """
    trials = logs.shape[-1]
    ordered = np.sort(logs, axis=-1)
    first, second = np.triu_indices(trials)
    near = second - first < _top_score(trials)
    averages = np.sort((ordered[..., first[near]] + ordered[..., second[near]]) / 2, axis=-1)
    cut = _signed_rank_cut(trials, confidence)
    return averages[..., cut], np.median(averages, axis=-1), averages[..., -1 - cut]


def _top_score(trials: int) -> int:
    """Score of every rank from the middle one on; 4 at least, below which levels get coarse."""
    return max(4, trials // 2)


@lru_cache
def _signed_rank_cut(trials: int, confidence: float) -> int:
    """Number of averages to leave out at either end so that the interval keeps its confidence."""
    scores = np.minimum(np.arange(1, trials + 1), _top_score(trials))
    tail = (1 - confidence) / 2
    if trials > EXACT_TRIALS:  # normal approximation, with its correction for continuity
        return int(scores.sum() / 2 - 0.5 + ndtri(tail) * sqrt(float((scores**2).sum())) / 2)
    chances = np.ones(1)  # of every sum of the scores with a positive sign
    for score in scores:
        chances = (np.pad(chances, (0, score)) + np.pad(chances, (score, 0))) / 2
    return int(np.searchsorted(chances.cumsum(), tail, side="right")) - 1
