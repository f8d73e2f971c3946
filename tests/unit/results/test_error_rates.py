"""What intervals promise holds in simulation, with made-up and with recorded noise."""

import json
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from bench.results.statistics import (
    PROCESS_DEVIATION,
    Timings,
    fastest_group,
    log_intervals,
    minimum_detectable_difference,
    ratio,
    turn_intervals,
    verdict,
)

Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...]], Floats]

COMPARISONS = 4_000
CONDITIONS = 0.15  # standard deviation of a round's log seconds
SPREAD = 0.05  # standard deviation of a trial's log seconds within its round
TEN_PERCENT, FIVE_PERCENT = np.log([1.1, 1.05]).tolist()
RUN = (4, 18)  # about the rounds and turns of a default run
RECORDED = json.loads((Path(__file__).parent / "recorded_turns.json").read_text())["rounds"]


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return SPREAD * generator.standard_normal(shape)


def heavy_tails(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Student's t with 3 degrees of freedom, scaled to the same standard deviation."""
    return SPREAD / 3**0.5 * generator.standard_t(3, shape)


def slow_neighbour(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Every tenth takes 50-100 % more time."""
    hit = generator.random(shape) < 0.1
    return normal(generator, shape) + hit * np.log1p(generator.uniform(0.5, 1.0, shape))


def mild_neighbour(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One in seven takes 20-60 % more time."""
    hit = generator.random(shape) < 0.15
    return normal(generator, shape) + hit * np.log1p(generator.uniform(0.2, 0.6, shape))


def recorded(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Log ratios of turns drawn from a recorded run, each pair of rows centred."""
    logs = {name: np.log([one[name][1:] for one in RECORDED]) for name in RECORDED[0]}
    apart = [(logs[one] - logs[other]).ravel() for one, other in combinations(logs, 2)]
    centred = np.array([row - np.median(row) for row in apart])
    which = generator.integers(len(apart), size=shape[0])
    places = generator.integers(centred.shape[1], size=shape)
    signs = generator.choice([-1, 1], size=shape)  # which of two rows is the base is arbitrary
    return signs * centred[which[:, None, None], places]


NOISES = [normal, heavy_tails, slow_neighbour, mild_neighbour]


def simulate_rows(noise: Noise, rounds: int, rows: int, comparisons: int = COMPARISONS) -> Floats:
    """Log seconds (rows, comparisons, rounds) of equal rows under the conditions of each round."""
    generator = np.random.default_rng([1337, rounds, rows])
    conditions = CONDITIONS * generator.standard_normal((comparisons, rounds))
    return conditions + noise(generator, (rows, comparisons, rounds))


def called_different(noise: Noise, rounds: int, difference: float = 0.0) -> float:
    """Fraction of comparisons of two rows whose interval lies on one side of equality."""
    new, base = simulate_rows(noise, rounds, rows=2)
    low, _, high = log_intervals(new - base + difference)
    return float(np.mean((low > 0) | (high < 0)))


def called_different_by_turns(
    noise: Noise,
    difference: float = 0.0,
    processes: float = PROCESS_DEVIATION,
    shape: tuple[int, int] = RUN,
) -> float:
    """Fraction of comparisons of two rows that took turns (rounds, turns) that differ for good."""
    generator, full = np.random.default_rng(1337), (COMPARISONS, *shape)
    logs = noise(generator, full) - (0 if noise is recorded else noise(generator, full))
    logs += processes * 2**0.5 * generator.standard_normal((COMPARISONS, shape[0], 1))
    low, _, high = turn_intervals(logs.reshape(COMPARISONS, -1) + difference, [shape[1]] * shape[0])
    return float(np.mean((low > 0) | (high < 0)))


@pytest.mark.parametrize(("noise", "rounds"), list(product(NOISES, [2, 3, 5, 6, 7, 10, 20, 60])))
def test_equal_rows_are_rarely_called_different(noise: Noise, rounds: int) -> None:
    assert called_different(noise, rounds) <= 0.06


@pytest.mark.parametrize("noise", [*NOISES, recorded])
@pytest.mark.parametrize("shape", [(1, 9), RUN, (10, 9)])
def test_equal_rows_that_took_turns_are_rarely_called_different(
    noise: Noise, shape: tuple[int, int]
) -> None:
    assert 0.01 <= called_different_by_turns(noise, shape=shape) <= 0.06


@pytest.mark.parametrize("noise", [*NOISES, recorded])
def test_processes_that_differ_by_one_percent_are_seldom_called_different(noise: Noise) -> None:
    assert called_different_by_turns(noise, processes=0.01) <= 0.1


@pytest.mark.parametrize(
    ("noise", "rounds", "power"),
    [(normal, 10, 0.9), (heavy_tails, 10, 0.9), (slow_neighbour, 20, 0.75),
     (mild_neighbour, 20, 0.75)],
)  # fmt: skip
def test_enough_rounds_show_ten_percent(noise: Noise, rounds: int, power: float) -> None:
    assert called_different(noise, rounds, TEN_PERCENT) >= power


@pytest.mark.parametrize("noise", [normal, heavy_tails, slow_neighbour])
def test_the_turns_of_a_default_run_show_five_percent(noise: Noise) -> None:
    assert called_different_by_turns(noise, FIVE_PERCENT) >= 0.9


@pytest.mark.parametrize("rounds", [10, 20])
def test_method_sees_more_than_the_usual_ones_beside_slow_neighbours(rounds: int) -> None:
    new, base = simulate_rows(slow_neighbour, rounds, rows=2)
    differences = new - base + TEN_PERCENT
    student = np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue < 0.05)
    wilcoxon = np.mean(stats.wilcoxon(differences, axis=1, method="exact").pvalue < 0.05)
    seen = called_different(slow_neighbour, rounds, TEN_PERCENT)
    assert seen > max(student, wilcoxon) + 0.1


@pytest.mark.parametrize(("noise", "trials"), list(product(NOISES, [5, 10, 20, 60])))
def test_interval_of_a_row_covers_the_median_trial(noise: Noise, trials: int) -> None:
    median = np.median(simulate_rows(noise, 1, rows=1, comparisons=1_000_000))
    low, _, high = log_intervals(simulate_rows(noise, trials, rows=1)[0])
    assert 0.94 <= np.mean((low <= median) & (median <= high)) <= 0.98


def test_recorded_rows_of_one_backend_are_not_called_different() -> None:
    one, other = (
        Timings({number: turns[name][1:] for number, turns in enumerate(RECORDED)}, "group")
        for name in ("numpy", "numpy@2")
    )
    found = ratio(one, other)
    assert found is not None and verdict(found) == "~"


def as_rows(logs: Floats) -> dict[str, Timings]:
    """Rows named by their number from log seconds (rows, rounds)."""
    return {
        str(row): Timings({number: [value] for number, value in enumerate(values)})
        for row, values in enumerate(np.exp(logs).tolist())
    }


@pytest.mark.parametrize("rounds", [5, 10])
def test_truly_fastest_row_is_in_the_fastest_group(rounds: int) -> None:
    runs = simulate_rows(normal, rounds, rows=6, comparisons=200)
    runs[0] -= 0.01
    missing = ["0" not in fastest_group(as_rows(runs[:, run])) for run in range(runs.shape[1])]
    assert np.mean(missing) <= 0.05


def test_slower_rows_leave_the_fastest_group() -> None:
    logs = simulate_rows(normal, 10, rows=4, comparisons=1)[:, 0]
    logs += np.log([[1.0], [1.0], [1.5], [2.0]])
    assert fastest_group(as_rows(logs)) == {"0", "1"}


def test_the_minimum_detectable_difference_is_the_spread_within_rounds() -> None:
    """Neither the conditions of the rounds nor how far apart the rows are raise it."""
    noise = normal(np.random.default_rng(1337), (8, 20))
    conditions = CONDITIONS * np.random.default_rng(1338).standard_normal(20)
    apart = np.log(np.arange(1.0, 9.0))[:, None]
    least = minimum_detectable_difference(list(as_rows(noise).values()))
    moved = minimum_detectable_difference(list(as_rows(noise + conditions + apart).values()))
    assert moved == pytest.approx(least)
    assert least == pytest.approx(2.09 * SPREAD * np.sqrt(2 / 20), rel=0.3)
