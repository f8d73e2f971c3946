"""Statistics: what the intervals promise holds in simulation, and odd input does no harm."""

from collections.abc import Callable
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from bench.statistics import (
    Interval,
    centre,
    fastest_group,
    log_intervals,
    noise_floor,
    paired,
    ratio,
    rounds_for,
    verdict,
)

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...]], Floats]

COMPARISONS = 4_000
MOOD = 0.15  # standard deviation of a round's log seconds
SPREAD = 0.05  # standard deviation of a trial's log seconds within its round
TEN_PERCENT = float(np.log(1.1))


def lognormal(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Normal noise on log seconds."""
    return SPREAD * generator.standard_normal(shape)


def heavy_tails(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with 3 degrees of freedom, scaled to the same standard deviation."""
    return SPREAD / 3**0.5 * generator.standard_t(3, shape)


def slow_neighbour(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Normal noise; every tenth trial takes 50-100 % more time."""
    hit = generator.random(shape) < 0.1
    slowdown = np.log1p(generator.uniform(0.5, 1.0, shape))
    return lognormal(generator, shape) + hit * slowdown


def mild_neighbour(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Normal noise; one trial in seven takes 20-60 % more time."""
    hit = generator.random(shape) < 0.15
    slowdown = np.log1p(generator.uniform(0.2, 0.6, shape))
    return lognormal(generator, shape) + hit * slowdown


def simulate_rows(noise: Noise, rounds: int, rows: int, comparisons: int = COMPARISONS) -> Floats:
    """Log seconds (rows, comparisons, rounds) of equal rows that share each round's mood."""
    generator = np.random.default_rng([1337, rounds, rows])
    mood = MOOD * generator.standard_normal((comparisons, rounds))
    return mood + noise(generator, (rows, comparisons, rounds))


def called_different(noise: Noise, rounds: int, difference: float = 0.0) -> float:
    """Fraction of comparisons of two rows whose interval lies on one side of equality."""
    new, base = simulate_rows(noise, rounds, rows=2)
    low, _, high = log_intervals(new - base + difference)
    return float(np.mean((low > 0) | (high < 0)))


def coverage(noise: Noise, trials: int) -> float:
    """Fraction of a single row's intervals that hold the median of a trial's distribution."""
    median = np.median(simulate_rows(noise, 1, rows=1, comparisons=1_000_000))
    low, _, high = log_intervals(simulate_rows(noise, trials, rows=1)[0])
    return float(np.mean((low <= median) & (median <= high)))


NOISES = [lognormal, heavy_tails, slow_neighbour, mild_neighbour]


@pytest.mark.parametrize(("noise", "rounds"), list(product(NOISES, [2, 3, 5, 6, 7, 10, 20, 60])))
def test_equal_rows_are_rarely_called_different(noise: Noise, rounds: int) -> None:
    """Of 4,000 comparisons of a row with its like at most 6 % show a difference."""
    assert called_different(noise, rounds) <= 0.06


@pytest.mark.parametrize("noise", [lognormal, heavy_tails])
def test_ten_rounds_show_ten_percent(noise: Noise) -> None:
    """With 10 rounds a true 10 % is seen in at least 90 % of comparisons."""
    assert called_different(noise, 10, TEN_PERCENT) >= 0.90


@pytest.mark.parametrize("noise", [slow_neighbour, mild_neighbour])
def test_twenty_rounds_show_ten_percent_beside_slow_neighbours(noise: Noise) -> None:
    """With 20 rounds a true 10 % is seen in at least 75 % although some trials are far off."""
    assert called_different(noise, 20, TEN_PERCENT) >= 0.75


@pytest.mark.parametrize("rounds", [10, 20])
def test_method_sees_more_than_the_usual_ones_beside_slow_neighbours(rounds: int) -> None:
    """A true 10 % is seen far more often than by Student's t and by Wilcoxon's signed rank."""
    new, base = simulate_rows(slow_neighbour, rounds, rows=2)
    differences = new - base + TEN_PERCENT
    student = np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05)
    wilcoxon = np.mean(stats.wilcoxon(differences, axis=1, method="exact").pvalue < 0.05)
    seen = called_different(slow_neighbour, rounds, TEN_PERCENT)
    assert seen > max(student, wilcoxon) + 0.1


@pytest.mark.parametrize(("noise", "trials"), list(product(NOISES, [5, 10, 20, 60])))
def test_interval_of_a_row_covers_the_median_trial(noise: Noise, trials: int) -> None:
    """The interval of one row holds the median of a trial's distribution in 94-98 %."""
    assert 0.94 <= coverage(noise, trials) <= 0.98


@pytest.mark.parametrize("trials", [2, 5, 7, 10])
def test_simulated_intervals_are_those_that_are_reported(trials: int) -> None:
    """The kernel that the simulations call gives the intervals of centre() and ratio()."""
    new, base = simulate_rows(slow_neighbour, trials, rows=2, comparisons=20)
    ratios = np.exp(log_intervals(new - base)).T
    centres = np.exp(log_intervals(new)).T
    for index in range(20):
        seconds = np.exp(new[index]).tolist(), np.exp(base[index]).tolist()
        assert ratio(*seconds)[:3] == pytest.approx(tuple(ratios[index]))
        assert centre(seconds[0])[:3] == pytest.approx(tuple(centres[index]))


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


def as_rows(logs: Floats) -> dict[str, dict[int, float]]:
    """Rows named by their number from log seconds (rows, rounds)."""
    return {str(row): dict(enumerate(np.exp(values))) for row, values in enumerate(logs)}


@pytest.mark.parametrize("rounds", [5, 10])
def test_truly_fastest_row_is_in_the_fastest_group(rounds: int) -> None:
    """Among 6 rows the truly fastest, by 1 %, is missing in at most 5 % of runs."""
    runs = simulate_rows(lognormal, rounds, rows=6, comparisons=200)
    runs[0] -= 0.01
    missing = ["0" not in fastest_group(as_rows(runs[:, run])) for run in range(runs.shape[1])]
    assert np.mean(missing) <= 0.05


def test_slower_rows_leave_the_fastest_group() -> None:
    """Rows that are slower by half and twice as slow are not in the group, equal ones are."""
    logs = simulate_rows(lognormal, 10, rows=4, comparisons=1)[:, 0]
    logs += np.log([[1.0], [1.0], [1.5], [2.0]])
    assert fastest_group(as_rows(logs)) == {"0", "1"}


def test_row_without_common_rounds_stays_in_the_fastest_group() -> None:
    """Nothing is shown about a row that shares fewer than two rounds with the others."""
    rows = {"a": {0: 1.0, 1: 1.01, 2: 0.99}, "b": {2: 2.0}, "c": {0: 3.0, 1: 3.03, 2: 2.97}}
    assert fastest_group(rows) == {"a", "b"}


def test_thousands_of_trials_give_a_narrow_interval() -> None:
    """A long run is no odd case."""
    seconds = np.exp(np.random.default_rng(1337).normal(0, 0.05, 2_000)).tolist()
    assert centre(seconds).half_width == pytest.approx(1.96 * 0.05 / 2_000**0.5, rel=0.2)


def test_paired_keeps_the_common_rounds() -> None:
    """Rounds that one of the rows has missed are left out of both, in the order of the rounds."""
    assert paired({2: 1.0, 0: 3.0, 5: 9.0}, {0: 4.0, 1: 9.0, 2: 2.0}) == ([3.0, 1.0], [4.0, 2.0])


def test_one_trial_has_no_bounds() -> None:
    """A single trial gives a centre, no bounds, no verdict and no forecast."""
    interval = ratio([3.0], [2.0])
    assert (interval.low, interval.high, interval.trials) == (None, None, 1)
    assert interval.centre == pytest.approx(1.5)
    assert interval.half_width is None
    assert rounds_for(interval) is None
    assert verdict(interval) == "~"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.8, 0.9, "faster"), (1.1, 1.2, "slower"), (0.9, 1.1, "~"), (0.9, 1.0, "~"), (1.0, 1.1, "~")],
)
def test_verdict_needs_an_interval_on_one_side_of_1(low: float, high: float, expected: str) -> None:
    """A ratio whose interval contains 1 shows no difference."""
    assert verdict(Interval(low, (low + high) / 2, high, 9)) == expected


