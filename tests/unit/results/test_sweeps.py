"""Sweeps: which rows stand in one, and what is derived along it."""

from collections.abc import Callable

import pytest
from made import make_run
from made_sweeps import BATCHES, TWO, make_sweep, with_failed, with_flagged

from bench.results.records import Run
from bench.results.sweeps import Contender, Sweep, rate, sweeps_of
from bench.workload import CPU, Axis, Device

WIDTHS, THREADS = Axis("width", (64, 256, 1024)), Axis("threads", (1, 2, 4))
NUMPY, TORCH = Contender("numpy", CPU), Contender("torch", CPU)


def sweep_of(run: Run) -> Sweep:
    (sweep,) = sweeps_of(run)
    return sweep


def test_a_run_without_axes_has_no_sweep() -> None:
    assert sweeps_of(make_run()) == []


def test_all_contenders_stand_along_the_axis_in_ascending_order() -> None:
    sweep = sweep_of(make_sweep(axes=Axis("batch_size", (512, 8, 32))))
    assert sweep.axis.values == (8, 32, 512)
    assert list(sweep.rows) == [NUMPY, TORCH]
    assert all(rows.keys() == {8, 32, 512} for rows in sweep.rows.values())
    assert (sweep.variant, sweep.words) == ("relu", "batch size")


def test_devices_of_other_default_sizes_stand_in_one_sweep() -> None:
    sweep = sweep_of(make_sweep({"torch": (1e-3, 2e-5), "torch cuda:0": (1e-3, 2e-6)}))
    assert sweep.devices == [CPU, Device("cuda", 0)]
    assert {row.workload.train_samples for row in sweep.columns[8].values()} == {6_000, 60_000}
    assert sweep.fastest[2048] == {Contender("torch", Device("cuda", 0))}


def test_every_value_of_another_axis_has_a_sweep_of_its_own() -> None:
    sweeps = sweeps_of(make_sweep(axes=[BATCHES, WIDTHS]))
    assert [sweep.axis.name for sweep in sweeps] == ["batch_size"] * 3 + ["width"] * 5
    assert [sweep.fixed for sweep in sweeps[:3]] == [{"width": width} for width in WIDTHS.values]
    assert sweeps[0].variant == "relu, width 64" and sweeps[3].variant == "relu, batch size 8"


def test_what_is_no_size_is_one_sweep_over_all_points() -> None:
    axes = [Axis("activation", ("sigmoid", "relu")), Axis("dropout", (0.0, 0.5)),
            Axis("optimizer", ("sgd", "adam"))]  # fmt: skip
    sweep = sweep_of(make_sweep(axes=axes))
    assert (sweep.words, sweep.variant) == ("activation, dropout and optimizer", "relu")
    assert sweep.axis.values[:3] == (
        "sigmoid, dropout 0, sgd", "sigmoid, dropout 0, adam", "sigmoid, dropout 0.5, sgd"
    )  # fmt: skip
    assert all(rows.keys() == set(sweep.axis.values) for rows in sweep.rows.values())
    assert not (sweep.is_scale or sweep.fixed) and len(sweep.axis.values) == 8


def test_beside_a_size_the_rest_is_fixed() -> None:
    sweeps = sweeps_of(make_sweep(axes=[BATCHES, Axis("optimizer", ("sgd", "adam"))]))
    assert [sweep.fixed for sweep in sweeps] == [{"optimizer": "sgd"}, {"optimizer": "adam"}]
    assert {sweep.words for sweep in sweeps} == {"batch size"}


def test_threads_tell_contenders_apart_along_other_axes() -> None:
    batches, threads = sweeps_of(make_sweep(axes=[BATCHES, THREADS]))[:2]
    assert [one.threads for one in batches.rows] == [1, 2, 4] * 2
    assert list(threads.rows) == [NUMPY, TORCH] and threads.axis.values == (1, 2, 4)


def test_a_named_axis_keeps_its_order_and_is_no_scale() -> None:
    sweep = sweep_of(make_sweep(axes=Axis("optimizer", ("sgd", "rmsprop", "adam"))))
    assert sweep.axis.values == ("sgd", "rmsprop", "adam")
    assert (sweep.variant, sweep.is_scale) == ("relu", False)


def test_samples_per_second_of_known_contenders() -> None:
    found = rate(sweep_of(make_sweep()).rows[NUMPY][8])
    assert found is not None and found.low and found.high
    assert found.low < 1 / (40e-6 + 0.1e-3 / 8) < found.high


def test_the_fastest_are_marked_at_every_value() -> None:
    fastest = sweep_of(make_sweep()).fastest
    assert [fastest[value] for value in (8, 32, 128, 2048)] == [{NUMPY}] * 2 + [{TORCH}] * 2


@pytest.mark.parametrize("spoilt", [with_failed, with_flagged])
def test_failed_and_flagged_points_are_left_out(spoilt: Callable[[Run, str], Run]) -> None:
    sweep = sweep_of(spoilt(make_sweep(), "torch"))
    assert list(sweep.columns[8]) == [NUMPY] and 8 in sweep.rows[TORCH]
    assert len(sweep.columns[32]) == 2


def test_the_speed_up_of_more_threads_is_paired_by_turn() -> None:
    sweep = sweep_of(make_sweep({"numpy": (0.0, 40e-6)}, THREADS))
    found = sweep.speed_up(NUMPY, 4, 1)
    assert found is not None and found.values == 4 * 9 and found.low and found.high
    assert found.low < 4**0.8 < found.high


def test_without_the_fewest_threads_there_is_no_speed_up() -> None:
    sweep = sweep_of(with_failed(make_sweep(TWO, THREADS), "numpy"))
    assert sweep.speed_up(NUMPY, 4, 1) is None and sweep.speed_up(TORCH, 4, 1) is not None
