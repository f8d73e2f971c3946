"""Comparisons of rows for the page, where a reader picks any two of them.

Pairs grow with the square of the rows, so a row is compared with all of its run, and with as many
of the newest rows of other runs as there is room for: all of them, in a few dozen runs. They are
computed together where they are computed alike, which takes a tenth of the time.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from bench.report import numbers
from bench.report.sections import Section
from bench.results import statistics
from bench.results.cases import Row
from bench.results.statistics import Floats, Interval

ROOM = 80_000  # pairs of different runs on a page (2 MB), if they have fewer rounds than these:
FEW_ROUNDS = 30  # computing a pair takes the square of the rounds
DIGITS = 4
VERDICTS = {"slower": 1, "~": 0, "faster": -1}

Measured = tuple[Section, Row]
# Low, centre and high of the ratio of the seconds, the values behind it, and the verdict.
Ratio = tuple[float | None, ...]
# How a pair is computed: from so many values, of so many turns of each round if they took turns.
Method = tuple[int, tuple[int, ...]]


def compared(newest: Sequence[Measured]) -> list[dict[int, Ratio]]:
    """Return for each row its ratios to others, by their places; the newest row comes first.

    A flagged row has none, and no two have one that share no round.
    """
    found: list[dict[int, Ratio]] = [{} for _ in newest]
    alike: dict[Method, list[tuple[int, int, list[float]]]] = {}
    for one, other in _pairs(newest):
        method, ratios = _shared(newest[one][1], newest[other][1])
        if ratios:
            alike.setdefault(method, []).append((one, other, ratios))
    for (values, turns), pairs in alike.items():
        bounds = _intervals(np.log([ratios for _, _, ratios in pairs]), turns)
        for (one, other, _), low, centre, high in zip(pairs, *bounds, strict=True):
            found[one][other] = _packed(Interval(low, centre, high, values))
    return found


def _pairs(newest: Sequence[Measured]) -> Iterator[tuple[int, int]]:
    """Yield the places of the rows to compare, the older one first."""
    rounds = max((len(row.seconds) for _, row in newest), default=0)
    room = ROOM // max(1, len(newest)) // max(1, rounds // FEW_ROUNDS) ** 2
    groups: dict[tuple[str, str], list[int]] = {}
    starts: dict[tuple[str, str, str], int] = {}  # where a run's rows begin: they stand together
    for place, (section, row) in enumerate(newest):
        if row.is_sound:
            work = section.key[:2]
            newer = groups.setdefault(work, [])
            start = starts.setdefault((section.run_name, *work), len(newer))
            for other in chain(newer[: min(start, room)], newer[start:]):
                yield place, other
            newer.append(place)


def _shared(new: Row, base: Row) -> tuple[Method, list[float]]:
    """Return the ratios of two rows by turn if they took turns, else by round."""
    rounds = sorted(new.seconds.keys() & base.seconds.keys())
    if new.group is None or new.group != base.group:
        return (len(rounds), ()), [new.seconds[number] / base.seconds[number] for number in rounds]
    mine, theirs = new.timings.turns, base.timings.turns
    turns = [[one / other for one, other in zip(mine[number], theirs[number], strict=False)]
             for number in rounds]  # fmt: skip
    counts = tuple(map(len, turns))
    return (sum(counts), counts), [*chain(*turns)]


def _intervals(logs: Floats, turns: Sequence[int]) -> Iterable[Sequence[Any]]:
    """Return the low bounds, centres and high bounds of samples (pairs, values)."""
    if logs.shape[1] == 1:
        unknown = [None] * len(logs)
        return unknown, np.exp(logs[:, 0]).tolist(), unknown
    by_turns = turns and statistics.turn_intervals(logs, turns)
    with np.errstate(over="ignore"):
        return [np.exp(one).tolist() for one in by_turns or statistics.log_intervals(logs)]


def _packed(ratio: Interval) -> Ratio:
    verdict = VERDICTS[statistics.verdict(ratio)]
    return (*(one and numbers.rounded(one, DIGITS) for one in ratio[:3]), ratio.values, verdict)
