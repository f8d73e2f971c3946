"""Statistics: intervals, ratios and verdicts of given seconds, and odd input does no harm."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.results.statistics import (
    Interval,
    Timings,
    centre,
    fastest_group,
    log_intervals,
    minimum_detectable_difference,
    ratio,
    turn_intervals,
    verdict,
)

Floats = NDArray[np.float64]


def signed_rank_level(logs: Floats) -> float:
    """Two-sided level of the winsorized signed-rank test of 0, from all patterns of signs."""
    scores = np.minimum(np.abs(logs).argsort().argsort() + 1, max(4, len(logs) // 2))
    signs = np.array(list(product([-1, 1], repeat=len(logs))))
    return float(np.mean(np.abs(signs @ scores) >= abs(np.sign(logs) @ scores)))


@pytest.mark.parametrize(("trials", "seed"), list(product([7, 9, 10, 12], range(5))))
def test_bounds_are_where_the_signed_rank_test_starts_to_reject(trials: int, seed: int) -> None:
    """By its definition, over all sign patterns, the test rejects outside of the bounds only."""
    logs = np.random.default_rng(seed).standard_normal(trials)
    low, _, high = log_intervals(logs)
    assert signed_rank_level(logs - low - 1e-9) > 0.05 >= signed_rank_level(logs - low + 1e-9)
    assert signed_rank_level(logs - high + 1e-9) > 0.05 >= signed_rank_level(logs - high - 1e-9)


def by_round(seconds: Sequence[float] | Mapping[int, float]) -> Timings:
    """The timings of a row that took no turns."""
    values = seconds if isinstance(seconds, Mapping) else dict(enumerate(seconds))
    return Timings({number: [value] for number, value in values.items()})


@pytest.mark.parametrize("trials", [2, 9])
def test_intervals_are_those_whose_error_rates_are_simulated(trials: int) -> None:
    new, base = np.random.default_rng(1337).normal(size=(2, trials))
    mine, theirs = np.exp(new).tolist(), np.exp(base).tolist()
    by_rounds = ratio(by_round(mine), by_round(theirs))
    by_turns = ratio(Timings({0: mine}, "together"), Timings({0: theirs}, "together"))
    assert centre(mine)[:3] == pytest.approx(tuple(np.exp(log_intervals(new))))
    assert by_rounds[:3] == pytest.approx(tuple(np.exp(log_intervals(new - base))))
    assert by_turns[:3] == pytest.approx(tuple(np.exp(turn_intervals(new - base, [trials]))))


def test_row_without_common_rounds_stays_in_the_fastest_group() -> None:
    rows = {"a": {0: 1.0, 1: 1.01, 2: 0.99}, "b": {2: 2.0}, "c": {0: 3.0, 1: 3.03, 2: 2.97}}
    assert fastest_group({name: by_round(row) for name, row in rows.items()}) == {"a", "b"}


def test_rows_are_paired_by_the_rounds_that_they_share() -> None:
    new, base = {2: 1.0, 0: 3.0, 5: 9.0}, {0: 4.0, 1: 9.0, 2: 2.0}
    assert ratio(by_round(new), by_round(base)) == ratio(by_round([3.0, 1.0]), by_round([4.0, 2.0]))
    assert ratio(by_round({0: 1.0}), by_round({1: 1.0})) is None


def test_one_trial_has_no_bounds() -> None:
    interval = ratio(by_round([3.0]), by_round([2.0]))
    assert (interval.low, interval.high, interval.values) == (None, None, 1)
    assert interval.centre == pytest.approx(1.5)
    assert interval.half_width is None
    assert verdict(interval) == "~"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.8, 0.9, "faster"), (1.1, 1.2, "slower"), (0.9, 1.1, "~"), (0.9, 1.0, "~"), (1.0, 1.1, "~")],
)
def test_verdict_needs_an_interval_on_one_side_of_1(low: float, high: float, expected: str) -> None:
    assert verdict(Interval(low, (low + high) / 2, high, 9)) == expected


def test_half_width_is_the_farther_bound() -> None:
    assert Interval(1.8, 2.0, 2.5, 9).half_width == pytest.approx(0.25)


@pytest.mark.parametrize("rows", [[], [{0: 1.0, 1: 2.0}], [{0: 1.0, 1: 2.0}, {1: 1.0, 2: 3.0}]])
def test_two_rows_without_two_common_rounds_detect_nothing(rows: list[dict[int, float]]) -> None:
    assert minimum_detectable_difference(list(map(by_round, rows))) is None


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_unusable_seconds_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match=rf"took {bad} s; expected seconds above 0 .* Leave"):
        centre([1.0, bad])


def test_row_without_trials_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no trials; .* at least one. Leave the row out"):
        centre([])


SECONDS = st.floats(1e-4, 1e4)
ROWS = st.lists(SECONDS, min_size=1, max_size=70)


@given(ROWS)
def test_bounds_enclose_the_centre(seconds: list[float]) -> None:
    low, middle, high, trials = centre(seconds)
    assert trials == len(seconds)
    assert min(seconds) * (1 - 1e-9) <= middle <= max(seconds) * (1 + 1e-9)
    assert (low is None) == (high is None) == (trials == 1)
    assert low is None or high is None or low <= middle <= high


@given(ROWS, SECONDS)
def test_unit_of_time_does_not_matter(seconds: list[float], factor: float) -> None:
    low, middle, high, _ = centre(seconds)
    scaled = [None if bound is None else bound * factor for bound in (low, middle, high)]
    assert centre([value * factor for value in seconds])[:3] == pytest.approx(tuple(scaled))


@given(ROWS)
def test_row_equals_itself(seconds: list[float]) -> None:
    interval = ratio(by_round(seconds), by_round(seconds))
    assert interval.centre == 1
    assert verdict(interval) == "~"


@pytest.mark.parametrize("group", [None, "together"])
@given(rounds=st.lists(st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=9), min_size=1))
def test_ratio_turned_round_is_the_reciprocal(
    group: str | None, rounds: list[list[tuple[float, float]]]
) -> None:
    new, base = (
        Timings({at: [turn[side] for turn in turns] for at, turns in enumerate(rounds)}, group)
        for side in (0, 1)
    )
    there, back = ratio(new, base), ratio(base, new)
    assert there is not None and back is not None
    assert there.centre == pytest.approx(1 / back.centre)
    assert (there.low is None) == (back.high is None) == (there.values == 1)
    if there.low and back.high:
        assert there.low == pytest.approx(1 / back.high)


def test_rounds_that_differ_count_as_one_value_each() -> None:
    """Twenty turns of a process that is slower for good are no twenty proofs."""
    rounds = {0: [1.2] * 20, 1: [0.9] * 20, 2: [1.1] * 20}
    found = ratio(Timings(rounds, 0), Timings(dict.fromkeys(range(3), [1.0] * 20), 0))
    assert found is not None and verdict(found) == "~"


@pytest.mark.parametrize(
    ("new", "base", "values"), [(("run", 0), ("run", 0), 6), (("run", 0), ("run", 1), 2),
                                (None, None, 2)],
)  # fmt: skip
def test_only_rows_of_one_group_are_paired_by_turns(new: Any, base: Any, values: int) -> None:
    turns = {0: [1.0, 2.0, 4.0], 1: [1.0, 2.0, 4.0]}
    found = ratio(Timings(turns, new), Timings(turns, base))
    assert found is not None and found.values == values
