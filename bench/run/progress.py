"""Show a run as it goes: a bar on a terminal, plain lines elsewhere."""

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from bench.results.records import (
    BoundTrial,
    Case,
    Failed,
    GemmBound,
    Run,
    Verification,
    Verified,
)
from bench.run.schedule import BOUND, Awake, Event, Outcome, Saved, missing_groups

TASK = TaskID(0)  # the bar's only one


class Step(NamedTuple):
    """What takes about the same time whenever it is done."""

    stage: str
    who: str
    device: str
    workload: str  # fingerprint


class Estimate:
    """How long what is left will take, from how long the like took."""

    def __init__(self, run: Run) -> None:
        """Count the steps of the rounds that are missing; nothing is known of their time yet."""
        self.done = 0
        self._left: Counter[Step] = Counter()
        self._seconds: dict[Step, list[float]] = defaultdict(list)
        self.plan(run)

    def plan(self, run: Run) -> None:
        """Count again what is left of the run."""
        self._left = Counter()
        for group in missing_groups(run):
            contenders = [(case.backend, case.device) for case in group.cases]
            contenders += [(BOUND, device) for device in group.bounds]
            for who, device in contenders:
                self._left[_step(Awake("start", who, device, group))] += 1
                self._left[_step(Awake("epoch", who, device, group))] += group.turns

    def begun(self, awake: Awake) -> None:
        """Count a step as no longer left."""
        self.done += 1
        self._left[_step(awake)] -= 1

    def took(self, awake: Awake, seconds: float) -> None:
        """Learn how long a step took; in its first turn a framework may compile."""
        if awake.turn != 1:
            self._seconds[_step(awake)].append(seconds)

    @property
    def total(self) -> int:
        """Number of all steps."""
        return self.done + self._left.total()

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the steps left will take; None before both kinds are known."""
        typical = {step: statistics.median(seconds) for step, seconds in self._seconds.items()}
        by_stage: dict[str, list[float]] = defaultdict(list)
        for step, seconds in typical.items():
            by_stage[step.stage].append(seconds)
        if not {"start", "epoch"} <= by_stage.keys():
            return None
        average = {stage: statistics.mean(seconds) for stage, seconds in by_stage.items()}
        left = (
            count * typical.get(step, average[step.stage]) for step, count in self._left.items()
        )
        return max(0.0, sum(left))


def _step(awake: Awake) -> Step:
    assert awake.group is not None, "verifications are not counted"
    return Step(awake.stage, awake.who, str(awake.device), awake.group.workload.fingerprint)


def in_words(seconds: float | None) -> str:
    """Return "about 2 min left" and the like; nothing if nothing is left, or known."""
    if not seconds:
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def show(
    events: Iterable[Event],
    run: Run,
    console: Console,
    clock: Callable[[], float] = time.monotonic,
) -> Run:
    """Show the events of a run and return the run as it ended."""
    estimate, awake, since = Estimate(run), None, clock()
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
                left, words = in_words(estimate.seconds_left), escape(title(event, run))
                done, total = estimate.done, estimate.total
                bar.update(TASK, description=words, completed=done, total=total, left=left)
                awake, since = event, clock()
            else:
                left = "" if console.is_terminal else in_words(estimate.seconds_left)
                line = f"{_name(event, run)}: {in_short(event)}{left and f' ({left})'}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
    return run


def _bar(console: Console) -> Progress:
    """Return a bar that says who is at work; away from a terminal nothing is drawn."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    # One refresh a second: what the parent does is taken from the children's cores.
    bar = Progress(
        *columns, console=console, refresh_per_second=1, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    bar.add_task("", total=None, left="")
    return bar


def _name(outcome: Outcome, run: Run) -> str:
    """Return whose outcome it is."""
    if isinstance(outcome, BoundTrial):
        case = Case(BOUND, outcome.device, outcome.workload)
    else:
        case = outcome.case
    stage = "verification"
    if not isinstance(outcome, Verification):
        stage = f"round {outcome.round + 1}"
    return f"{stage}  {case.backend} · {case.device} · {run.workloads[case.workload].variant}"


def in_short(outcome: Outcome) -> str:
    """Return an outcome in one line."""
    result = outcome.result
    if isinstance(result, Failed):
        return f"FAILED: {result}"
    if isinstance(result, GemmBound):
        seconds = statistics.median(result.epoch_seconds)
        return f"{seconds:.4g} s/epoch in matrix products alone ({result.library})"
    flags = f"FLAGGED: {'; '.join(map(str, result.flags))}" if result.flags else ""
    if isinstance(result, Verified):
        return flags or "verified"
    later = [epoch.seconds for epoch in result.epochs[1:]] or [result.epochs[0].seconds]
    speed = f"{statistics.median(later):.4g} s/epoch, accuracy {result.epochs[-1].accuracy:.4f}"
    return "; ".join(filter(None, [speed, flags]))


def title(awake: Awake, run: Run) -> str:
    """Return who is at work in a few words."""
    group = awake.group
    if group is None:
        return f"verification  {awake.who} · {awake.device}"
    what = f"turn {awake.turn}/{group.turns}" if awake.turn else "starting"
    where = f"{awake.who} · {awake.device} · {group.workload.variant}"
    return f"round {group.round + 1}/{run.rounds}  {what}  {where}"
