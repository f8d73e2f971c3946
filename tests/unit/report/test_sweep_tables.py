"""The tables and sentences of a sweep."""

import numpy as np
import pytest
from made_sweeps import BATCHES, TURNS, TWO, make_sweep, with_failed, with_flagged, without

from bench.report import sweep_tables
from bench.report.sweep_sections import SweepSection, sweep_sections_of
from bench.report.tables import Table
from bench.results.records import Run
from bench.workload import Axis

THREADS = Axis("threads", (1, 2, 4))
DEVICES = {"torch": (1e-3, 2e-5), "torch cuda:0": (5e-3, 2e-6)}


def section_of(run: Run) -> SweepSection:
    return sweep_sections_of("a.json", run)[0]


def cells(table: Table | None) -> dict[str, list[str]]:
    assert table is not None
    return {name: list(others) for name, *others in table.rows}


def test_every_column_marks_its_fastest_group() -> None:
    table = sweep_tables.speed(section_of(make_sweep()))
    assert table.headers == ("backend", "8", "32", "128", "512", "2,048")
    marked = {name: [cell.startswith("● ") for cell in some] for name, some in cells(table).items()}
    assert marked == {"torch": [False] * 2 + [True] * 3, "numpy": [True] * 2 + [False] * 3}
    assert "[" in cells(table)["numpy"][0]
    assert "[" not in cells(sweep_tables.speed(section_of(make_sweep()), False))["numpy"][0]


PRECISIONS = Axis("precision", ("float32", "bfloat16"))


def test_lower_precisions_are_compared_with_the_same_backends_float32() -> None:
    run = without(make_sweep(axes=PRECISIONS), "numpy", 1)
    table = sweep_tables.lower_precision(section_of(run))
    assert table is not None
    assert table.headers == (
        "backend", "float32 accuracy", "% of float32 peak", "bfloat16 over float32 [95 %]",
        "bfloat16 accuracy", "% of bfloat16 peak",
    )  # fmt: skip
    assert cells(table)["torch"][2].startswith(("1.0", "0.99")) and "[" in cells(table)["torch"][2]
    assert cells(table)["numpy"][2:] == ["–", "–", "–"]


def test_without_float32_there_is_nothing_to_compare_lower_precisions_with() -> None:
    alone = make_sweep(axes=Axis("precision", ("tf32", "bfloat16")))
    assert sweep_tables.lower_precision(section_of(alone)) is None
    assert sweep_tables.lower_precision(section_of(make_sweep())) is None


def test_what_is_missing_failed_or_flagged_says_so() -> None:
    run = without(with_flagged(with_failed(make_sweep(), "numpy"), "numpy", 1), "numpy", 2)
    table = sweep_tables.speed(section_of(run))
    assert cells(table)["numpy"][:3] == ["failed ¹", "flagged ²", "–"]
    assert table.notes == ["¹ raised: ValueError: no", "² verification: losses: 0.1 off"]


def test_overhead_and_cost_are_given_with_their_intervals() -> None:
    found = cells(sweep_tables.overhead(section_of(make_sweep())))
    overhead, cost, fit = found["torch"]
    assert overhead.startswith(("1.0", "0.99")) and cost.startswith(("20", "19.9"))
    assert "[" in overhead and "[" in cost and fit == "good"


def test_of_an_overhead_like_nothing_the_upper_bound_is_given() -> None:
    run = make_sweep({"numpy": (1e-9, 40e-6)})
    overhead, cost, _ = cells(sweep_tables.overhead(section_of(run)))["numpy"]
    assert overhead.startswith("under 0.0") and cost.startswith(("40", "39.9"))
    falling = np.linspace(1.0, 3.0, 5)[:, None, None] * np.ones((5, 4, TURNS))
    run = make_sweep({"numpy": (0.0, 40e-6)}, noise=falling)
    assert cells(sweep_tables.overhead(section_of(run)))["numpy"][0] == "none shown"


def test_a_poor_fit_says_where() -> None:
    noise = np.ones((1, 5, 4, TURNS))
    noise[0, 2] = 1.5
    table = sweep_tables.overhead(section_of(make_sweep({"numpy": TWO["numpy"]}, noise=noise)))
    assert cells(table)["numpy"][2] == "poor: 29 % slower than it at 128"


def test_only_batch_sizes_have_overhead_and_only_threads_scale() -> None:
    batches, threads = section_of(make_sweep()), section_of(make_sweep(axes=THREADS))
    assert sweep_tables.overhead(threads) is None and sweep_tables.scaling(batches) is None


def test_the_speed_up_stands_with_its_efficiency() -> None:
    run = with_failed(make_sweep({"numpy": (0, 4e-5), "jax": (0, 4e-5)}, THREADS), "jax", 1)
    found = cells(sweep_tables.scaling(section_of(run)))
    assert found["numpy"][0] == "1" and found["numpy"][2].startswith("3.0")
    assert found["numpy"][2].endswith(", 76 %")
    assert found["jax"][1] == "–"


def test_accuracy_is_one_line_for_all_backends_of_a_size() -> None:
    assert cells(sweep_tables.accuracy(section_of(make_sweep()))) == {
        "6,000 images, 2 epochs": [f"{0.92 - 0.02 * place:.3f} ± 0.000" for place in range(5)]
    }
    assert len(cells(sweep_tables.accuracy(section_of(make_sweep(DEVICES))))) == 2


def test_crossovers_are_said_in_words() -> None:
    (line,) = sweep_tables.crossovers(section_of(make_sweep()))
    assert line.startswith("torch overtakes numpy at batch size 4")
    (line,) = sweep_tables.crossovers(section_of(make_sweep(DEVICES)))
    assert line.startswith("torch on cuda:0 overtakes torch on cpu at batch size 2")


def test_a_device_that_is_always_faster_is_said_to_be() -> None:
    always = {"torch": (1e-3, 2e-5), "torch cuda:0": (1e-4, 2e-6)}
    assert sweep_tables.crossovers(section_of(make_sweep(always))) == [
        "torch on cuda:0 is faster than torch on cpu at every measured batch size; "
        "no crossover is shown."
    ]


def test_lines_that_do_not_part_are_a_tilde() -> None:
    alike = dict.fromkeys(("numpy", "torch"), (1e-3, 2e-5))
    (line,) = sweep_tables.crossovers(section_of(make_sweep(alike)))
    assert line.startswith("~ No difference is shown anywhere between ")


@pytest.mark.parametrize(
    ("contenders", "words"),
    [(TWO, "8, 32: numpy; 128, 512, 2,048: torch"),
     ({"numpy": TWO["numpy"]}, "everywhere: numpy")],
)  # fmt: skip
def test_the_winners_are_named_with_their_values(contenders: object, words: str) -> None:
    assert sweep_tables.winners(section_of(make_sweep(contenders, BATCHES))) == words


def test_points_of_several_axes_stand_below_each_other() -> None:
    axes = [Axis("activation", ("sigmoid", "relu")), Axis("optimizer", ("sgd", "rmsprop", "adam"))]
    section = section_of(make_sweep({"numpy": TWO["numpy"]}, axes))
    speed, accuracy = sweep_tables.speed(section), sweep_tables.accuracy(section)
    assert speed.headers == ("activation and optimizer", "numpy")
    assert [row[0] for row in speed.rows] == [row[0] for row in accuracy.rows] == [
        f"{activation}, {optimizer}" for activation in ("sigmoid", "relu")
        for optimizer in ("sgd", "rmsprop", "adam")
    ]  # fmt: skip
    assert sweep_tables.winners(section) == "everywhere: numpy"