def test_half_width_is_the_farther_bound() -> None:
    """The half-width is relative to the centre."""
    assert Interval(1.8, 2.0, 2.5, 9).half_width == pytest.approx(0.25)


def test_four_times_the_rounds_halve_the_interval() -> None:
    """The forecast follows the root of the number of rounds when there are many."""
    assert rounds_for(Interval(0.96, 1.0, 1.04, 100), 0.02) == pytest.approx(400, rel=0.05)


def test_forecast_counts_the_rounds_done() -> None:
    """An interval that is tight enough needs no more rounds than it has, a wide one needs more."""
    assert rounds_for(Interval(0.99, 1.0, 1.01, 7)) == 7
    assert rounds_for(Interval(0.97, 1.0, 1.03, 7), 0.0299) == 8


def test_forecast_is_about_right() -> None:
    """The rounds that five rounds of 2 % noise ask for do bring the interval to about 2 %."""
    logs = np.random.default_rng(1337).normal(0, 0.02, (300, 100))
    forecasts = [rounds_for(centre(np.exp(row[:5]).tolist())) or 0 for row in logs]
    rounds = int(np.median(forecasts))
    widths = [centre(np.exp(row[:rounds]).tolist()).half_width or 0 for row in logs]
    assert np.median(widths) == pytest.approx(0.02, rel=0.2)


@pytest.mark.parametrize("target", [0.0, -0.02, float("nan")])
def test_forecast_refuses_an_impossible_target(target: float) -> None:
    """A half-width of nothing or less is no target."""
    with pytest.raises(ValueError, match=r"The target is .*; expected a fraction above 0"):
        rounds_for(Interval(0.9, 1.0, 1.1, 5), target)


