"""What the charts show."""

import math

import msgspec
import pytest
from made import (
    make_bound_trial,
    make_failed,
    make_gemm_bound,
    make_run,
    make_verified,
    make_workload,
    with_result,
    with_verification,
)

from bench.report import chart_data
from bench.report.chart_data import Chart
from bench.report.sections import sections_of
from bench.results.records import Flag, Run


def charts_of(run: Run) -> dict[str, Chart]:
    return chart_data.of_section(sections_of("run.json", run)[0])


def test_a_section_without_a_trial_has_no_charts() -> None:
    assert charts_of(with_result(make_run({"numpy": [0.2]}), "numpy", make_failed())) == {}


def test_rows_are_named_by_device_too_where_there_are_several() -> None:
    cpu, cuda = make_run({"torch": [0.2]}), make_run({"torch": [0.1]}, device="cuda:0")
    both = {name: (*getattr(cpu, name), *getattr(cuda, name))
            for name in ("cases", "verifications", "trials")}  # fmt: skip
    chart = charts_of(msgspec.structs.replace(cpu, **both))["seconds"]
    assert [row["row"] for row in chart.data["rows"]] == ["torch cuda:0", "torch cpu"]
    assert [row["row"] for row in charts_of(cpu)["seconds"].data["rows"]] == ["torch"]


def test_the_notebook_is_a_line_where_it_fits_the_scale() -> None:
    """Its 14 s an epoch are drawn beside 10 s, and not beside 0.25 s."""
    slow = charts_of(make_run({"numpy": [10.0, 11.0]}))["seconds"]
    assert slow.data["lines"] == [{"name": "notebook", "seconds": 14.0}]
    assert charts_of(make_run())["seconds"].data["lines"] == []


def test_the_gemm_bound_is_a_line() -> None:
    bound = make_bound_trial(make_workload(), result=make_gemm_bound(0.2))
    chart = charts_of(make_run(gemm_bounds=(bound,)))["seconds"]
    assert chart.data["lines"] == [{"name": "GEMM bound", "seconds": 0.2}]
    assert "GEMM bound 0.20" in chart.words


def test_a_flagged_row_is_told_apart() -> None:
    wrong = make_verified(flags=(Flag("losses", "off"),))
    data = charts_of(with_verification(make_run(), "torch", wrong))["seconds"].data
    assert {one["row"] for one in data["trials"] if one["flagged"]} == {"torch"}
    assert [str(one["label"]).endswith(" (flagged)") for one in data["rows"]] == [False, True]


def test_accuracy_is_shown_at_the_end_of_each_epoch_with_the_time_to_the_highest_goal() -> None:
    data = charts_of(make_run({"numpy": [0.25] * 3}, make_workload(epochs=6)))["accuracy"].data
    assert [one["accuracy"] for one in data["points"]] == [0.8, 0.81, 0.82, 0.83, 0.84, 0.85]
    assert [one["seconds"] for one in data["points"]] == [1.2, 1.45, 1.7, 1.95, 2.2, 2.45]
    assert {one["label"] for one in data["points"]} == {"numpy: 2.5 s to 0.85"}
    assert data["goals"] == [{"accuracy": 0.8}, {"accuracy": 0.85}]


def test_bars_are_stacked_and_the_shortest_comes_first() -> None:
    data = charts_of(make_run({"torch": [0.4], "numpy": [0.2]}))["phases"].data
    assert [one["row"] for one in data["totals"]] == ["numpy", "torch"]
    parts = [one for one in data["parts"] if one["row"] == "torch"]
    assert [one["from"] for one in parts[1:]] == [one["to"] for one in parts[:-1]]
    assert [one["phase"] for one in parts] == list(chart_data.PHASES)


def test_a_bar_that_is_cut_says_so() -> None:
    """One very long trial does not squash the others; its total stands beside it."""
    data = charts_of(make_run({"numpy": [0.2], "torch": [0.2], "mlx": [90.0]}))["phases"].data
    labels = [str(total["label"]) for total in data["totals"]]
    assert [label.endswith(", cut") for label in labels] == [False, False, True]
    assert max(float(one["to"]) for one in data["parts"]) < 3


@pytest.mark.parametrize("towards", [0.0, math.inf])
def test_the_last_bits_of_what_was_measured_change_no_chart(towards: float) -> None:
    """Processors differ there; charts shall not."""
    seconds = {"numpy": [0.24, 0.25, 0.26], "torch": [0.3, 0.31, 0.33]}
    moved = {name: [math.nextafter(one, towards) for one in some] for name, some in seconds.items()}
    assert charts_of(make_run(moved)) == charts_of(make_run(seconds))
