"""Seconds from the start of a process to an accuracy."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.records import Cell, Epoch, Moment, Trained, Trial
from bench.report import time_to_accuracy
from bench.rows import Outcomes, Row
from bench.workload import VARIANTS, workload_for

START = {
    "start_seconds": 0.1,
    "import_seconds": 0.2,
    "data_seconds": 0.3,
    "build_seconds": 0.4,
}


def trial(*accuracies: float, first: float = 5.0, later: float = 2.0) -> Trained:
    """Return a trial that was at 1 s when its first epoch began, evaluation 100 s an epoch."""
    epochs = tuple(
        Epoch(later if number else first, 1.0, 1.0, accuracy, 100.0)
        for number, accuracy in enumerate(accuracies)
    )
    return Trained("hash", **START, epochs=epochs, settle_seconds=0.0, idle_copy_seconds=0.0,
                   check_seconds=0.0,                   total_seconds=1000.0)  # fmt: skip


def row(*trials: Trained) -> Row:
    """Return a row of these trials, one a round."""
    cell = Cell("numpy", "cpu", "relu", "fingerprint")
    outcomes = [Trial(cell, number, "", Moment(), one) for number, one in enumerate(trials)]
    return Row(cell, VARIANTS["relu"], None, Outcomes(None, outcomes))


def test_everything_before_the_first_epoch_and_compiling_count() -> None:
    """Start, import, data, build and a slow first epoch are in; evaluation is not."""
    assert time_to_accuracy.seconds(trial(0.81, 0.9), 0.8) == pytest.approx(1.0 + 5.0)


def test_the_end_of_the_first_epoch_that_reaches_it_counts() -> None:
    """Later epochs do not matter, even if they fall below it again."""
    assert time_to_accuracy.seconds(trial(0.5, 0.85, 0.79, 0.9), 0.8) == pytest.approx(8.0)


def test_an_accuracy_that_is_just_met_is_reached() -> None:
    """The accuracy itself is enough."""
    assert time_to_accuracy.seconds(trial(0.8), 0.8) == pytest.approx(6.0)


def test_an_accuracy_that_no_epoch_reached_has_no_time() -> None:
    """Nothing is extrapolated; a trial without epochs reached nothing."""
    assert time_to_accuracy.seconds(trial(0.5, 0.6), 0.8) is None
    assert time_to_accuracy.seconds(trial(), 0.8) is None


@given(
    some.lists(some.floats(0, 1), min_size=1, max_size=20),
    some.floats(0, 1),
    some.floats(0, 1),
)
def test_a_higher_accuracy_never_takes_less_time(
    accuracies: list[float], one: float, other: float
) -> None:
    """Time to accuracy is monotonic."""
    low, high = sorted((one, other))
    first = time_to_accuracy.seconds(trial(*accuracies), low)
    second = time_to_accuracy.seconds(trial(*accuracies), high)
    assert second is None or (first is not None and first <= second)


def test_epochs_end_one_after_the_other() -> None:
    """There is an end for each epoch, each later than the one before."""
    ends = list(time_to_accuracy.trained_seconds(trial(0.1, 0.2, 0.3)))
    assert len(ends) == 3 and all(a < b for a, b in pairwise(ends))


def test_a_row_takes_the_median_of_its_trials() -> None:
    """Of three trials the middle one counts, one that did not get there being the slowest."""
    fast, slow, never = trial(0.9, first=1.0), trial(0.9, first=3.0), trial(0.1)
    assert time_to_accuracy.typical_seconds(row(fast, slow, never), 0.8) == pytest.approx(4.0)


def test_a_row_of_which_half_did_not_get_there_has_no_time() -> None:
    """What only some trials reached is not promised."""
    assert time_to_accuracy.typical_seconds(row(trial(0.9), trial(0.1)), 0.8) is None
    assert time_to_accuracy.typical_seconds(row(), 0.8) is None


def test_the_full_set_has_higher_thresholds() -> None:
    """60,000 images teach more than 6,000."""
    assert time_to_accuracy.thresholds(workload_for("relu", "cpu")) == (0.80, 0.85)
    assert time_to_accuracy.thresholds(workload_for("relu", "cuda:0")) == (0.95, 0.98)
