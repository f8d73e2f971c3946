"""The GEMM bound, compiling, and the time to an accuracy."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import (
    make_bound_trial,
    make_epoch,
    make_epochs,
    make_failed,
    make_gemm_bound,
    make_run,
    make_trained,
    make_workload,
)

from bench.report import efficiency
from bench.report.efficiency import Bound
from bench.results.cases import Row, rows_of
from bench.results.records import Trained
from bench.workload import CPU

START = {"start_seconds": 0.1, "import_seconds": 0.2, "data_seconds": 0.3, "build_seconds": 0.4}


def row_of(*trials: Trained) -> Row:
    run = make_run({"jax": [0.25] * len(trials)}, make_workload(epochs=len(trials[0].epochs)))
    done = (msgspec.structs.replace(trial, result=result)
            for trial, result in zip(run.trials, trials, strict=True))  # fmt: skip
    return rows_of(msgspec.structs.replace(run, trials=tuple(done)))[0]


def compiled(first: float, later: float) -> Row:
    """Return a row whose first epoch took so many seconds, and the later ones so many."""
    epoch = msgspec.structs.replace(make_epochs(later)[0], seconds=first)
    return row_of(make_trained(epochs=(epoch, *make_epochs(later)[1:])))


def reaching(*accuracies: float, first: float = 5.0, later: float = 2.0) -> Trained:
    """Return a trial that was at 1 s when its first epoch began, evaluation 100 s an epoch."""
    epochs = [
        make_epoch(later if number else first, accuracy=accuracy, evaluation_seconds=100.0)
        for number, accuracy in enumerate(accuracies)
    ]
    return make_trained(epochs=epochs, **START)


def test_compiling_is_the_first_epoch_less_a_later_one() -> None:
    assert efficiency.compiling(compiled(2.2, 0.2)) == pytest.approx(2.0)


@pytest.mark.parametrize(("first", "later"), [(0.4, 0.3), (0.02, 0.01)])
def test_a_slightly_longer_first_epoch_is_no_compiling(first: float, later: float) -> None:
    """Caches that are cold, or a few milliseconds, do not make a backend one that compiles."""
    assert efficiency.compiling(compiled(first, later)) is None


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (make_gemm_bound(0.29), "is bound by arithmetic: matrix products alone take 97 %"),
        (make_gemm_bound(0.31), "its epoch is not shown to exceed its matrix products alone"),
        (make_gemm_bound(0.05), "is bound by dispatch and memory: matrix products alone take 17 %"),
        (make_gemm_bound(0.05, upload_seconds=0.2), "may be bound by transfer"),
    ],
)
def test_a_device_is_bound_by_arithmetic_dispatch_or_transfer(bound: object, words: str) -> None:
    sentence = efficiency.in_words(compiled(0.3, 0.3), Bound({0: bound}))  # type: ignore[dict-item]
    assert sentence.startswith("jax on cpu") and words in sentence and "OpenBLAS 0.3" in sentence


def test_a_row_is_compared_with_the_bound_of_its_round() -> None:
    """A slow moment that both were in cancels; the interval is that of the paired ratio."""
    row = rows_of(make_run({"jax": [0.22, 0.44, 0.23, 0.22]}))[0]
    bound = Bound({n: make_gemm_bound(one) for n, one in enumerate((0.2, 0.4, 0.2, 0.2))})
    ratio = bound.ratio(row)
    assert ratio.low and ratio.high and ratio.values == 4
    assert 1.07 < ratio.low < 1.1 < ratio.centre < 1.12 < ratio.high < 1.16


def test_bounds_are_summarised_over_their_repeats_and_rounds() -> None:
    """The centre of the rounds' medians, the first turn left out; the best peak."""
    rounds = {
        number: make_gemm_bound(peak_flop_per_second=rate, upload_seconds=rate / 1e11)
        for number, rate in enumerate((1e11, 3e11, 2e11))
    }
    rounds[0] = msgspec.structs.replace(rounds[0], epoch_seconds=(0.9, 0.3, 0.2, 0.1))
    bound = Bound(rounds)
    assert bound.seconds == pytest.approx(0.2)
    assert bound.peak_flop_per_second == 3e11
    assert (bound.library, bound.upload_seconds) == ("OpenBLAS 0.3", 2.0)


def test_only_bounds_that_were_measured_of_a_workload_are_taken() -> None:
    run, work = make_run(), make_workload()
    bounds = (
        make_bound_trial(work),
        make_bound_trial(work, 1, make_failed()),
        make_bound_trial(work, 0, make_failed(), "mps"),
        make_bound_trial(make_workload("sigmoid"), 0, make_gemm_bound(9.0)),
    )
    run = msgspec.structs.replace(run, gemm_bounds=bounds)
    ((device, found),) = efficiency.bounds_of(run, rows_of(run)).items()
    assert (device, found.seconds) == (CPU, pytest.approx(0.2))


def test_a_bound_belongs_to_the_rows_that_it_took_turns_with() -> None:
    run, work = make_run(), make_workload()
    bounds = tuple(
        msgspec.structs.replace(make_bound_trial(work, 0, make_gemm_bound(seconds)), group=group)
        for group, seconds in enumerate((0.1, 0.2))
    )
    groups = tuple((case,) for case in run.cases)
    run = msgspec.structs.replace(run, gemm_bounds=bounds, groups=groups)
    found = [efficiency.bounds_of(run, [row])[CPU].seconds for row in rows_of(run)]
    assert found == pytest.approx([0.1, 0.2])


def test_everything_before_the_first_epoch_counts_and_evaluation_does_not() -> None:
    assert efficiency.seconds_to(row_of(reaching(0.81, 0.9)), 0.8) == pytest.approx(1.0 + 5.0)


def test_the_end_of_the_first_epoch_that_reaches_it_counts() -> None:
    """Later epochs do not matter, even if they fall below it again."""
    row = row_of(reaching(0.5, 0.85, 0.79, 0.9))
    assert efficiency.seconds_to(row, 0.8) == pytest.approx(8.0)
    assert efficiency.seconds_to(row, 0.85) == pytest.approx(8.0)  # just met is reached


@given(some.lists(some.floats(0, 1), min_size=1, max_size=20), some.floats(0, 1), some.floats(0, 1))
def test_a_higher_accuracy_never_takes_less_time(
    accuracies: list[float], one: float, other: float
) -> None:
    row = row_of(reaching(*accuracies))
    first, second = (efficiency.seconds_to(row, goal) for goal in sorted((one, other)))
    assert second is None or (first is not None and first <= second)


def test_a_row_takes_the_median_of_its_trials() -> None:
    row = row_of(reaching(0.9, first=1.0), reaching(0.9, first=3.0), reaching(0.1))
    assert efficiency.seconds_to(row, 0.8) == pytest.approx(4.0)
    assert efficiency.seconds_to(row_of(reaching(0.9), reaching(0.1)), 0.8) is None