def test_noise_floor_is_the_spread_within_rounds() -> None:
    """Neither the rounds' mood nor how far apart the rows lie raises the floor."""
    noise = lognormal(np.random.default_rng(1337), (8, 20))
    moods = MOOD * np.random.default_rng(1338).standard_normal(20)
    apart = np.log([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0], [8.0]])
    floor = noise_floor(list(as_rows(noise).values()))
    assert noise_floor(list(as_rows(noise + moods + apart).values())) == pytest.approx(floor)
    assert floor == pytest.approx(2.09 * SPREAD * np.sqrt(2 / 20), rel=0.3)


def test_true_difference_beyond_the_noise_floor_is_mostly_shown() -> None:
    """Twice the floor of the backend against itself is seen in most runs, half of it seldom."""
    new, base = simulate_rows(lognormal, 10, rows=2)
    rows = [
        list(as_rows(np.array(pair)).values()) for pair in zip(new[:100], base[:100], strict=True)
    ]
    floor = float(np.median([noise_floor(pair) for pair in rows]))
    assert called_different(lognormal, 10, float(np.log1p(2 * floor))) > 0.90
    assert called_different(lognormal, 10, float(np.log1p(floor / 2))) < 0.25


@pytest.mark.parametrize("rows", [[], [{0: 1.0, 1: 2.0}], [{0: 1.0, 1: 2.0}, {1: 1.0, 2: 3.0}]])
def test_noise_floor_needs_two_rows_with_common_rounds(rows: list[dict[int, float]]) -> None:
    """Without two rounds in common nothing separates noise from mood."""
    assert noise_floor(rows) is None


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_unusable_seconds_are_refused(bad: float) -> None:
    """The message says what was found, what is expected and what to do."""
    with pytest.raises(ValueError, match=rf"took {bad} s; expected seconds above 0 .* Leave"):
        centre([1.0, bad])


def test_row_without_trials_is_refused() -> None:
    """No trials give no centre."""
    with pytest.raises(ValueError, match=r"no trials; .* at least one. Leave the row out"):
        centre([])


def test_rows_of_different_lengths_are_refused() -> None:
    """A ratio never guesses which rounds belong together."""
    with pytest.raises(ValueError, match=r"3 and 2 trials; .* same rounds in both. Align"):
        ratio([1.0, 2.0, 3.0], [1.0, 2.0])


FIXED = settings(derandomize=True, deadline=None)  # the same examples on every machine
SECONDS = st.floats(1e-4, 1e4)
ROWS = st.lists(SECONDS, min_size=1, max_size=70)
PAIRS = st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=70)


@FIXED
@given(ROWS)
def test_bounds_enclose_the_centre(seconds: list[float]) -> None:
    """Low <= centre <= high, and the centre lies among the trials."""
    low, middle, high, trials = centre(seconds)
    assert trials == len(seconds)
    assert min(seconds) * (1 - 1e-9) <= middle <= max(seconds) * (1 + 1e-9)
    assert (low is None) == (high is None) == (trials == 1)
    assert low is None or high is None or low <= middle <= high


@FIXED
@given(ROWS, st.randoms())
def test_order_of_trials_does_not_matter(seconds: list[float], random: Random) -> None:
    """A row is a set of trials."""
    shuffled = random.sample(seconds, len(seconds))
    assert centre(shuffled) == pytest.approx(centre(seconds))


@FIXED
@given(ROWS, SECONDS)
def test_unit_of_time_does_not_matter(seconds: list[float], factor: float) -> None:
    """Scaled seconds have a scaled centre and scaled bounds."""
    low, middle, high, _ = centre(seconds)
    scaled = [None if bound is None else bound * factor for bound in (low, middle, high)]
    assert centre([value * factor for value in seconds])[:3] == pytest.approx(tuple(scaled))


@FIXED
@given(PAIRS)
def test_ratio_turned_round_is_the_reciprocal(pairs: list[tuple[float, float]]) -> None:
    """New / base and base / new tell the same story."""
    new, base = zip(*pairs, strict=True)
    low, middle, high, trials = ratio(base, new)
    assert low is not None and high is not None
    expected = Interval(1 / high, 1 / middle, 1 / low, trials)
    assert ratio(new, base) == pytest.approx(expected)


@FIXED
@given(ROWS)
def test_row_equals_itself(seconds: list[float]) -> None:
    """Identical trials, ties and all, give exactly 1 and show no difference."""
    interval = ratio(seconds, seconds)
    assert interval.centre == 1
    assert verdict(interval) == "~"


@FIXED
@given(SECONDS, st.integers(2, 70))
def test_constant_row_has_no_width(seconds: float, trials: int) -> None:
    """A row of equal trials has its value as centre and bounds, and needs no more rounds."""
    interval = centre([seconds] * trials)
    assert interval == pytest.approx((seconds, seconds, seconds, trials))
    assert rounds_for(interval) == trials
