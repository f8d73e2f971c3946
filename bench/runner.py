"""The parent of a run: what is to be done, in which order, and saving every outcome at once.

Nothing is measured here. Who runs a job is a parameter, so that planning, order, resuming and
saving are tested without a child.
"""

import datetime
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple, Protocol

import msgspec

from bench.records import (
    Cell,
    Failed,
    Floor,
    FloorOf,
    Moment,
    Proof,
    Proved,
    Run,
    Trained,
    Trial,
)
from bench.worker import Result
from bench.workload import Workload, workload_for


class Step(NamedTuple):
    """What is about to be done."""

    task: Literal["floor", "prove", "train"]
    cell: Cell
    round: int
    library: str | None = None  # that measures a floor; None: it is to find the fastest


class Done(NamedTuple):
    """A step that was done, and the run with its outcome, as it was saved."""

    step: Step
    run: Run


Outcome = tuple[Result, Moment]


class RunStep(Protocol):
    """Whoever does a step: in a child (bench.session), or a fake one in tests."""

    def __call__(self, step: Step) -> Outcome:
        """Do the step; failures are results, nothing is raised but an interruption."""


class RunTogether(Protocol):
    """Whoever does steps in which nothing is timed, some at a time."""

    def __call__(self, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome | None]]:
        """Yield each step with None before it is begun and with its outcome when it is done."""


def plan_cells(
    devices: dict[str, list[str]],
    variants: Sequence[str],
    epochs: int | None,
    train_samples: int | None,
    test_samples: int | None,
) -> tuple[tuple[Cell, ...], dict[str, Workload]]:
    """Return a cell for each backend × device × variant, and the workloads by fingerprint.

    `devices` are those of each backend; sizes of None are the device's defaults.
    """
    cells, workloads = [], {}
    for variant in variants:
        for backend, names in devices.items():
            for device in names:
                workload = workload_for(
                    variant, device, epochs=epochs, train_samples=train_samples,
                    test_samples=test_samples,
                )  # fmt: skip
                workloads[workload.fingerprint] = workload
                cells.append(Cell(backend, device, variant, workload.fingerprint))
    return tuple(cells), workloads


def shuffled(run: Run, round_number: int) -> list[Cell]:
    """Return the cells in the order of a round: random, the same whenever it is asked."""
    cells = list(run.cells)
    random.Random(f"order of round {round_number}").shuffle(cells)
    return cells


def missing_trials(run: Run) -> list[Step]:
    """Return the trials of the planned rounds that have no outcome yet, in their order."""
    done = {(trial.cell, trial.round) for trial in run.trials}
    return [
        Step("train", cell, number)
        for number in range(run.rounds)
        for cell in shuffled(run, number)
        if (cell, number) not in done
    ]


FLOOR_BACKENDS = ("numpy", "torch", "cupy", "jax")  # whose interpreter has a library for it


def missing_floors(run: Run, trials: Sequence[Step]) -> list[Step]:
    """Return the floors that have no outcome yet: one a round for each device and workload.

    `trials` are the missing ones: a round without any is over, and a floor that it lacks (before
    schema 3 only the first had one) cannot be measured any more. The first floor finds the fastest
    library, which measures the others; if it failed, so would they.
    """
    done = {(floor.device, floor.workload, floor.round) for floor in run.floors}
    first = {(floor.device, floor.workload): floor.result for floor in reversed(run.floors)}
    cells: dict[tuple[str, str], list[Cell]] = {}
    for cell in run.cells:
        cells.setdefault((cell.device, cell.workload), []).append(cell)
    needed = dict.fromkeys((*key, 0) for key in cells)
    needed |= dict.fromkeys((step.cell.device, step.cell.workload, step.round) for step in trials)
    steps = []
    for device, workload, number in needed:
        found = first.get((device, workload))
        if (device, workload, number) not in done and not isinstance(found, Failed):
            cell = min(cells[device, workload], key=_has_no_library)
            library = found.library if found else None
            steps.append(Step("floor", cell, number, library))
    return steps


def _has_no_library(cell: Cell) -> bool:
    return not cell.backend.startswith(FLOOR_BACKENDS)


def missing_proofs(run: Run) -> list[Step]:
    """Return the proofs that have no outcome yet."""
    done = {proof.cell for proof in run.proofs}
    return [Step("prove", cell, 0) for cell in run.cells if cell not in done]


def missing(run: Run) -> list[Step]:
    """Return all steps that have no outcome yet, in their order."""
    trials = missing_trials(run)
    rounds = sorted([*missing_floors(run, trials), *trials], key=lambda step: step.round)
    return [*missing_proofs(run), *rounds]


def carry_out(
    run: Run,
    run_step: RunStep,
    save: Callable[[Run], None],
    wants_more: Callable[[Run], bool] = lambda run: False,
    run_together: RunTogether | None = None,
) -> Generator[Step | Done]:
    """Do what is missing of a run: yield every step before it is begun and, saved, when done.

    When all rounds are done and `wants_more` says so, a round is added. Proofs, in which nothing is
    timed, are left to `run_together`, if given.
    """
    while (steps := missing(run)) or wants_more(run):
        if not steps:
            run = msgspec.structs.replace(run, rounds=run.rounds + 1)
            continue
        (task, _), alike = next(groupby(steps, attrgetter("task", "round")))
        together = run_together if task == "prove" else None
        do = together or partial(_one_by_one, run_step)
        for step, outcome in do([*alike]):
            if outcome is None:
                yield step
                started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            else:
                run = with_outcome(run, step, *outcome, started)
                save(run)
                yield Done(step, run)


def _one_by_one(run_step: RunStep, steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome | None]]:
    for step in steps:
        yield step, None
        yield step, run_step(step)


def with_outcome(run: Run, step: Step, result: Result, moment: Moment, started: str) -> Run:
    """Return the run with one more outcome; a result of the wrong kind is a failure."""
    if step.task == "floor":
        measured = result if isinstance(result, Floor | Failed) else _stray(result)
        floor = FloorOf(step.cell.device, step.cell.workload, measured, step.round)
        return msgspec.structs.replace(run, floors=(*run.floors, floor))
    if step.task == "prove":
        proved = result if isinstance(result, Proved | Failed) else _stray(result)
        return msgspec.structs.replace(
            run, proofs=(*run.proofs, Proof(cell=step.cell, result=proved))
        )
    trained = result if isinstance(result, Trained | Failed) else _stray(result)
    trial = Trial(
        cell=step.cell, round=step.round, started=started, moment=moment,
        result=_complete(trained, run.workloads[step.cell.workload]),
    )  # fmt: skip
    return msgspec.structs.replace(run, trials=(*run.trials, trial))


def _stray(result: Result) -> Failed:
    return Failed(kind="no result", reason=f"the child brought a {type(result).__name__}")


def _complete(result: Trained | Failed, workload: Workload) -> Trained | Failed:
    """Return the result, or a failure if epochs are missing or seconds cannot be."""
    if isinstance(result, Failed):
        return result
    if len(result.epochs) != workload.epochs:
        reason = f"{len(result.epochs)} epochs in the result; expected {workload.epochs}"
        return Failed(kind="no result", reason=reason)
    if not all(epoch.seconds > 0 for epoch in result.epochs):
        return Failed(kind="no result", reason="an epoch took no time: the clock cannot be right")
    return result


def failures(run: Run) -> list[Failed]:
    """Return the failures among the outcomes."""
    results = [proof.result for proof in run.proofs] + [trial.result for trial in run.trials]
    return [result for result in results if isinstance(result, Failed)]
