"""The tables of one section, from runs made up."""

from collections.abc import Callable
from itertools import chain

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import (
    make_bound_trial,
    make_epochs,
    make_failed,
    make_gemm_bound,
    make_run,
    make_trained,
    make_verified,
    with_result,
    with_verification,
)

from bench.report import tables
from bench.report.sections import Section, sections_of
from bench.report.tables import Table
from bench.results.records import Flag, Run

FIVE = {"numpy": [0.250, 0.252, 0.249, 0.251, 0.250], "torch": [0.300, 0.303, 0.299, 0.301, 0.302]}


def section_of(run: Run) -> Section:
    return sections_of("a.json", run)[0]


def read(table: Table) -> dict[str, dict[str, str]]:
    assert {len(row) for row in table.rows} <= {len(table.headers)}
    return {row[0]: dict(zip(table.headers, row, strict=True)) for row in table.rows}


def speed_of(run: Run) -> dict[str, dict[str, str]]:
    return read(tables.speed(section_of(run)))


def bounded(run: Run, **facts: float) -> Run:
    work = run.workloads[run.cases[0].workload]
    bound = make_bound_trial(work, result=make_gemm_bound(**facts))
    return msgspec.structs.replace(run, gemm_bounds=(bound,))


def test_a_row_shows_what_follows_from_its_seconds() -> None:
    """Each figure to the digits that the spread of the seconds allows."""
    assert speed_of(make_run({"numpy": FIVE["numpy"]}))["numpy"] == {
        "backend": "numpy", "device": "cpu", "version": "1.2.3", "verified": "✓", "fastest": "",
        "s per epoch [95 %]": "0.2504 [0.2490, 0.2518]", "trials": "5", "relative": "1",
        "samples/s": "23,960", "GFLOP/s": "119.6", "× GEMM bound": "", "µs/step": "5,330",
        "% of peak": "",
    }  # fmt: skip


def test_a_flagged_row_is_named_with_the_footnotes_that_say_why() -> None:
    wrong = make_verified(flags=(Flag("losses", "3.0e-04 off"), Flag("parameters", "0.1 off")))
    table = tables.speed(section_of(with_verification(make_run(FIVE), "numpy", wrong)))
    assert read(table)["numpy"]["verified"] == "no"
    assert table.flagged == {1: " ¹ ²"}
    assert [note[:1] for note in table.notes] == ["¹", "²"] and "3.0e-04 off" in table.notes[0]


def test_a_row_whose_trials_all_failed_stands_in_the_table_of_speeds_alone() -> None:
    section = section_of(
        with_result(make_run({"numpy": [0.25], "mlx": [1.0]}), "mlx", make_failed())
    )
    row = read(tables.speed(section))["mlx"]
    assert (row["s per epoch [95 %]"], row["trials"], row["samples/s"]) == ("failed", "0", "")
    for table in (tables.cost(section), tables.quality(section)):
        assert list(read(table)) == ["numpy"]


def test_a_row_that_was_never_begun_has_not_failed() -> None:
    """As of a run that was interrupted."""
    run = make_run({"numpy": [0.25], "mlx": []})
    assert speed_of(run)["mlx"]["s per epoch [95 %]"] == "not measured"


def test_seconds_are_divided_by_the_gemm_bound_and_the_rate_by_the_peak() -> None:
    run = make_run({"numpy": [0.25, 0.25, 0.25]})
    rate = run.workloads[run.cases[0].workload].epoch_flop / 0.25
    row = speed_of(bounded(run, epoch_seconds=0.125, peak_flop_per_second=2 * rate))["numpy"]
    assert (row["× GEMM bound"], row["% of peak"]) == ("2.0", "50")


def test_of_one_trial_nothing_has_more_digits_than_its_seconds() -> None:
    row = speed_of(bounded(make_run({"numpy": [0.2512345]}), epoch_seconds=0.12))["numpy"]
    assert (row["s per epoch [95 %]"], row["× GEMM bound"], row["% of peak"]) == (
        "0.25", "2.1", "60",
    )  # fmt: skip


def test_costs_are_medians_over_the_trials() -> None:
    run = make_run({"numpy": [0.25] * 3})
    for number, seconds in enumerate((1.0, 9.0, 2.0)):
        trained = make_trained(import_seconds=seconds, peak_memory_bytes=int(seconds * 1e8))
        run = with_result(run, "numpy", trained, round=number)
    row = read(tables.cost(section_of(run)))["numpy"]
    shown = {name: row[name] for name in (
        "import s", "first epoch s", "evaluation s/epoch", "total s", "J/epoch", "peak memory",
        "device memory",
    )}  # fmt: skip
    assert list(shown.values()) == ["2.0", "0.50", "0.020", "2.5", "", "200 MB", ""]


@pytest.mark.parametrize(
    ("later", "shown"),
    [(0.2, "20 epochs"), (0.299, "2,000 epochs"), (0.4, "never (against numpy)")],
)
def test_compiling_pays_off_or_never_does(later: float, shown: str) -> None:
    """Against the fastest row that does not compile."""
    run = make_run({"jax": [later], "numpy": [0.3]})
    compiled = make_epochs(later)
    compiled = (msgspec.structs.replace(compiled[0], seconds=later + 2.0), *compiled[1:])
    plain = tuple(msgspec.structs.replace(epoch, seconds=0.3) for epoch in make_epochs())
    run = with_result(run, "jax", make_trained(epochs=compiled))
    rows = read(tables.cost(section_of(with_result(run, "numpy", make_trained(epochs=plain)))))
    assert (rows["jax"]["compile s"], rows["numpy"]["compile s"]) == ("2.0", "–")
    assert (rows["jax"]["pays off after"], rows["numpy"]["pays off after"]) == (shown, "")


def test_quality_is_mean_and_spread_over_the_rounds() -> None:
    run = make_run({"numpy": [0.25, 0.25]})
    for number, accuracy in enumerate((0.880, 0.884)):
        *first, last = make_epochs()
        epochs = (*first, msgspec.structs.replace(last, accuracy=accuracy))
        run = with_result(run, "numpy", make_trained(epochs=epochs), round=number)
    row = read(tables.quality(section_of(run)))["numpy"]
    assert (row["test accuracy"], row["lowest"], row["highest"]) == (
        "0.882 ± 0.003", "0.8800", "0.8840",
    )  # fmt: skip


@pytest.mark.parametrize("table", [tables.speed, tables.cost, tables.quality])
@given(
    seconds=some.lists(some.floats(1e-8, 1e7), min_size=1, max_size=4), other=some.floats(1e-8, 1e7)
)
def test_any_seconds_make_whole_tables(
    table: Callable[[Section], Table], seconds: list[float], other: float
) -> None:
    """However small, large or far apart."""
    shown = table(section_of(make_run({"numpy": seconds, "torch": [other] * len(seconds)})))
    assert len(read(shown)) == 2 and all(map(str.isprintable, chain(*shown.rows)))
