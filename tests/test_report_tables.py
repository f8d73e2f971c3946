"""The tables of one workload on one machine, from runs made up."""

import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import (
    make_cell,
    make_described,
    make_epochs,
    make_failed,
    make_floor,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    with_proof,
    with_result,
)

from bench import checks
from bench.records import FloorOf, Run
from bench.report import tables
from bench.report.efficiency import floors_of
from bench.report.footnotes import Footnotes
from bench.report.tables import Contest
from bench.rows import rows_of

FIVE = {"numpy": [0.250, 0.252, 0.249, 0.251, 0.250], "torch": [0.300, 0.303, 0.299, 0.301, 0.302]}
HOSTILE = ["<script>", "a|b", "a\nb", "\\", "~~x~~", "`", "x" * 100, " ", "\\|", "\u2028", "|||"]


def contest_of(run: Run, notes: Footnotes | None = None) -> Contest:
    """Return the contest of all rows of a run."""
    floors = floors_of(run, run.cells[0].workload)
    return Contest(rows_of(run), checks.marks(run), notes or Footnotes(), floors)


def read(table: str) -> list[dict[str, str]]:
    """Return the rows of a table by header; every line must have the same number of cells."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in table.split("\n")]
    assert {len(line) for line in lines} == {len(lines[0])}
    headers, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return [dict(zip(headers, row, strict=True)) for row in rows]


def speed_of(run: Run) -> dict[str, dict[str, str]]:
    """Return the rows of the table of speeds, by backend, in their order."""
    return {row["backend"]: row for row in read(tables.speed(contest_of(run)))}


def test_the_fastest_row_comes_first() -> None:
    """It is 1, marked as the fastest, and the others are given relative to it."""
    rows = speed_of(make_run({"torch": FIVE["torch"], "numpy": FIVE["numpy"]}))
    assert list(rows) == ["numpy", "torch"]
    assert (rows["numpy"]["fastest"], rows["torch"]["fastest"]) == ("●", "")
    assert rows["numpy"]["relative"] == "1"
    assert re.fullmatch(r"1\.20\d* \[1\.\d+, 1\.\d+\] ×", rows["torch"]["relative"])


def test_a_row_shows_what_follows_from_its_seconds() -> None:
    """Samples and GFLOP a second and µs a step, each to the digits that its spread allows."""
    row = speed_of(make_run({"numpy": FIVE["numpy"]}))["numpy"]
    assert row["s per epoch [95 %]"] == "0.2504 [0.2490, 0.2518]"
    assert row["trials"] == "5"
    assert row["version"] == "1.2.3"
    assert row["device"] == "cpu"
    assert row["samples/s"] == "23,960"
    assert row["GFLOP/s"] == "119.6"
    assert row["µs/step"] == "5,330"
    assert row["proof"] == "✓"


def test_a_difference_that_is_not_shown_is_a_tilde() -> None:
    """Rows within the noise are `~`, never faster or slower, and share the fastest group."""
    noisy = {"numpy": [0.25, 0.28, 0.24, 0.26], "torch": [0.26, 0.25, 0.27, 0.25]}
    rows = speed_of(make_run(noisy))
    assert sorted(row["relative"] for row in rows.values()) == ["1", "~"]
    assert all(row["fastest"] == "●" for row in rows.values())


def test_a_member_of_the_fastest_group_is_never_called_slower() -> None:
    """Beside many rivals a single 95 % comparison is no proof: such a row is `~`."""
    near = {"numpy": [0.250] * 5, "torch": [0.2525, 0.2535, 0.2505, 0.2530, 0.2520]}
    alone = speed_of(make_run(near))["torch"]
    assert (alone["fastest"], alone["relative"][-1]) == ("", "×")
    slower = {name: [0.5, 0.51, 0.5, 0.52, 0.5] for name in ("jax", "mlx", "cupy", "a", "b", "c")}
    among = speed_of(make_run(near | slower))["torch"]
    assert (among["fastest"], among["relative"]) == ("●", "~")


def test_one_trial_shows_no_difference() -> None:
    """However far apart, single trials prove nothing: no interval, no group."""
    rows = speed_of(make_run({"numpy": [0.2], "torch": [0.9]}))
    assert rows["torch"]["relative"] == "~"
    assert rows["numpy"]["s per epoch [95 %]"] == "0.20"
    assert {row["fastest"] for row in rows.values()} == {""}


@pytest.mark.parametrize(
    ("result", "note"),
    [
        (make_proved(loss_deviation=3e-4), "it computes another network (loss 3.0e-04 off"),
        (make_failed("timed out", "no result after 9 s"), "not proved: timed out: no result"),
    ],
)
def test_an_unproven_row_is_struck_through_and_last(result: object, note: str) -> None:
    """However fast, it is not the fastest; a footnote says why."""
    run = with_proof(make_run({"fast": [0.01, 0.01], **FIVE}), "fast", result)  # type: ignore[arg-type]
    notes = Footnotes()
    rows = read(tables.speed(contest_of(run, notes)))
    assert [row["backend"] for row in rows] == ["numpy", "torch", "~~fast~~ ¹"]
    assert (rows[2]["relative"], rows[2]["proof"], rows[2]["fastest"]) == ("–", "failed", "")
    assert note in notes.below()


def test_a_marked_row_has_a_footnote_and_is_not_compared() -> None:
    """A violation in a trial marks the row without striking it through."""
    run = with_result(make_run(FIVE), "torch", make_trained(settle_seconds=1.0))
    notes = Footnotes()
    rows = read(tables.speed(contest_of(run, notes)))
    assert rows[1]["backend"] == "torch ¹"
    assert rows[1]["relative"] == "–"
    assert notes.below().startswith("¹ clock stopped early")


def test_a_row_whose_trials_all_failed_is_still_a_row() -> None:
    """It has no seconds, and stands in no other table."""
    run = with_result(make_run({"numpy": [0.25], "torch": [0.3]}), "torch", make_failed())
    row = speed_of(run)["torch"]
    assert (row["s per epoch [95 %]"], row["trials"], row["relative"]) == ("failed", "0", "")
    contest = contest_of(run)
    for table in (tables.cost(contest), tables.quality(contest)):
        assert [row["backend"] for row in read(table)] == ["numpy"]


def test_without_any_sound_row_nothing_is_the_fastest() -> None:
    """A run in which nothing is proved has a table all the same."""
    run = msgspec.structs.replace(make_run(FIVE), proofs=())
    rows = speed_of(run)
    assert all(name.startswith("~~") for name in rows)
    assert {row["relative"] for row in rows.values()} == {"–"}
    assert contest_of(run).fastest is None


def test_the_floor_gives_tax_and_share_of_the_peak() -> None:
    """Twice the floor's seconds are 2 ×, half the peak's rate 50 %."""
    run = make_run({"numpy": [0.25, 0.25, 0.25]})
    work = run.workloads[run.cells[0].workload]
    floor = make_floor(0.125, peak_flop_per_second=2 * work.epoch_flop / 0.25)
    run = msgspec.structs.replace(run, floors=(FloorOf("cpu", run.cells[0].workload, floor),))
    row = speed_of(run)["numpy"]
    assert row["× floor"].startswith("2.0")
    assert row["% of peak"].startswith("50")


def test_of_one_trial_nothing_has_more_digits_than_its_seconds() -> None:
    """Without a spread, × floor and percent of peak are given to two digits, as the seconds are."""
    run = make_run({"numpy": [0.2512345]})
    floor = make_floor(0.12, peak_flop_per_second=2e11)
    run = msgspec.structs.replace(run, floors=(FloorOf("cpu", run.cells[0].workload, floor),))
    row = speed_of(run)["numpy"]
    assert (row["s per epoch [95 %]"], row["× floor"], row["% of peak"]) == ("0.25", "2.1", "60")


@pytest.mark.parametrize(
    ("seconds", "named"),
    [
        (FIVE, "numpy"),
        ({"numpy": [0.25, 0.28, 0.24, 0.26], "torch": [0.26, 0.25, 0.27, 0.25]}, "numpy, torch"),
        ({"numpy": [0.25]}, "numpy"),
        ({"numpy": [0.2], "torch": [0.9]}, "not shown (numpy was lowest)"),
    ],
)
def test_the_winners_are_those_that_trials_show(
    seconds: dict[str, list[float]], named: str
) -> None:
    """The fastest group, a row alone, or the word that one trial each shows nothing."""
    assert set(contest_of(make_run(seconds)).winners().split(", ")) == set(named.split(", "))


def test_costs_are_medians_over_the_trials() -> None:
    """Import, build, first epoch, evaluation and memory are those of the middle trial."""
    run = make_run({"numpy": [0.25] * 3})
    for number, seconds in enumerate((1.0, 9.0, 2.0)):
        trained = make_trained(import_seconds=seconds, peak_memory_bytes=int(seconds * 1e8),
                               total_seconds=20.0)  # fmt: skip
        run = with_result(run, "numpy", trained, round=number)
    (row,) = read(tables.cost(contest_of(run)))
    assert row["import s"] == "2.0"
    assert row["first epoch s"] == "0.50"
    assert row["evaluation s/epoch"] == "0.020"
    assert row["total s"] == "20"
    assert row["peak memory"] == "200 MB"
    assert row["device memory"] == ""


def test_quality_is_mean_and_spread_over_the_rounds() -> None:
    """Accuracies of the last epoch, with the lowest and the highest."""
    run = make_run({"numpy": [0.25, 0.25]})
    for number, accuracy in enumerate((0.880, 0.884)):
        *first, last = make_epochs()
        epochs = (*first, msgspec.structs.replace(last, accuracy=accuracy))
        run = with_result(run, "numpy", make_trained(epochs=epochs), round=number)
    (row,) = read(tables.quality(contest_of(run)))
    assert row["test accuracy"] == "0.882 ± 0.003"
    assert (row["lowest"], row["highest"]) == ("0.8800", "0.8840")


def test_a_single_round_has_no_spread() -> None:
    """The value stands alone."""
    (row,) = read(tables.quality(contest_of(make_run({"numpy": [0.25]}))))
    assert row["test accuracy"] == "0.8200"


def test_failed_trials_are_listed_with_reason_and_last_lines() -> None:
    """Each with its row and round, and the last three lines that it printed."""
    failed = make_failed("killed", "ended by SIGKILL", "1st", "2nd", "3rd <b>", "# 4th")
    run = with_result(make_run(), "torch", failed, round=1)
    assert tables.failures(rows_of(run)) == (
        "- torch on cpu, relu, round 2: killed: ended by SIGKILL\n"
        "  - 2nd\n  - 3rd &lt;b&gt;\n  - \\# 4th"
    )
    assert tables.failures(rows_of(make_run())) == ""


def test_empty_lines_of_a_log_are_left_out() -> None:
    """A list's mark alone would make a heading of the line above."""
    failed = make_failed("killed", "ended by SIGKILL", "", " ", "\u202e")
    listed = tables.failures(rows_of(with_result(make_run(), "torch", failed)))
    assert listed == "- torch on cpu, relu, round 1: killed: ended by SIGKILL"


