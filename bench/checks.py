"""The self-checks of a run: which rows nobody should believe, and why.

A row without a valid proof is struck through. Every other violation marks its row, by name.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import median, mode
from typing import NamedTuple

from bench.records import Cell, Failed, Floor, Proof, Proved, Run, Trained, Trial
from bench.workload import RMSprop, Workload

SETTLE_SHARE = 0.05  # of an epoch, that the first copy may take longer than an idle one
SETTLE_SECONDS = 0.005  # and that many seconds: Linux may give 4 ms to another process
RUNAWAY = 3.0  # slowest epoch over the median, the first (which compiles) left out
RUNAWAY_SECONDS = 0.02  # below that a single interruption by the system is enough
PHASES_SHARE = 0.95  # of a child's time that the recorded phases must account for
UNACCOUNTED_SECONDS = 0.2  # that may be missing all the same: a process takes time to end
# Seconds to evaluate over those of an epoch, in units of the same share of their products: on the
# CPU nine backends took 0.4 to 1.5. Small sizes are mostly overhead; nothing is known of GPUs.
EVALUATION_RATIO = 3.0
EVALUATION_SECONDS = 0.05
REFERENCE = "numpy"
# Of the rate of one large product. On the CPU neighbours may have disturbed its measurement, and a
# backend may bring a library that multiplies faster than those at hand (XLA, OpenBLAS: 1.45 times).
PEAK_TOLERANCE = {True: 2.0, False: 1.1}


class Tolerance(NamedTuple):
    """How far a trial may be from the others of its round."""

    accuracy: float  # with TEST_SAMPLES of them or more
    loss: float  # as a fraction of the first epoch's mean loss


# Between nine backends on the CPU, 6,000 images and 10 epochs, the largest seen:
ROUNDING = Tolerance(accuracy=0.003, loss=0.001)  # 0.0004 and 2e-5
OTHER_MASKS = Tolerance(accuracy=0.01, loss=0.03)  # 0.0026 and 0.019: relu-dropout
RESTLESS = Tolerance(accuracy=0.03, loss=0.05)  # 0.018 and 0.023: keras-example
TEST_SAMPLES = 5_000


def proof_mistake(proof: Proof | None) -> str | None:
    """Return why a row counts as unproven; None if its proof holds."""
    if proof is None:
        return "not proved: the run ended before its proof"
    result = proof.result
    if isinstance(result, Failed):
        return f"not proved: {result.kind}: {result.reason}"
    if result.holds:
        return None
    return f"not proved: it computes another network ({'; '.join(deviations(result))})"


def deviations(result: Proved) -> list[str]:
    """Return what a proof found wrong, in words."""
    found = list(result.mistakes)
    if not result.loss_deviation <= result.loss_limit:
        found.append(f"loss {result.loss_deviation:.1e} off, limit {result.loss_limit:.0e}")
    if not result.parameter_deviation <= result.parameter_limit:
        found.append(
            f"parameters {result.parameter_deviation:.1e} off, limit {result.parameter_limit:.0e}"
        )
    return found


def trial_mistakes(trained: Trained) -> list[str]:
    """Return the violations of one trial, each starting with its name."""
    found = [
        _settle(trained),
        _learning(trained),
        _runaway([epoch.seconds for epoch in trained.epochs[1:]]),
        _unaccounted(trained),
    ]
    return [mistake for mistake in found if mistake]


def _settle(trained: Trained) -> str | None:
    waited = trained.settle_seconds - trained.idle_copy_seconds
    limit = max(SETTLE_SHARE * median(e.seconds for e in trained.epochs), SETTLE_SECONDS)
    if waited <= limit:
        return None
    return (
        f"clock stopped early: the device worked on for {1000 * waited:.0f} ms "
        "after the last epoch was reported as done"
    )


def _learning(trained: Trained) -> str | None:
    first, last = trained.epochs[0].loss, trained.epochs[-1].loss
    if len(trained.epochs) == 1 or last < first:
        return None
    return f"loss did not fall: {first:.4g} in the first epoch, {last:.4g} in the last"


def _runaway(seconds: Sequence[float]) -> str | None:
    if not seconds or max(seconds) <= max(RUNAWAY * median(seconds), RUNAWAY_SECONDS):
        return None
    return f"epochs ran away: {max(seconds):.3g} s the slowest, {median(seconds):.3g} s the median"


def _unaccounted(trained: Trained) -> str | None:
    missing = trained.total_seconds - accounted_seconds(trained)
    if missing <= max((1 - PHASES_SHARE) * trained.total_seconds, UNACCOUNTED_SECONDS):
        return None
    return (
        f"time unaccounted for: {missing:.3g} s of {trained.total_seconds:.3g} s were spent "
        "outside every recorded phase"
    )


def accounted_seconds(trained: Trained) -> float:
    """Return the sum of the recorded phases of a trial, in seconds."""
    return (
        trained.start_seconds
        + trained.import_seconds
        + trained.data_seconds
        + trained.build_seconds
        + sum(epoch.seconds + epoch.evaluation_seconds for epoch in trained.epochs)
        + (trained.between_seconds or 0.0)
        + trained.check_seconds
    )


def round_mistakes(run: Run) -> dict[Cell, list[str]]:
    """Return what contradicts the other backends of the same round, by row.

    Rows whose proof does not hold are judged, but judge nobody.
    """
    proved = {proof.cell for proof in run.proofs if proof_mistake(proof) is None}
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


def _expected(judges: Sequence[Trial]) -> Expected | None:
    """Return the medians of some trials, None of none."""
    if not judges:
        return None
    epochs = [_trained(judge).epochs for judge in judges]
    losses = tuple(median(epoch.loss for epoch in same) for same in zip(*epochs, strict=True))
    return Expected(median(of_one[-1].accuracy for of_one in epochs), losses)


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
    allowed, mine = tolerance(workload), _trained(trial).epochs
    found = []
    if abs(mine[-1].accuracy - expected.accuracy) > allowed.accuracy:
        found.append(
            f"accuracy disagrees: {mine[-1].accuracy:.4f} in round {trial.round + 1}, "
            f"the others {expected.accuracy:.4f}"
        )
    scale = expected.losses[0]  # later ones may be next to nothing
    for number, (epoch, loss) in enumerate(zip(mine, expected.losses, strict=True), start=1):
        if abs(epoch.loss - loss) > allowed.loss * scale:
            found.append(
                f"loss disagrees: {epoch.loss:.4g} in epoch {number} of round "
                f"{trial.round + 1}, the others {loss:.4g}"
            )
            break
    return found


def _trained(trial: Trial) -> Trained:
    assert isinstance(trial.result, Trained), "only successful trials are compared"
    return trial.result


def _above_peak(run: Run, trial: Trial) -> str | None:
    """Return a mark if an epoch was faster than the device can multiply."""
    peaks = [
        floor.result.peak_flop_per_second
        for floor in run.floors
        if floor.device == trial.cell.device and isinstance(floor.result, Floor)
    ]
    flop = run.workloads[trial.cell.workload].epoch_flop
    rate = flop / min(epoch.seconds for epoch in _trained(trial).epochs)
    if not peaks or rate <= PEAK_TOLERANCE[trial.cell.device == "cpu"] * max(peaks):
        return None
    return (
        f"faster than the device: {rate / 1e9:,.0f} GFLOP/s in an epoch, one large product "
        f"reaches {max(peaks) / 1e9:,.0f}; no clock is that honest"
    )


def _long_evaluation(run: Run, trial: Trial) -> str | None:
    """Return a mark if evaluating took so long that training may be hidden in it."""
    workload, epochs = run.workloads[trial.cell.workload], _trained(trial).epochs
    share = workload.predict_flop * workload.test_samples / workload.epoch_flop
    seconds = median(epoch.seconds for epoch in epochs)
    found = median(epoch.evaluation_seconds for epoch in epochs)
    limit = max(EVALUATION_RATIO * share * seconds, EVALUATION_SECONDS)
    small = workload.test_samples < TEST_SAMPLES
    if small or trial.cell.device != "cpu" or found <= limit:
        return None
    return (
        f"work off the clock: to evaluate took {found:.3g} s, {found / seconds:.2g} of an epoch; "
        f"its products are {share:.2g} of an epoch's"
    )


def _other_inputs(trials: Sequence[Trial]) -> dict[Cell, list[str]]:
    """Return the rows of one contest that were given other inputs than most, NumPy being right."""
    inputs = [_trained(trial).inputs for trial in trials]
    reference = [_trained(trial).inputs for trial in trials if trial.cell.backend == REFERENCE]
    expected = mode(reference or inputs)
    return {
        trial.cell: [f"other inputs: {found}, the others {expected}: it has changed what they are"]
        for trial, found in zip(trials, inputs, strict=True)
        if found != expected
    }


def marks(run: Run) -> Mapping[Cell, list[str]]:
    """Return every violation of every row, each said once; rows without any are absent."""
    found: dict[Cell, dict[str, None]] = {}
    for trial in run.trials:
        if isinstance(trial.result, Trained):
            of_run = [_above_peak(run, trial), _long_evaluation(run, trial)]
            for mistake in [*trial_mistakes(trial.result), *filter(None, of_run)]:
                found.setdefault(trial.cell, {})[f"{mistake} (round {trial.round + 1})"] = None
    compared = [round_mistakes(run), *map(_other_inputs, _contests(run).values())]
    for cell, mistakes in chain.from_iterable(one.items() for one in compared):
        found.setdefault(cell, {}).update(dict.fromkeys(mistakes))
    return {cell: list(mistakes) for cell, mistakes in found.items()}
