"""What a person sees of a run as it goes: events in, text out."""

import io
import itertools
from collections.abc import Iterable, Mapping

import pytest
from fakes import VERIFICATION, FakeExecutor
from made import (
    make_case,
    make_epoch,
    make_failed,
    make_planned,
    make_trained,
    make_verified,
    make_workload,
)
from rich.console import Console

from bench.results.records import Flag, Run
from bench.run.groups import BOUND, Group, Place
from bench.run.progress import left_in_words, show, title
from bench.run.schedule import Awake, Event, carry_out
from bench.workload import CPU, Device

CASES = tuple(map(make_case, ("numpy", "torch")))
RUN = make_planned(cases=CASES, groups=(CASES,))
GROUP = Group(make_workload(), RUN.cases, bounds={Place(CPU): None})


def shown(events: Iterable[Event], width: int = 80, terminal: bool = False) -> tuple[str, Run]:
    """Return what is shown of these events of RUN, and the run that it ends with."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal)
    seconds = map(float, itertools.count())  # every step takes one
    ended = show(events, RUN, console, clock=lambda: next(seconds))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), ended


def lines(results: Mapping[str, object] = {}) -> list[str]:
    """Return the plain lines of RUN carried out with these results."""
    text, ended = shown(carry_out(RUN, FakeExecutor(results), lambda run: None))
    assert len(ended.trials) == 4
    return text.splitlines()


def epoch(who: str, turn: int) -> Awake:
    return Awake("epoch", who, CPU, GROUP, turn)


def start(who: str) -> Awake:
    return Awake("start", who, CPU, GROUP)


def test_away_from_a_terminal_there_is_a_line_for_each_outcome() -> None:
    assert lines() == [
        "verification  numpy · cpu · relu: verified",
        "verification  torch · cpu · relu: verified",
        "round 1  GEMM bound · cpu · relu: 0.2 s/epoch in matrix products alone (OpenBLAS 0.3) "
        "(about 22 s left)",
        "round 1  numpy · cpu · relu: 0.25 s/epoch, accuracy 0.8200 (about 22 s left)",
        "round 1  torch · cpu · relu: 0.25 s/epoch, accuracy 0.8200 (about 22 s left)",
        "round 2  GEMM bound · cpu · relu: 0.2 s/epoch in matrix products alone (OpenBLAS 0.3)",
        "round 2  numpy · cpu · relu: 0.25 s/epoch, accuracy 0.8200",
        "round 2  torch · cpu · relu: 0.25 s/epoch, accuracy 0.8200",
    ]


def test_away_from_a_terminal_there_is_a_sign_of_life_every_minute() -> None:
    text, _ = shown(epoch("torch", turn) for turn in (1, 2, 3) for _ in range(35))
    turns = [line.partition(" …")[0] for line in text.splitlines()]  # two ticks for each
    assert turns == [f"round 1/2  turn {turn}/3  torch · cpu · relu" for turn in (1, 2, 3)]
    assert shown([epoch("torch", 1)] * 3)[0] == ""


def test_a_trials_line_says_what_the_table_will_say() -> None:
    """Epochs beyond the workload's count, the first one does not."""
    trained = make_trained(epochs=[make_epoch(9.0), make_epoch(0.5)], extra_seconds=(0.1, 0.3))
    assert lines({"numpy": trained})[3].startswith("round 1  numpy · cpu · relu: 0.3 s/epoch")


def test_failures_and_flags_stand_out_with_their_reason() -> None:
    failed, flags = make_failed("killed", "by SIGKILL"), (Flag("losses", "0.3 off"),)
    flagged = {VERIFICATION: make_verified(flags=flags), "numpy": make_trained(flags=flags)}
    found = lines({**flagged, BOUND: failed, "torch": failed})
    assert [line.partition(": ")[2].partition(" (")[0] for line in found[1:5]] == [
        "FLAGGED: losses: 0.3 off",
        "FAILED: killed: by SIGKILL",
        "0.25 s/epoch, accuracy 0.8200; FLAGGED: losses: 0.3 off",
        "FAILED: killed: by SIGKILL",
    ]


def test_a_device_whose_gemm_bound_nothing_can_measure_is_no_failure() -> None:
    absent = make_failed("no library", "no library here can multiply matrices on opencl:0")
    (line,) = [
        line for line in lines({BOUND: absent}) if "GEMM bound" in line and "round 1" in line
    ]
    assert line.startswith("round 1  GEMM bound · cpu · relu: no library here can multiply")


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("reason", ["[/bold] no [red", "[link=x]y[/link]", "x" * 500, ""])
def test_reasons_are_shown_as_they_are(reason: str, terminal: bool) -> None:
    failing = FakeExecutor({"torch": make_failed("raised", reason)})
    text, _ = shown(carry_out(RUN, failing, lambda run: None), width=60, terminal=terminal)
    assert reason in text.replace("\n", "")


@pytest.mark.parametrize(
    ("awake", "words"),
    [
        (Awake("verification", "torch", Device("cuda", 0)), "verification  torch · cuda:0"),
        (
            Awake("inference", "torch", CPU, GROUP, 4),
            "round 1/2  inference 1/5  torch · cpu · relu",
        ),
        (start(BOUND), "round 1/2  starting  GEMM bound · cpu · relu"),
        (epoch("torch", 3), "round 1/2  turn 3/3  torch · cpu · relu"),
        (Awake("build", "torch", CPU, GROUP), "round 1/2  building  torch · cpu · relu"),
        (
            Awake("epoch", "torch", CPU, GROUP, 1, threads=1),
            "round 1/2  turn 1/3  torch · cpu · 1 thread · relu",
        ),
    ],
)
def test_a_bar_on_a_terminal_says_who_is_at_work(awake: Awake, words: str) -> None:
    assert title(awake, RUN) == words
    assert words in shown([awake], width=120, terminal=True)[0]


def test_on_a_narrow_terminal_the_end_of_who_is_at_work_gives_way() -> None:
    text, _ = shown([start("keras_tensorflow")], 80, terminal=True)
    assert "round 1/2  starting  keras_tensorflow · cpu" in text and "s left" in text
    assert "s left" in shown([start("a_backend_with_a_name_of_its_own")], 60, terminal=True)[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, ""), (0.1, "about 1 s left"), (89.4, "about 89 s left"),
        (90, "about 2 min left"), (3_600, "about 60 min left"), (5_400, "about 1.5 h left"),
    ],
)  # fmt: skip
def test_times_are_given_in_fitting_units(seconds: float, words: str) -> None:
    assert left_in_words(seconds) == words
