"""How fast rows predict: the table and the chart, from runs made up."""

from collections.abc import Mapping

import msgspec
from made import make_inference, make_run, make_trained, make_verified, with_verification

from bench.report import chart_data, machine_page, page, tables
from bench.report.sections import Section, sections_of
from bench.results.records import Flag, Run

MICROSECONDS = {"numpy": 200.0, "torch": 300.0, "jax": 300.1}


def predicting(microseconds: Mapping[str, float] = MICROSECONDS) -> Run:
    """Return a run of backends that took turns; with 128 images calls take ten times as long."""
    run = make_run({name: [0.25, 0.25] for name in microseconds})
    trials = tuple(
        msgspec.structs.replace(trial, result=make_trained(inference=tuple(
            make_inference(size * microseconds[trial.case.backend], images)
            for images, size in ((1, 1), (128, 10))
        )))
        for trial in run.trials
    )  # fmt: skip
    return msgspec.structs.replace(run, trials=trials, groups=(run.cases,))


def section_of(run: Run) -> Section:
    """Return the only section of a run."""
    (section,) = sections_of("a.json", run)
    return section


def table_of(run: Run) -> dict[str, dict[str, str]]:
    """Return the cells by backend and header."""
    table = tables.predicting(section_of(run))
    return {row[0]: dict(zip(table.headers, row, strict=True)) for row in table.rows}


def test_a_row_shows_latency_rate_and_what_they_are_relative_to_the_fastest() -> None:
    found = table_of(predicting())
    assert found["numpy"] == {
        "backend": "numpy", "device": "cpu",
        "1 image µs": "200", "95th µs": "207", "99th µs": "208", "1 image relative": "1",
        "128 images µs": "2,000", "128 images/s": "62,800", "128 images relative": "1",
        "5,000 images/s": "250,000", "5,000 images relative": "~",
    }  # fmt: skip
    assert found["torch"]["1 image relative"].startswith("1.5")


def test_the_whole_test_set_is_that_of_the_evaluations() -> None:
    found = table_of(predicting())
    assert {row["5,000 images/s"] for row in found.values()} == {"250,000"}  # in 0.02 s
    assert {row["5,000 images relative"] for row in found.values()} == {"1", "~"}


def test_equal_rows_are_not_told_apart() -> None:
    assert (
        table_of(predicting({"numpy": 200.0, "torch": 200.0}))["torch"]["1 image relative"] == "~"
    )


def test_a_flagged_row_is_not_compared() -> None:
    wrong = make_verified(flags=(Flag("losses", "off"),))
    found = table_of(with_verification(predicting(), "numpy", wrong))
    assert found["numpy"]["1 image relative"] == "–"
    assert "1" in {found["torch"]["1 image relative"], found["jax"]["1 image relative"]}


def test_runs_from_before_have_neither_table_nor_chart() -> None:
    section = section_of(make_run())
    assert not tables.predicting(section).rows
    assert "inference" not in chart_data.of_section(section)
    assert "### Inference" not in machine_page.page("A machine", "slug", {section: {}})


def test_the_chart_has_a_mark_for_each_row_and_size() -> None:
    chart = chart_data.of_section(section_of(predicting()))["inference"]
    assert {(one["row"], one["calls"]) for one in chart.data["points"]} == {
        (name, size) for name in MICROSECONDS for size in ("1 image", "128 images", "5,000 images")
    }
    assert chart.log and "numpy 4," in chart.words


def test_the_pages_show_it() -> None:
    section = section_of(predicting())
    assert "### Inference" in machine_page.page("A machine", "slug", {section: {}})
    details = dict(page.data([section], [])["rows"][0]["details"])
    assert details["5,000 images/s"] == "250,000"
