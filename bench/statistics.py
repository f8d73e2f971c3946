"""Turn trials into medians, intervals, ratios and verdicts that admit the noise.

The sample is the trial: one fresh process, whose value is the median of its epochs. A *row*
(backend x device x variant) has one trial a round; the rounds of a run share the machine's mood,
so two rows are compared round by round, on log seconds, where the mood cancels.

The method is chosen by its false alarms and its power, simulated in `tests/test_statistics.py`:

- under 7 trials Student's t interval for the mean of the logs: a signed-rank test has too few
  patterns of signs (with 5 trials it cannot reach 95 %, with 6 it offers 96.9 % or 90.6 %);
- from 7 trials on the signed-rank interval with winsorized scores: ranks above the middle one
  score like it. As with Wilcoxon's, its level is exact whatever symmetric noise there is, and as
  far deviations count no more than middling ones, it keeps its power when some trials are far off.

Same against same called different / a true 10 % seen, in 4,000 comparisons with a common mood of
15 % a round and 5 % a trial, beside what Student's t and Wilcoxon's signed rank make of the same
noise; coverage is how often the interval of a single row holds the median of its distribution:

| noise | rounds | this module | Student t | Wilcoxon | coverage |
| --- | --- | --- | --- | --- | --- |
| lognormal | 5 | 5.0 % / 61 % | 5.0 % / 61 % | none | 95.0 % |
| lognormal | 10 | 4.7 % / 93 % | 5.1 % / 97 % | 5.1 % / 95 % | 95.4 % |
| lognormal | 20 | 4.1 % / 100 % | 4.7 % / 100 % | 4.6 % / 100 % | 95.3 % |
| heavy tails | 5 | 4.0 % / 74 % | 4.0 % / 74 % | none | 94.8 % |
| heavy tails | 10 | 4.8 % / 97 % | 4.0 % / 95 % | 4.9 % / 94 % | 95.8 % |
| heavy tails | 20 | 5.2 % / 100 % | 5.1 % / 99 % | 5.2 % / 100 % | 95.5 % |
| slow neighbour | 5 | 1.8 % / 24 % | 1.8 % / 24 % | none | 96.1 % |
| slow neighbour | 10 | 4.6 % / 62 % | 1.9 % / 33 % | 4.8 % / 41 % | 96.0 % |
| slow neighbour | 20 | 4.9 % / 89 % | 3.8 % / 41 % | 5.2 % / 75 % | 95.4 % |

Heavy tails are Student's t with 3 degrees, scaled to 5 %; beside a slow neighbour every tenth trial
takes 50-100 % more time.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations, permutations
from math import log1p, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit  # not scipy.stats: slow

CONFIDENCE = 0.95
TARGET = 0.02  # relative half-width that `rounds_for` aims at, as `run --until 2%` does
EXACT_TRIALS = 50  # up to here the signed-rank distribution is enumerated, as SciPy's wilcoxon does
MAX_ROUNDS = 1_000_000  # where `rounds_for` stops counting

Verdict = Literal["faster", "slower", "~"]
Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A centre with its confidence bounds, in seconds or as a ratio; no bounds from one trial."""

    low: float | None
    centre: float
    high: float | None
    trials: int

    @property
    def half_width(self) -> float | None:
        """Largest distance of a bound from the centre, as a fraction of the centre."""
        if self.low is None or self.high is None:
            return None
        return max(self.high / self.centre - 1, 1 - self.low / self.centre)


def centre(seconds: Sequence[float]) -> Interval:
    """Centre of one row's trials with the 95 % interval of the median of such a trial, in seconds.

    The moods of the rounds are part of the spread. Raises ValueError for unusable seconds.
    """
    return _interval(_logs(seconds), CONFIDENCE)


def ratio(new: Sequence[float], base: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Ratio new / base of two rows, position i being the same round in both, with its interval.

    Raises ValueError for rows of different lengths and for unusable seconds.
    """
    if len(new) != len(base):
        raise ValueError(
            f"The rows have {len(new)} and {len(base)} trials; a ratio needs the same rounds in "
            "both. Align them with paired()."
        )
    return _interval(_logs(new) - _logs(base), confidence)


def paired(new: Mapping[int, float], base: Mapping[int, float]) -> tuple[list[float], list[float]]:
    """Seconds of the rounds (keys) that two rows have in common, aligned for `ratio`."""
    rounds = sorted(new.keys() & base.keys())
    return [new[number] for number in rounds], [base[number] for number in rounds]


def verdict(interval: Interval) -> Verdict:
    """Read a ratio of seconds: "~" (no difference shown) if it contains 1 or has no bounds."""
    if interval.low is None or interval.high is None or interval.low <= 1 <= interval.high:
        return "~"
    return "faster" if interval.high < 1 else "slower"


def fastest_group(rows: Mapping[str, Mapping[int, float]]) -> set[str]:
    """Names of the rows (round -> seconds) that no other row is shown to be faster than.

    The truly fastest of k rows could be beaten by chance in k - 1 comparisons, so each has an error
    of 5 % / (k - 1) (Bonferroni): it is missing from the group in at most 5 % of runs, whatever k.
    A row inside may therefore read "slower" beside another one in a single 95 % comparison.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(rows) - 1)
    beaten = {
        slow
        for fast, slow in permutations(rows, 2)
        if _is_slower(rows[slow], rows[fast], confidence)
    }
    return (rows.keys() - beaten) or set(rows)  # a circle of beaten rows: nothing is shown


