"""How far a training is off, and how far it may be."""

import numpy as np
import pytest

from bench.trial.deviations import MOST, Outcome, deviations
from bench.trial.limits import Floors
from bench.workload.contract import Layer

START = [Layer(np.zeros((1, 2)), np.zeros(1)), Layer(np.ones((2, 1)), np.zeros(1))]
EXPECTED = Outcome(
    [2.0, 1.0],
    [Layer(np.array([[3.0, 4.0]]), np.array([1.0])), Layer(np.ones((2, 1)), np.array([2.0]))],
)


def moved(losses: list[float], weight: float = 0.0, bias: float = 0.0) -> Outcome:
    """Return an outcome that is so far off in the first layer."""
    first, last = EXPECTED.parameters
    return Outcome(losses, [Layer(first.weight + [[weight, 0]], first.bias + bias), last])


def test_parameters_are_measured_by_how_far_the_reference_went() -> None:
    found = deviations(moved([2.0, 1.0], weight=0.5, bias=0.1), EXPECTED, START)
    assert found.parameters == pytest.approx([(0.26 / 30) ** 0.5, 0.1, 0])
    assert found.biases == pytest.approx([0.1, 0])


def test_a_loss_is_measured_by_the_first_one_which_later_ones_may_be_nothing_to() -> None:
    assert deviations(moved([2.1, 1.1]), EXPECTED, START).loss == pytest.approx([0.05, 0.05])


def test_a_loss_that_rose_is_measured_by_itself() -> None:
    rising = EXPECTED._replace(losses=[2.0, 20.0])
    assert deviations(moved([2.0, 21.0]), rising, START).loss == pytest.approx([0, 0.05])


def test_what_should_not_have_moved_may_not() -> None:
    first, last = EXPECTED.parameters
    pushed = Outcome(EXPECTED.losses, [first, Layer(last.weight + 1, last.bias)])
    assert deviations(EXPECTED, EXPECTED, START).parameters == [0, 0, 0]
    assert deviations(pushed, EXPECTED, START).parameters[2] == MOST


def test_what_is_no_number_is_beyond_every_limit() -> None:
    assert deviations(moved([np.nan, 1.0]), EXPECTED, START).loss[0] == MOST


@pytest.mark.parametrize(
    ("outcome", "diverged"),
    [
        (EXPECTED, False),
        (moved([2.0, 1e12]), True),
        (moved([2.0, np.nan]), True),
        (moved([2.0, 1.0], bias=np.inf), True),
    ],
)
def test_numbers_that_grow_without_bounds_diverge(outcome: Outcome, diverged: bool) -> None:
    assert outcome.diverged == diverged


def test_limits_are_a_multiple_of_what_rounding_brings_or_the_floor() -> None:
    rounding = deviations(moved([2.0, 1.0], weight=0.5), EXPECTED, START)
    limits = Floors(loss=1e-6, parameters=1e-5, biases=1e-4).limits(rounding)
    assert limits.parameters == pytest.approx([3 * (0.25 / 30) ** 0.5, 0.3, 1e-5])
    assert (limits.loss, limits.biases) == ([1e-6, 1e-6], [1e-4, 1e-4])
