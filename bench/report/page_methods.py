"""How the page finds an interval: the constants of `bench.statistics`, by the number of trials.

The page compares any two rows that a reader picks, too many pairs to be computed beforehand.
"""

from bench import statistics

Method = tuple[float] | tuple[int, int]


def methods(most: int) -> dict[int, Method]:
    """Return how to find the interval of so many pairs of trials, for every number from 2 on.

    One value: Student's t, the half-width in standard deviations. Two: signed rank, how far apart
    in order the trials of a pair may be, and how many of the pairs' averages to leave out.
    """
    return {trials: method(trials) for trials in range(2, most + 1)}


def method(trials: int) -> Method:
    """Return the method for one number of trials, as `statistics.log_intervals` chooses it."""
    confidence = statistics.CONFIDENCE
    if 0.5 ** (trials - 1) > (1 - confidence) / 2:
        return (statistics.student_factor(trials, confidence),)
    near = statistics.top_score(trials)
    return near, statistics.signed_rank_cut(trials, confidence)
