"""What the chart of a sweep shows."""

import math

import numpy as np
import pytest
from made_sweeps import BATCHES, TURNS, TWO, make_sweep, with_failed
from msgspec.structs import replace

from bench.report import sweep_chart
from bench.report.chart_data import Chart
from bench.report.sweep_sections import sweep_sections_of
from bench.results.records import Run
from bench.workload import Axis


def charts_of(run: Run) -> dict[str, Chart]:
    return sweep_chart.of_sweep(sweep_sections_of("a.json", run)[0])


@pytest.mark.parametrize(
    ("axis", "name", "title"),
    [(BATCHES, "curve", "batch size (logarithmic)"),
     (Axis("threads", (1, 2, 4)), "line", "threads"),
     (Axis("optimizer", ("sgd", "adam")), "dots", "optimizer"),
     (Axis("dropout", (0.0, 0.2)), "dots", "dropout")],
)  # fmt: skip
def test_the_axis_is_drawn_as_its_values_ask_for(axis: Axis, name: str, title: str) -> None:
    ((found, chart),) = charts_of(make_sweep(axes=axis)).items()
    assert (found, chart.axis["title"]) == (name, title)
    assert chart.axis.get("values") == (None if name == "dots" else list(axis.values))


def test_every_sound_point_has_its_band_and_the_bound_lies_above() -> None:
    data = charts_of(with_failed(make_sweep(), "torch"))["curve"].data
    assert len(data["points"]) == 9
    assert all(one["low"] < one["rate"] < one["high"] for one in data["points"])
    bounds = {one["value"]: one["rate"] for one in data["bounds"]}
    assert all(one["rate"] < bounds[one["value"]] for one in data["points"])


def test_the_words_say_who_is_fastest_and_who_overtakes() -> None:
    words = charts_of(make_sweep())["curve"].words
    assert "Fastest: 8, 32: numpy; 128, 512, 2,048: torch." in words and "overtakes" in words


def test_nothing_measured_is_no_chart() -> None:
    assert charts_of(replace(make_sweep(), trials=())) == {}


@pytest.mark.parametrize("towards", [0.0, math.inf])
def test_the_last_bits_of_what_was_measured_change_no_chart(towards: float) -> None:
    noise = np.exp(0.01 * np.random.default_rng(1).normal(size=(len(TWO), 5, 4, TURNS)))
    moved = np.nextafter(noise, towards)
    assert charts_of(make_sweep(noise=noise)) == charts_of(make_sweep(noise=moved))