def test_no_rows_make_no_tables_of_quality() -> None:
    """A contest of nobody breaks nothing."""
    empty = Contest([], {}, Footnotes())
    assert read(tables.speed(empty)) == read(tables.cost(empty)) == []
    assert tables.quality(empty) == ""


@pytest.mark.parametrize("table", [tables.speed, tables.cost, tables.quality])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_break_no_table(table: Callable[[Contest], str], name: str) -> None:
    """Backends, devices, versions and reasons of any letters leave every row whole."""
    work = make_workload()
    cells = (make_cell(name, name, work), make_cell("numpy", "cpu", work))
    base = make_run({"numpy": [0.25, 0.26]}, work)
    run = msgspec.structs.replace(
        base,
        cells=cells,
        backends={name: make_described([name], **{name: name})},
        trials=tuple(
            msgspec.structs.replace(trial, cell=cell) for cell in cells for trial in base.trials
        ),
    )
    notes = Footnotes()
    contest = Contest(rows_of(run), {cells[1]: [name]}, notes)
    shown = table(contest)
    assert len(read(shown)) == 2
    assert "<script" not in shown + notes.below()


@given(
    seconds=some.lists(some.floats(1e-8, 1e7), min_size=1, max_size=4), other=some.floats(1e-8, 1e7)
)
def test_any_seconds_make_whole_tables(seconds: list[float], other: float) -> None:
    """However small, large or far apart, two rows stay two rows."""
    contest = contest_of(make_run({"numpy": seconds, "torch": [other] * len(seconds)}))
    for table in (tables.speed, tables.cost, tables.quality):
        assert len(read(table(contest))) == 2
