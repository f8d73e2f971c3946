"""Floor, compiling and bounds, as the tables say them."""

import msgspec
import pytest

from bench.records import FloorOf, Run
from bench.report import efficiency
from bench.report.efficiency import Floors
from bench.rows import Row, rows_of
from tests.made import make_failed, make_floor, make_run, make_trained, make_workload

WORK = make_workload(epochs=4)


def run_with_first_epochs(first: dict[str, float], later: dict[str, float]) -> dict[str, Row]:
    """Return rows whose first epochs take other seconds than the later ones."""
    run = make_run({name: [seconds, seconds] for name, seconds in later.items()}, WORK)
    trials = []
    for trial in run.trials:
        name = trial.cell.backend
        trained = make_trained(later[name], WORK.epochs)
        epoch = msgspec.structs.replace(trained.epochs[0], seconds=first[name])
        epochs = (epoch, *trained.epochs[1:])
        result = msgspec.structs.replace(trained, epochs=epochs)
        trials.append(msgspec.structs.replace(trial, result=result))
    run = msgspec.structs.replace(run, trials=tuple(trials))
    return {row.cell.backend: row for row in rows_of(run)}


def test_compiling_is_the_first_epoch_less_a_later_one() -> None:
    """A first epoch of 2.2 s before epochs of 0.2 s shows 2 s of compiling."""
    rows = run_with_first_epochs({"jax": 2.2, "numpy": 0.31}, {"jax": 0.2, "numpy": 0.3})
    assert efficiency.compiles(rows["jax"])
    assert abs((efficiency.typical_compile_seconds(rows["jax"]) or 0) - 2.0) < 1e-9


def test_a_slightly_longer_first_epoch_is_no_compiling() -> None:
    """Caches that are cold do not make a backend one that compiles."""
    rows = run_with_first_epochs({"numpy": 0.4}, {"numpy": 0.3})
    assert not efficiency.compiles(rows["numpy"])


def test_compiling_pays_off_after_what_it_cost_over_what_it_gains() -> None:
    """2 s of compiling against 0.1 s gained an epoch are paid for after 20 epochs."""
    rows = run_with_first_epochs({"jax": 2.2, "numpy": 0.3}, {"jax": 0.2, "numpy": 0.3})
    assert efficiency.epochs_to_pay_off(rows["jax"], rows["numpy"]) in (20, 21)  # rounding


def test_compiling_never_pays_off_for_a_slower_backend() -> None:
    """Without a gain there is no number of epochs."""
    rows = run_with_first_epochs({"jax": 2.2, "numpy": 0.3}, {"jax": 0.4, "numpy": 0.3})
    assert efficiency.epochs_to_pay_off(rows["jax"], rows["numpy"]) is None


def test_a_device_is_bound_by_arithmetic_dispatch_or_transfer() -> None:
    """The sentence follows from the share of matrix products and of the upload."""
    row = run_with_first_epochs({"torch": 0.3}, {"torch": 0.3})["torch"]

    def in_words(*facts: float, **more: float) -> str:
        return efficiency.in_words(row, Floors({0: make_floor(*facts, **more)}))

    assert "bound by arithmetic" in in_words(0.29)
    assert "not shown to take longer than the matrix products" in in_words(0.31)
    assert "bound by dispatch" in in_words(0.05)
    assert "bound by transfer" in in_words(0.05, upload_seconds=0.2)


def test_a_row_is_compared_with_the_floor_of_its_round() -> None:
    """A slow moment that both were in cancels; the bounds are those of the paired ratio."""
    row = rows_of(make_run({"jax": [0.22, 0.44, 0.23, 0.22]}))[0]
    floors = Floors({n: make_floor(one) for n, one in enumerate((0.2, 0.4, 0.2, 0.2))})
    tax = floors.tax(row)
    assert tax.low is not None
    assert tax.high is not None
    assert 1.07 < tax.low < 1.1 < tax.centre < 1.12 < tax.high < 1.16
    assert tax.trials == 4


def test_a_floor_of_one_moment_gives_no_bounds() -> None:
    """As in run files from before: nobody knows how far that moment was from the others."""
    row = rows_of(make_run({"jax": [0.22, 0.22, 0.22]}))[0]
    tax = Floors({0: make_floor(0.2)}).tax(row)
    assert (tax.low, tax.high) == (None, None)
    assert tax.centre == pytest.approx(1.1)


def test_floors_are_summarised_over_the_rounds() -> None:
    """The centre of the seconds, the best peak, what measured them, the usual upload."""
    rates = (1e11, 3e11, 2e11)
    floors = Floors({
        number: make_floor(0.2, peak_flop_per_second=rate, upload_seconds=rate / 1e11)
        for number, rate in enumerate(rates)
    })  # fmt: skip
    assert floors.seconds == pytest.approx(0.2)
    assert floors.peak_flop_per_second == 3e11
    assert (floors.library, floors.upload_seconds) == ("OpenBLAS 0.3", 2.0)


def test_a_failed_floor_is_left_out() -> None:
    """Only floors that were measured, of this workload, are taken."""
    run: Run = make_run()
    fingerprint = run.cells[0].workload
    floors = (
        FloorOf("cpu", fingerprint, make_floor()),
        FloorOf("cpu", fingerprint, make_failed(), 1),
        FloorOf("mps", fingerprint, make_failed()),
        FloorOf("cpu", "000000000000", make_floor(9.0)),
    )
    run = msgspec.structs.replace(run, floors=floors)
    ((device, found),) = efficiency.floors_of(run, fingerprint).items()
    assert (device, found.seconds) == ("cpu", pytest.approx(0.2))
