"""What a person sees of a run as it goes."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_cell, make_failed, make_floor, make_planned, make_proved, make_trained
from rich.console import Console

from bench import progress
from bench.progress import Estimate, in_words, show, title
from bench.records import Moment
from bench.runner import Done, Step, carry_out
from bench.worker import Result


def shown(result: Result | None = None, width: int = 80, terminal: bool = False) -> list[str]:
    """Return the lines of a run of two backends, one round, whose trials bring the result."""
    results = {"floor": make_floor(), "prove": make_proved(), "train": result or make_trained()}
    run = make_planned(["numpy", "torch"], rounds=1)
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal)
    events = carry_out(run, lambda step: (results[step.task], Moment()), lambda run: None)
    ended = show(events, run, console)
    assert len(ended.trials) == 2
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_plain_lines_say_what_was_done_and_how_it_ended() -> None:
    """Away from a terminal there is one line for each step, numbered."""
    lines = shown()
    assert [line.partition(" ")[0] for line in lines] == [f"[{n}/5]" for n in range(1, 6)]
    assert "proof    numpy · cpu · relu: proved" in lines[0]
    assert "round 1  floor · cpu · relu: 0.2 s/epoch in matrix products alone" in lines[2]
    assert "OpenBLAS 0.3" in lines[2]
    assert "round 1" in lines[3]
    assert "cpu · relu: 0.25 s/epoch, accuracy 0.8200" in lines[3]


def test_every_line_but_the_last_says_how_long_it_will_take() -> None:
    """What is left is told from what was seen; at the end nothing is left."""
    lines = shown()
    assert all(line.endswith("left)") for line in lines[:-1])
    assert "left" not in lines[-1]


def test_failures_stand_out_with_their_reason() -> None:
    """A failed trial is a line with FAILED, its kind and its reason."""
    lines = shown(make_failed("killed", "ended by SIGKILL, perhaps for want of memory"))
    assert sum("FAILED: killed: ended by SIGKILL" in line for line in lines) == 2


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("reason", ["[/bold] no [red", "[link=x]y[/link]", "x" * 500, ""])
def test_reasons_are_shown_as_they_are(reason: str, terminal: bool) -> None:
    """Brackets are no markup, and a long reason is not cut."""
    text = "".join(shown(make_failed("raised", reason), width=60, terminal=terminal))
    assert reason in text.replace("\n", "")


def test_an_unproven_row_is_said_at_once() -> None:
    """Nobody waits for the table to learn that a backend computes something else."""
    run = make_planned(["numpy"])
    step = Step("prove", run.cells[0], 0)
    for result, said in [
        (make_proved(), "proved"),
        (make_proved(loss_deviation=1.0), "NOT PROVED: it computes another network"),
    ]:
        (*_, ended) = carry_out(run, lambda step, r=result: (r, Moment()), lambda run: None)
        assert isinstance(ended, Done)
        assert progress.outcome_in_words(ended.run, step) == said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, ""),
        (0.0, "about 1 s left"),
        (89.4, "about 89 s left"),
        (90, "about 2 min left"),
        (3_600, "about 60 min left"),
        (5_400, "about 1.5 h left"),
    ],
)
def test_times_are_given_in_fitting_units(seconds: float | None, words: str) -> None:
    """Seconds, minutes and hours, none finer than an estimate can be."""
    assert in_words(seconds) == words


def test_an_estimate_needs_something_to_go_by() -> None:
    """Before anything has ended nothing is known."""
    assert Estimate().left([Step("train", make_cell(), 0)]) is None


def test_the_like_takes_as_long_as_the_like_took() -> None:
    """Rows are told apart, and proofs from trials; what was never seen takes the average."""
    numpy, torch, jax = (make_cell(name) for name in ("numpy", "torch", "jax"))
    estimate = Estimate()
    for seconds in (2.0, 4.0, 90.0):  # one was disturbed
        estimate.add(Step("train", numpy, 0), seconds)
    estimate.add(Step("prove", torch, 0), 10.0)
    assert estimate.left([Step("train", numpy, 3)] * 2) == 8.0
    assert estimate.left([Step("prove", torch, 0)]) == 10.0
    assert estimate.left([Step("train", jax, 0)]) == 7.0
    assert estimate.left([]) == 0.0


@given(seen=some.lists(some.floats(0, 1e5), min_size=1), left=some.integers(0, 50))
def test_an_estimate_lies_within_what_was_seen(seen: list[float], left: int) -> None:
    """So many steps take neither less than the shortest nor more than the longest each."""
    step, estimate = Step("train", make_cell(), 0), Estimate()
    for seconds in seen:
        estimate.add(step, seconds)
    total = estimate.left([step] * left)
    assert total is not None
    assert left * min(seen) * 0.999 <= total <= left * max(seen) * 1.001


def test_a_step_has_a_title() -> None:
    """Rounds are counted from 1."""
    cell = make_cell("torch", "cuda:0")
    assert title(Step("train", cell, 0)) == "round 1  torch · cuda:0 · relu"
    assert "proof" in title(Step("prove", cell, 0))
    assert "floor" in title(Step("floor", cell, 0))


def test_an_interruption_is_handed_on() -> None:
    """Ctrl-C ends the display, and whoever started the run learns of it."""

    def interrupted() -> Iterator[Step | Done]:
        yield Step("prove", make_cell(), 0)
        raise KeyboardInterrupt

    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal)
        with pytest.raises(KeyboardInterrupt):
            show(interrupted(), make_planned(), console)
