"""The end of a run: what is on the terminal when all is measured."""

import io
from pathlib import Path

import pytest
from made import (
    make_failed,
    make_honest_run,
    make_verified,
    with_result,
    with_verification,
)
from made_sweeps import BATCHES, make_sweep
from msgspec.structs import replace
from rich.console import Console

from bench.cli.ending import is_sound, show
from bench.results.hardware import Conditions
from bench.results.records import Flag, Run
from bench.workload import Axis

RUN = make_honest_run(["numpy", "torch", "keras_tensorflow"])


def shown(run: Run = RUN, width: int = 200, terminal: bool = False) -> str:
    """Return what is printed on a console of this width."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal)
    show(run, Path("somewhere/reports"), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_speeds_are_there_and_where_the_pages_are() -> None:
    lines = [" ".join(line.split()) for line in shown().splitlines()]
    assert lines[0:2] == ["", "relu, 6,000 images, cpu"]
    assert lines[2].startswith("backend device version")
    assert sorted(line.split()[0] for line in lines[3:6]) == ["keras_tensorflow", "numpy", "torch"]
    assert all("0.25 [0." in line for line in lines[3:6])
    assert lines[-1] == "tables and charts: somewhere/reports/README.md"


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_a_narrow_terminal_goes_without_columns_not_without_the_answer(width: int) -> None:
    *table, _ = shown(width=width).splitlines()
    assert max(map(len, table)) <= width
    header, *rows = table[2:6]
    assert "backend" in header and "s per epoch [95 %]" in header and "relative" in header
    assert all("0.25 [0." in row for row in rows)


def test_a_flagged_row_is_struck_through_and_says_why() -> None:
    flagged = make_verified(flags=(Flag("losses", "[0.3] off"),))
    run = with_verification(RUN, "numpy", flagged)
    lines = [" ".join(line.split()) for line in shown(run).splitlines()]
    assert lines[5].startswith("numpy ¹ cpu")
    assert lines[6] == "¹ verification: losses: [0.3] off"
    assert "\x1b[9mnumpy\x1b[0m" in shown(run, terminal=True)


FLAG, MEASURED = Flag("losses", "off"), RUN.trials[1].result


@pytest.mark.parametrize(
    "wrong",
    [
        with_result(RUN, "torch", make_failed()),
        with_result(RUN, "torch", replace(MEASURED, flags=(FLAG,))),
        with_verification(RUN, "torch", make_verified(flags=(FLAG,))),
        with_result(RUN, "torch", replace(MEASURED, inputs="unlike the others'")),
    ],
)
def test_a_run_is_sound_without_failures_and_flags_only(wrong: Run) -> None:
    assert is_sound(RUN)
    assert not is_sound(wrong)


def test_what_to_be_careful_about_is_said_in_lines_that_fit() -> None:
    loaded = Conditions(load=1.5)
    trials = tuple(replace(trial, conditions=loaded) for trial in RUN.trials)
    text = shown(replace(RUN, trials=trials), width=60)
    warning = text[text.index("! ") :].partition("\n\n")[0]
    assert "1.5 cores" in warning
    assert max(map(len, warning.splitlines())) <= 60


@pytest.mark.parametrize(("width", "pieces", "intervals"), [(160, 1, True), (80, 1, False),
                                                            (40, 2, False)])  # fmt: skip
def test_a_sweep_is_one_table_as_wide_as_the_terminal(
    width: int, pieces: int, intervals: bool
) -> None:
    text = shown(make_sweep(), width)
    assert max(map(len, text.splitlines()[:-1])) <= width
    assert text.count("backend ") == pieces
    assert ("[" in text.partition("overtakes")[0]) is intervals
    assert "torch overtakes numpy at batch size 4" in " ".join(text.split())


@pytest.mark.parametrize(("axis", "said"), [(BATCHES, True), (Axis("threads", (1, 2)), False)])
def test_a_sweep_ends_with_what_it_does_to_accuracy(axis: Axis, said: bool) -> None:
    """Threads do nothing to it."""
    assert ("test accuracy" in shown(make_sweep(axes=axis), 160)) is said