def rounds_for(interval: Interval, target: float = TARGET) -> int | None:
    """Estimate the rounds in all that bring the half-width to `target`, if the spread stays so.

    Those done if they do already, at most a million, None without bounds. Raises ValueError unless
    the target is positive.
    """
    if not target > 0:
        raise ValueError(f"The target is {target!r}; expected a fraction above 0, such as 0.02.")
    if interval.half_width is None:
        return None
    shrink = log1p(target) / max(log1p(interval.half_width), log1p(target))
    enough = shrink * student_factor(interval.trials, CONFIDENCE)
    return bisect_left(
        range(MAX_ROUNDS),
        True,
        lo=interval.trials,
        key=lambda rounds: student_factor(rounds, CONFIDENCE) <= enough,
    )


def noise_floor(rows: Sequence[Mapping[int, float]]) -> float | None:
    """Smallest difference that these rounds could show between two equal rows, as a fraction.

    Half the width of the ratio's interval, in the median over all pairs of rows (round -> seconds)
    of one run and device: pairing removes the rounds' mood, and how far apart two rows lie does not
    matter. None if no two rows share two rounds.
    """
    pairs = [paired(new, base) for new, base in combinations(rows, 2)]
    ratios = [ratio(new, base) for new, base in pairs if len(new) > 1]
    widths = [np.log(each.high / each.low) / 2 for each in ratios if each.high and each.low]
    return float(np.expm1(np.median(widths))) if widths else None


def log_intervals(logs: Floats, confidence: float = CONFIDENCE) -> tuple[Floats, Floats, Floats]:
    """Low bounds, centres and high bounds of samples (samples, trials) of log seconds or ratios."""
    finest_level = 0.5 ** (logs.shape[-1] - 1)  # all signs alike: 2 of the 2^trials patterns
    if finest_level > (1 - confidence) / 2:  # levels would come in steps too coarse to choose from
        return _student_intervals(logs, confidence)
    return _signed_rank_intervals(logs, confidence)


def _student_intervals(logs: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Mean of each sample with Student's t interval."""
    means = logs.mean(axis=-1)
    margins = student_factor(logs.shape[-1], confidence) * logs.std(axis=-1, ddof=1)
    return means - margins, means, means + margins


def student_factor(trials: int, confidence: float) -> float:
    """Half-width of Student's t interval in standard deviations of one trial."""
    return float(stdtrit(trials - 1, (1 + confidence) / 2)) / sqrt(trials)


def _signed_rank_intervals(logs: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Hodges-Lehmann centre of each sample with the bounds that invert the signed-rank test.

    With ranks as scores these are order statistics of the averages of all pairs of trials. The
    score min(rank, n / 2) keeps the pairs less than n / 2 places apart in sorted order: such a pair
    changes ranks where its average is crossed, and ranks beyond n / 2 score the same.
    (Hettmansperger and McKean, Robust Nonparametric Statistical Methods, on signed-rank scores.)
    """
    trials = logs.shape[-1]
    ordered = np.sort(logs, axis=-1)
    first, second = np.triu_indices(trials)
    near = second - first < top_score(trials)
    averages = np.sort((ordered[..., first[near]] + ordered[..., second[near]]) / 2, axis=-1)
    cut = signed_rank_cut(trials, confidence)
    return averages[..., cut], np.median(averages, axis=-1), averages[..., -1 - cut]


def top_score(trials: int) -> int:
    """Score of every rank from the middle one on; 4 at least, below which levels get coarse."""
    return max(4, trials // 2)


@lru_cache
def signed_rank_cut(trials: int, confidence: float) -> int:
    """Number of averages to leave out at either end so that the interval keeps its confidence."""
    scores = np.minimum(np.arange(1, trials + 1), top_score(trials))
    tail = (1 - confidence) / 2
    if trials > EXACT_TRIALS:  # normal approximation, with its correction for continuity
        return int(scores.sum() / 2 - 0.5 + ndtri(tail) * sqrt(float((scores**2).sum())) / 2)
    chances = np.ones(1)  # of every sum of the scores with a positive sign
    for score in scores:
        chances = (np.pad(chances, (0, score)) + np.pad(chances, (score, 0))) / 2
    return int(np.searchsorted(chances.cumsum(), tail, side="right")) - 1


def _interval(logs: Floats, confidence: float) -> Interval:
    """Interval of one sample of logs, on the scale of seconds or ratios."""
    if len(logs) < 2:
        return Interval(None, float(np.exp(logs[0])), None, len(logs))
    with np.errstate(over="ignore"):  # two trials that differ wildly have no upper bound: infinity
        low, middle, high = (float(np.exp(bound)) for bound in log_intervals(logs, confidence))
    return Interval(low, middle, high, len(logs))


def _is_slower(row: Mapping[int, float], other: Mapping[int, float], confidence: float) -> bool:
    """Whether a row is shown to be slower than another one in the rounds they share."""
    new, base = paired(row, other)
    return len(new) > 1 and verdict(ratio(new, base, confidence)) == "slower"


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
