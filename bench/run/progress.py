"""Show a run as it goes: a bar on a terminal, plain lines elsewhere."""

import statistics
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Column

from bench.results.jobs import INFERENCE_TURNS
from bench.results.quantities import counted
from bench.results.records import BoundTrial, Case, Failed, GemmBound, Run, Verification, Verified
from bench.run.estimate import Estimate
from bench.run.groups import BOUND
from bench.run.schedule import Awake, Event, Outcome, Saved
from bench.workload import Device

TASK = TaskID(0)  # the bar's only one
BAR_WIDTH = 10  # columns: who is at work needs them more
QUIET_SECONDS = 60.0  # away from a terminal, between two signs of life


def left_in_words(seconds: float) -> str:
    """Return "about 2 min left" and the like; nothing if nothing is left."""
    return f"{in_words(seconds)} left" if seconds else ""


def in_words(seconds: float) -> str:
    """Return "about 2 min" and the like."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def show(
    events: Iterable[Event],
    run: Run,
    console: Console,
    clock: Callable[[], float] = time.monotonic,
) -> Run:
    """Show the events of a run and return the run as it ended."""
    estimate, awake, since = Estimate(run), None, clock()
    heard = since  # when a line was last printed

    def say(line: str) -> None:
        nonlocal heard
        heard = since
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    with _bar(console) as bar:
        for event in events:
            if awake and awake.group:
                estimate.took(awake, clock() - since)
            awake = None
            if isinstance(event, Saved):
                run = event.run
                estimate.plan(run)
            elif isinstance(event, Awake):
                if event.group:
                    estimate.begun(event)
                left = left_in_words(estimate.seconds_left) if event.group else ""
                words = title(event, run)
                done, total = estimate.done, estimate.total
                bar.update(TASK, description=escape(words), completed=done, total=total, left=left)
                awake, since = event, clock()
                if not console.is_terminal and since - heard >= QUIET_SECONDS:
                    say(f"{words} …{left and f' ({left})'}")
            else:
                is_told = console.is_terminal or isinstance(event, Verification)
                left = "" if is_told else left_in_words(estimate.seconds_left)
                say(f"{_name(event, run)}: {in_short(event)}{left and f' ({left})'}")
    return run


def _bar(console: Console) -> Progress:
    """Return a bar that says who is at work; away from a terminal nothing is drawn."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
        BarColumn(BAR_WIDTH),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    # One refresh a second: what the parent does is taken from the children's cores.
    bar = Progress(
        *columns, console=console, refresh_per_second=1, transient=True, expand=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    bar.add_task("", total=None, left="")
    return bar


def _name(outcome: Outcome, run: Run) -> str:
    """Return whose outcome it is."""
    if isinstance(outcome, BoundTrial):
        case = Case(BOUND, outcome.device, outcome.workload, outcome.threads)
    else:
        case = outcome.case
    stage = "verification"
    if not isinstance(outcome, Verification):
        stage = f"round {outcome.round + 1}"
    where = _where(case.device, case.threads)
    return f"{stage}  {case.backend} · {where} · {run.workloads[case.workload].variant}"


def _where(device: Device, threads: int | None) -> str:
    return f"{device} · {counted(threads, 'thread')}" if threads else str(device)


def in_short(outcome: Outcome) -> str:
    """Return an outcome in one line."""
    result = outcome.result
    if isinstance(result, Failed):
        return result.reason if result.kind == "no library" else f"FAILED: {result}"
    if isinstance(result, GemmBound):
        seconds = statistics.median(result.epoch_seconds)
        return f"{seconds:.4g} s/epoch in matrix products alone ({result.library})"
    flags = f"FLAGGED: {'; '.join(map(str, result.flags))}" if result.flags else ""
    if isinstance(result, Verified):
        return flags or "verified"
    seconds = statistics.median(result.timed_seconds)
    speed = f"{seconds:.4g} s/epoch, accuracy {result.epochs[-1].accuracy:.4f}"
    return "; ".join(filter(None, [speed, flags]))


def title(awake: Awake, run: Run) -> str:
    """Return who is at work in a few words."""
    group = awake.group
    if group is None:
        return f"verification  {awake.who} · {awake.device}"
    beginning = "starting" if awake.stage == "start" else "building"
    what = f"turn {awake.turn}/{group.turns}" if awake.turn else beginning
    if awake.stage == "inference":
        what = f"inference {awake.turn - group.turns}/{INFERENCE_TURNS}"
    work = group.work(awake.precision).variant
    where = f"{awake.who} · {_where(awake.device, awake.threads)} · {work}"
    return f"round {group.round + 1}/{run.rounds}  {what}  {where}"
