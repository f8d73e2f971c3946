"""The comparisons that the page holds: those of `bench.results.statistics`."""

import random
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from made import (
    make_failed,
    make_run,
    make_trained,
    make_verified,
    with_result,
    with_verification,
)

from bench.report import pairs
from bench.report.pairs import compared
from bench.report.sections import Section, sections_of
from bench.results import statistics
from bench.results.cases import Row
from bench.results.records import Flag, Run


def rows_of(*runs: Run) -> list[tuple[Section, Row]]:
    """Return the rows of runs, the newest of which is given first."""
    sections = [one for number, run in enumerate(runs) for one in sections_of(f"{number}", run)]
    return [(section, row) for section in sections for row in section.rows]


def noisy(rounds: int, dice: random.Random, missing: int = 0) -> Run:
    """Return a run of two rows, the second without its first rounds."""
    seconds = {name: [dice.lognormvariate(0, 0.2) for _ in range(rounds)] for name in ("a", "b")}
    run = make_run(seconds)
    for number in range(missing):
        run = with_result(run, "b", make_failed(), number)
    return run


def assert_same(rows: Sequence[tuple[Section, Row]], found: Mapping[int, pairs.Ratio]) -> None:
    for other, (low, centre, high, trials, verdict) in found.items():
        expected = statistics.ratio(rows[-1][1].timings, rows[other][1].timings)
        assert expected is not None
        for mine, theirs in zip((low, centre, high, trials), expected, strict=True):
            assert mine == (None if theirs is None else pytest.approx(theirs, rel=1e-3))
        assert verdict == {"faster": -1, "~": 0, "slower": 1}[statistics.verdict(expected)]


@pytest.mark.parametrize("rounds", [1, 2, 6, 7, 20, 51])
def test_ratios_are_those_of_the_statistics(rounds: int) -> None:
    """For every method, within a run and between runs, whichever rounds two rows share."""
    dice = random.Random(rounds)
    rows = rows_of(*(noisy(rounds, dice, missing) for missing in (0, rounds // 2, 0)))
    found = compared(rows)
    assert [len(ratios) for ratios in found] == list(range(6))
    for number, ratios in enumerate(found):
        assert_same(rows[: number + 1], ratios)


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_rows_that_took_turns_are_compared_by_turns(rounds: int) -> None:
    dice = random.Random(rounds)
    run = noisy(rounds, dice)
    trials = []
    for trial in run.trials:
        first, *others = (dice.lognormvariate(0, 0.2) for _ in range(7))
        trained = make_trained(first, 1, extra_seconds=tuple(others))
        trials.append(msgspec.structs.replace(trial, result=trained))
    run = msgspec.structs.replace(run, trials=tuple(trials), groups=(run.cases,))
    rows = rows_of(run)
    _, (ratio,) = (list(ratios.values()) for ratios in compared(rows))
    assert ratio[3] == 6 * rounds
    assert_same(rows, compared(rows)[1])


def test_flagged_and_failed_rows_and_rows_without_a_common_round_have_no_ratio() -> None:
    run = make_run({"a": [0.1, 0.2], "b": [0.1, 0.2], "c": [0.1, 0.2], "d": [0.3, 0.3]})
    run = with_verification(run, "b", make_verified(flags=(Flag("losses", "off"),)))
    run = with_result(with_result(run, "c", make_failed()), "d", make_failed(), round=1)
    rows = rows_of(run)
    names = [row.case.backend for _, row in rows]
    found = {
        (names[one], names[other]) for one, ratios in enumerate(compared(rows)) for other in ratios
    }
    assert {frozenset(pair) for pair in found} == {frozenset("ac"), frozenset("ad")}


def test_of_many_rows_those_of_a_run_and_the_newest_are_compared() -> None:
    """The page stays small: `ROOM` pairs, and those within each run."""
    rows = rows_of(*(make_run({"a": [0.1], "b": [0.2]}) for _ in range(400)))
    found = compared(rows)
    room = pairs.ROOM // 800
    assert set(found[-1]) == {*range(room), 798}
    assert sum(map(len, found)) <= pairs.ROOM + 400
