"""Show a run as it goes: a bar on a terminal, plain lines elsewhere."""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from bench.records import Cell, Failed, Floor, FloorOf, Proof, Proved, Run, Trained, Trial
from bench.runner import Done, Step, missing


class Estimate:
    """How long what is left will take, from how long the like took."""

    def __init__(self) -> None:
        """Start without knowing anything."""
        self._seconds: dict[tuple[str, Cell], list[float]] = defaultdict(list)

    def add(self, step: Step, seconds: float) -> None:
        """Learn how long a step took."""
        self._seconds[step.task, step.cell].append(seconds)

    def left(self, steps: Iterable[Step]) -> float | None:
        """Return the seconds that the steps will take; None before anything is known."""
        if not self._seconds:
            return None
        typical = {key: statistics.median(seconds) for key, seconds in self._seconds.items()}
        average = statistics.mean(typical.values())
        return sum(typical.get((step.task, step.cell), average) for step in steps)


def in_words(seconds: float | None) -> str:
    """Return "about 2 min left" and the like."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def show(events: Iterable[Step | Done], run: Run, console: Console) -> Run:
    """Show the events of a run and return the run as it ended."""
    estimate = Estimate()
    begun: dict[Step, float] = {}
    with _display(console) as display:
        for event in events:
            if isinstance(event, Step):
                begun[event] = time.monotonic()
                display.begun(event, _place(run, estimate))
            else:
                run = event.run
                estimate.add(event.step, time.monotonic() - begun[event.step])
                display.ended(event.step, _place(run, estimate), outcome_in_words(run, event.step))
    return run


class Place(NamedTuple):
    """How far a run is."""

    done: int  # steps
    total: int
    left: str  # in words


def _place(run: Run, estimate: Estimate) -> Place:
    left = missing(run)
    done = len(run.floors) + len(run.proofs) + len(run.trials)
    return Place(done, done + len(left), in_words(estimate.left(left)) if left else "")


def outcome_in_words(run: Run, step: Step) -> str:
    """Return what came of the latest step in one line."""
    latest: dict[str, Sequence[FloorOf | Proof | Trial]] = {
        "floor": run.floors,
        "prove": run.proofs,
        "train": run.trials,
    }
    result = latest[step.task][-1].result
    if isinstance(result, Failed):
        return f"FAILED: {result.kind}: {result.reason}"
    if isinstance(result, Proved):
        return "proved" if result.holds else "NOT PROVED: it computes another network"
    if isinstance(result, Floor):
        return f"{result.epoch_seconds:.4g} s/epoch in matrix products alone ({result.library})"
    assert isinstance(result, Trained)
    later = [epoch.seconds for epoch in result.epochs[1:]] or [result.epochs[0].seconds]
    return f"{statistics.median(later):.4g} s/epoch, accuracy {result.epochs[-1].accuracy:.4f}"


def title(step: Step) -> str:
    """Return what a step does in a few words."""
    cell = step.cell
    if step.task == "floor":
        return f"round {step.round + 1}  floor · {cell.device} · {cell.variant}"
    what = "proof  " if step.task == "prove" else f"round {step.round + 1}"
    return f"{what}  {cell.backend} · {cell.device} · {cell.variant}"


class _Lines:
    """Plain lines, one for each step."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begun(self, step: Step, place: Place) -> None:
        """Say nothing: the line comes when the step has ended."""

    def ended(self, step: Step, place: Place, outcome: str) -> None:
        left = f" ({place.left})" if place.left else ""
        line = f"[{place.done}/{place.total}] {title(step)}: {outcome}{left}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _Bar:
    """A bar that says what runs, and a line above it for each outcome."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def begun(self, step: Step, place: Place) -> None:
        self._progress.update(
            self._task, completed=place.done, total=place.total,
            description=escape(title(step)), left=place.left, refresh=True,
        )  # fmt: skip

    def ended(self, step: Step, place: Place, outcome: str) -> None:
        self._progress.console.print(escape(f"{title(step)}: {outcome}"), highlight=False)
        self._progress.update(self._task, completed=place.done, left=place.left)


@contextmanager
def _display(console: Console) -> Iterator[_Lines | _Bar]:
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    # One refresh a second: what the parent does is taken from the children's cores.
    with Progress(*columns, console=console, refresh_per_second=1, transient=True) as progress:
        yield _Bar(progress, progress.add_task("", total=None, left=""))
