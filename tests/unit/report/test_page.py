"""What the page holds: all that Python says of the rows, each text once."""

from typing import Any

import msgspec
from made import (
    make_failed,
    make_machine,
    make_run,
    make_verified,
    with_result,
    with_verification,
)
from made_sweeps import BATCHES, make_sweep

from bench.report import page
from bench.report.sections import Section, sections_of
from bench.report.sweep_sections import sweep_sections_of
from bench.results.records import Flag, Run
from bench.workload import Axis

HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">|&amp;'


def sections(*runs: Run) -> list[Section]:
    """Return the sections of runs named 0.json, 1.json …"""
    return [section for number, run in enumerate(runs)
            for section in sections_of(f"{number}.json", run)]  # fmt: skip


def rows_of(*runs: Run) -> list[dict[str, Any]]:
    rows = page.data(sections(*runs), [])["rows"]
    return [row | {"details": dict(row["details"])} for row in rows]


def test_a_row_shows_what_the_tables_say_of_it() -> None:
    row, _ = rows_of(make_run({"numpy": [0.24, 0.25], "torch": [0.3, 0.31]}))
    assert (row["interval"], row["quality"], row["status"]) == (
        "0.24 [0.19, 0.32]", "0.820 ± 0.000", "ok",
    )  # fmt: skip
    assert row["details"]["Seconds per epoch, by round"] == "1: 0.2400, 2: 0.2500"
    assert row["details"]["import s"] == "0.20" and row["details"]["s to 0.80"] == "1.2"
    assert "backend" not in row["details"]


def test_flagged_and_failed_rows_say_why() -> None:
    run = with_result(make_run({"numpy": [0.2], "mlx": [0.2]}), "mlx", make_failed())
    run = with_verification(run, "numpy", make_verified(flags=(Flag("losses", "0.1 off"),)))
    flagged, failed = rows_of(run)
    assert (flagged["status"], failed["status"]) == ("flagged", "failed")
    assert "0.1 off" in flagged["doubt"] and flagged["details"]["Flagged"] == flagged["doubt"]
    assert failed["doubt"] == "round 1: raised: ValueError: no"
    assert failed["centre"] is None and failed["interval"] == "failed"


def test_a_row_that_was_never_begun_is_not_measured() -> None:
    """As of a run that was interrupted."""
    _, row = rows_of(make_run({"numpy": [0.25], "mlx": []}))
    assert row["status"] == row["interval"] == "not measured"
    assert row["doubt"] == "the run ended before its first trial was finished"


def test_a_row_says_what_its_verification_left_out() -> None:
    partly = make_verified(left_out="full size: 6,000 of 60,000 images")
    row, other = rows_of(with_verification(make_run(), "numpy", partly))
    assert row["details"]["Not verified"] == "full size: 6,000 of 60,000 images"
    assert "Not verified" not in other["details"]


def test_hostile_texts_do_not_leave_the_data() -> None:
    """Markup in a run file is no markup in the page."""
    run = make_run({HOSTILE: [0.2]}, command=HOSTILE, machine=make_machine(cpu_model=HOSTILE))
    content = page.encoded(page.data(sections(run), [HOSTILE]))
    assert "<" not in content and "&" not in content
    assert msgspec.json.decode(content)["problems"] == [HOSTILE]
    assert page.build(sections(run), [HOSTILE]).count("</script>") == 4


def test_the_page_is_small_and_names_no_other_place() -> None:
    """Without its data it takes under 2 MB, and its markup loads nothing."""
    content = page.build([], [])
    assert len(content) < 2_000_000
    markup = content.partition('<script type="application/json"')[0]
    assert "http:" not in markup and "https:" not in markup
    assert " src=" not in markup and "<link" not in markup


def test_sweeps_come_whole_with_their_chart_tables_and_sentences() -> None:
    run = make_sweep(axes=[BATCHES, Axis("threads", (1, 2))])
    found = page.data(sections(run), [], sweep_sections_of("0.json", run))["sweeps"]
    assert [one["axis"] for one in found] == ["batch size"] + ["threads"] * 5
    assert [table["title"] for table in found[0]["tables"]] == [
        "samples/s", "overhead and cost", "test accuracy",
    ]  # fmt: skip
    assert found[0]["charts"]["curve"]["axis"]["values"] == list(BATCHES.values)
    assert "overtakes" in found[0]["words"][0]


def test_rows_know_their_threads_where_they_are_an_axis() -> None:
    assert {row["threads"] for row in rows_of(make_sweep(axes=Axis("threads", (1, 4))))} == {1, 4}
