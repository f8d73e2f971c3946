"""Do the backends of a round agree? Those that did the same work end at the same accuracy.

Rounding explains a little, and with dropout, whose masks differ, chance explains more.
"""

import math
from collections.abc import Sequence, Set
from statistics import median, mode
from typing import NamedTuple

from bench.records import Cell, Run, Trained, Trial
from bench.workload import RMSprop, Workload

REFERENCE = "numpy"


class Tolerance(NamedTuple):
    """How far a trial may be from the others of its round."""

    accuracy: float  # with TEST_SAMPLES of them or more
    loss: float  # as a fraction of the first epoch's mean loss


# Between nine backends on the CPU, 6,000 images and 10 epochs, the largest seen:
ROUNDING = Tolerance(accuracy=0.003, loss=0.001)  # 0.0004 and 2e-5
OTHER_MASKS = Tolerance(accuracy=0.01, loss=0.03)  # 0.0026 and 0.019: relu-dropout
RESTLESS = Tolerance(accuracy=0.03, loss=0.05)  # 0.018 and 0.023: keras-example
TEST_SAMPLES = 5_000


def round_mistakes(run: Run, proved: Set[Cell]) -> dict[Cell, list[str]]:
    """Return what contradicts the other backends of the same round, by row.

    Rows that are not `proved` are judged, but judge nobody.
    """
    found: dict[Cell, list[str]] = {}
    for trials in _contests(run).values():
        workload = run.workloads[trials[0].cell.workload]
        believed = [one for one in trials if one.cell in proved]
        common = _expected(believed)
        for trial in trials:
            judges = _judges(trial, believed)
            expected = common if judges is believed else _expected(judges)
            if expected:
                found.setdefault(trial.cell, []).extend(_disagreements(trial, expected, workload))
    return {cell: mistakes for cell, mistakes in found.items() if mistakes}


def _judges(trial: Trial, proved: Sequence[Trial]) -> Sequence[Trial]:
    """Return the trials whose median a trial is compared with.

    Of three or more all, itself included, so that one that is wrong cannot make the others look
    wrong. Of two it is the other; but NumPy, whose word is taken in the proof, is not doubted.
    """
    others = [one for one in proved if one is not trial]
    if len(others) == len(proved) or len(proved) >= 3:
        return proved
    return [] if trial.cell.backend == REFERENCE else others


class Expected(NamedTuple):
    """What a trial is compared with: the medians of its judges."""

    accuracy: float  # of the last epoch
    losses: tuple[float, ...]  # of each epoch
    whose: str  # in words


def _expected(judges: Sequence[Trial]) -> Expected | None:
    """Return the medians of some trials, None of none."""
    if not judges:
        return None
    epochs = [trained(judge).epochs for judge in judges]
    losses = tuple(median(epoch.loss for epoch in same) for same in zip(*epochs, strict=True))
    accuracy = median(of_one[-1].accuracy for of_one in epochs)
    whose = (
        "the others" if len(judges) > 1 else judges[0].cell.backend
    )  # which may be the wrong one
    return Expected(accuracy, losses, whose)


def _contests(run: Run) -> dict[tuple[str, int], list[Trial]]:
    """Return the successful trials that did the same work: same workload, same round."""
    contests: dict[tuple[str, int], list[Trial]] = {}
    for trial in run.trials:
        if isinstance(trial.result, Trained):
            contests.setdefault((trial.cell.workload, trial.round), []).append(trial)
    return contests


def tolerance(workload: Workload) -> Tolerance:
    """Return what rounding and chance explain; few test samples make accuracies coarse."""
    found = OTHER_MASKS if workload.dropout else ROUNDING
    if isinstance(workload.optimizer, RMSprop):  # whose first steps blow up what is tiny
        found = RESTLESS
    coarse = max(1.0, math.sqrt(TEST_SAMPLES / workload.test_samples))
    return found._replace(accuracy=found.accuracy * coarse + 1 / workload.test_samples)


def _disagreements(trial: Trial, expected: Expected, workload: Workload) -> list[str]:
    """Compare a trial with the medians of its judges, epoch by epoch."""
    allowed, mine = tolerance(workload), trained(trial).epochs
    found = []
    if abs(mine[-1].accuracy - expected.accuracy) > allowed.accuracy:
        found.append(
            f"accuracy disagrees: {mine[-1].accuracy:.4f} in round {trial.round + 1}, "
            f"{expected.whose} {expected.accuracy:.4f}"
        )
    scale = expected.losses[0]  # later ones may be next to nothing
    for number, (epoch, loss) in enumerate(zip(mine, expected.losses, strict=True), start=1):
        if abs(epoch.loss - loss) > allowed.loss * scale:
            found.append(
                f"loss disagrees: {epoch.loss:.4g} in epoch {number} of round "
                f"{trial.round + 1}, {expected.whose} {loss:.4g}"
            )
            break
    return found


def other_inputs(run: Run) -> dict[Cell, list[str]]:
    """Return the rows that were given other inputs than most of their round, NumPy being right."""
    found: dict[Cell, list[str]] = {}
    for trials in _contests(run).values():
        found.update(_other_inputs(trials))
    return found


def _other_inputs(trials: Sequence[Trial]) -> dict[Cell, list[str]]:
    inputs = [trained(trial).inputs for trial in trials]
    reference = [trained(trial).inputs for trial in trials if trial.cell.backend == REFERENCE]
    expected = mode(reference or inputs)
    return {
        trial.cell: [f"other inputs: {found}, the others {expected}: it has changed what they are"]
        for trial, found in zip(trials, inputs, strict=True)
        if found != expected
    }


def trained(trial: Trial) -> Trained:
    """Return what a successful trial measured."""
    assert isinstance(trial.result, Trained), "only successful trials are compared"
    return trial.result
