"""Where one contender overtakes another, and where nothing of the kind is shown."""

import numpy as np
import pytest
from made_sweeps import BATCHES, TWO, make_sweep
from simulated_sweeps import EQUAL, claimed, normal

from bench.results.crossovers import Contest, contests_of
from bench.results.sweeps import sweeps_of
from bench.workload import Axis


def contests(contenders: object = TWO, axes: object = BATCHES, **changes: object) -> list[Contest]:
    return contests_of(sweeps_of(make_sweep(contenders, axes, **changes))[0])


def test_a_known_crossover_is_found_and_who_overtakes_is_named() -> None:
    (contest,) = contests()
    (found,) = contest.crossovers
    assert (found.overtaking.backend, found.overtaken.backend) == ("torch", "numpy")
    assert found.at.low < 45 < found.at.high
    assert found.at.centre == pytest.approx(45, rel=0.05)


def test_devices_are_compared_by_round_and_the_same_backend_always() -> None:
    """Also where neither device is among the fastest."""
    slow = {"torch": (1e-3, 20e-6), "torch cuda:0": (2e-3, 2e-6), "jax": (0.1e-3, 1e-6)}
    (contest,) = contests(slow)
    (found,) = contest.crossovers
    assert str(found.overtaking.device) == "cuda:0" and found.at.values == 4
    assert found.at.low < 1e-3 / 18e-6 < found.at.high


def test_lines_that_do_not_part_have_no_side() -> None:
    (contest,) = contests(EQUAL)
    assert contest.crossovers == () and set(contest.faster.values()) == {0}


def test_nothing_is_said_beyond_the_measured_values() -> None:
    """They would cross at 45."""
    (contest,) = contests(TWO | {"torch cuda:0": (1e-3, 2e-5)}, Axis("batch_size", (128, 512)))
    assert contest.crossovers == ()
    assert contests(TWO, Axis("batch_size", (8, 16))) == []  # torch is nowhere among the fastest


def test_a_crossover_needs_more_than_one_round_or_turn() -> None:
    assert [one for contest in contests(rounds=1, turns=1) for one in contest.crossovers] == []


def test_names_are_no_scale() -> None:
    assert contests(TWO, Axis("optimizer", ("sgd", "adam"))) == []


def test_there_and_back_are_two_crossovers() -> None:
    noise = np.ones((2, 5, 4, 9)) * np.exp(
        0.01 * np.random.default_rng(1).normal(size=(2, 5, 4, 9))
    )
    noise[0, 2] *= 2.0
    (contest,) = contests({"numpy": (0.0, 20e-6), "torch": (0.0, 30e-6)}, noise=noise)
    assert [one.overtaking.backend for one in contest.crossovers] == ["torch", "numpy"]


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_a_crossover_that_is_none_is_seldom_claimed(gain: float) -> None:
    """Of two that are equal everywhere, and everywhere but at the last value."""
    assert claimed(EQUAL, normal, sweeps=150, gain=gain) <= 0.06


def test_without_noise_the_interval_is_what_the_curve_may_be_off_by() -> None:
    (contest,) = contests(noise=np.ones((2, 5, 4, 9)))
    (found,) = contest.crossovers
    assert found.at.low < 45 < found.at.high < 1.1 * found.at.low
