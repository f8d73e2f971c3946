"""Flags: which rows of a run nobody should believe, and why.

A flag is about the work that was done, never about the moment: a slow epoch, a busy neighbour or a
long evaluation moves an interval and may be worth a warning, but flags nothing.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from statistics import median, mode
from typing import NamedTuple

import msgspec

from bench.results.records import Case, Epoch, Failed, Flag, Run, Trained, Verification
from bench.workload import SGD, Device, Workload

Contest = Mapping[Case, Trained]  # the trials of one workload and round
Found = tuple[Case, Flag]

REFERENCE = "numpy"
TELLING_EPOCHS = 10  # so many tell small times from a busy machine's, and from a framework's first
TEST_SAMPLES = 5_000  # fewer make accuracies coarse


class IdleLimit(NamedTuple):
    """By how much copying from a device may take longer than copying from an idle one."""

    seconds: float
    share: float  # of an epoch, if that is more


# With TELLING_EPOCHS on the CPU: honest backends -0.0001 s at most, as caches are colder after an
# evaluation; of 24 trials beside two busy loops one 0.0014 s, all others below -0.0003 s. One that
# left the last update for later, in epochs of 0.2 to 0.3 s: 0.0022 to 0.0049 s over a copy with
# warm caches, which is up to 0.0012 s shorter. Of accelerators nothing is known.
ON_CPU = IdleLimit(seconds=0.0015, share=0.005)
ON_ACCELERATOR = IdleLimit(seconds=0.005, share=0.05)  # some frameworks copy from them only once
# Beside two busy loops on two cores, Keras on TensorFlow took 0.014 to 0.035 s longer for the first
# copy in each of its first three epochs of 0.6 s.
FEW_EPOCHS = IdleLimit(seconds=0.04, share=0.1)


class Tolerance(NamedTuple):
    """How far a trial may be from the others of its round."""

    accuracy: float  # with TEST_SAMPLES of them or more
    loss: float  # as a fraction of the first epoch's mean loss


# Between nine backends on the CPU, 6,000 images and 10 epochs, the largest seen:
ROUNDING = Tolerance(accuracy=0.003, loss=0.001)  # 0.0004 and 2e-5
OTHER_MASKS = Tolerance(accuracy=0.01, loss=0.03)  # 0.0026 and 0.019: relu-dropout
# In bfloat16 0.0008 and 3e-4, with dropout 0.0022 and 0.010, between seven backends.
LOWER_PRECISION = Tolerance(accuracy=0.01, loss=0.03)
RESTLESS = Tolerance(accuracy=0.03, loss=0.05)  # 0.018 and 0.023: keras-example
# Of so many steps in an epoch; the more there are, the farther rounding leads: with 750 (batches of
# 8) eight backends were 0.0008 and 1.1e-3 apart.
USUAL_STEPS = 47


def flags(run: Run) -> dict[Case, tuple[Flag, ...]]:
    """Return all flags of each row, each once; rows without any are absent."""
    verifications = {verification.case: verification for verification in run.verifications}
    found = {case: _unverified(verifications.get(case)) for case in run.cases}
    verified = {case for case, some in found.items() if not some}
    for fingerprint, contests in _contests(run).items():
        inputs = _inputs_of_most(contests.values())
        for number, contest in contests.items():
            alone = _each_alone(contest, inputs)
            together = _each_beside_others(contest, verified, run.workloads[fingerprint])
            for case, flag in chain(alone, together):
                found[case].append(Flag(flag.check, f"{flag.found} (round {number + 1})"))
        for case in dict.fromkeys(chain.from_iterable(contests.values())):
            trials = [contest[case].epochs for contest in contests.values() if case in contest]
            found[case] += filter(None, [device_idle(trials, case.device)])
    for case, flag in _unlike_float32(run):
        found[case].append(flag)
    return {case: tuple(dict.fromkeys(some)) for case, some in found.items() if some}


def _unlike_float32(run: Run) -> Iterator[Found]:
    """Yield the rows of a lower precision that learn less than the same backend in float32 did.

    In the same round: inputs are the same.
    """
    ends = {(trial.case, trial.round): trial.result.epochs[-1].accuracy
            for trial in run.trials if isinstance(trial.result, Trained)}  # fmt: skip
    for (case, number), accuracy in ends.items():
        workload = run.workloads[case.workload]
        if workload.precision == "float32":
            continue
        exact = msgspec.structs.replace(workload, precision="float32").fingerprint
        sibling = ends.get((msgspec.structs.replace(case, workload=exact), number), accuracy)
        if accuracy < sibling - tolerance(workload).accuracy:
            found = f"{accuracy:.4f}, its float32 {sibling:.4f} (round {number + 1})"
            yield case, Flag("accuracy", found)


def _unverified(verification: Verification | None) -> list[Flag]:
    if verification is None:
        return [Flag("verification", "missing: the run ended before it")]
    if isinstance(verification.result, Failed):
        return [Flag("verification", f"failed ({verification.result})")]
    return [Flag("verification", str(flag)) for flag in verification.result.flags]


def _contests(run: Run) -> dict[str, dict[int, dict[Case, Trained]]]:
    """Return the successful trials that did the same work, by workload and round."""
    contests: dict[str, dict[int, dict[Case, Trained]]] = {}
    for trial in run.trials:
        if isinstance(trial.result, Trained):
            rounds = contests.setdefault(trial.case.workload, {})
            rounds.setdefault(trial.round, {})[trial.case] = trial.result
    return contests


def _inputs_of_most(contests: Iterable[Contest]) -> str:
    """Return the inputs that the trials of all rounds of a workload should have been given.

    They are those of most trials, or of NumPy's, which cannot have changed them.
    """
    trials = [trial for contest in contests for trial in contest.items()]
    reference = [trained.inputs for case, trained in trials if case.backend == REFERENCE]
    return mode(reference or [trained.inputs for _, trained in trials])


def _each_alone(contest: Contest, inputs: str) -> Iterator[Found]:
    """Yield what was found in each trial, whatever the others measured."""
    for case, trained in contest.items():
        for flag in (*trained.flags, *filter(None, [falling_loss(trained.epochs)])):
            yield case, flag
        if trained.inputs != inputs:
            yield case, Flag("inputs", f"{trained.inputs}, unlike the others' {inputs}")


def device_idle(trials: Sequence[Sequence[Epoch]], device: Device) -> Flag | None:
    """Return a flag if the device was still at work when the clock stopped, in a row's trials.

    Then the copy of the parameters right afterwards waits for it, in every epoch of every round,
    and the one after the evaluation does not; a busy machine delays either, in some.
    """
    waited = median(map(_waited, trials))
    limit = ON_CPU if device.is_cpu else ON_ACCELERATOR
    if len(trials[0]) < TELLING_EPOCHS:
        limit = FEW_EPOCHS
    seconds = median(epoch.seconds for epoch in chain.from_iterable(trials))
    if waited <= max(limit.seconds, limit.share * seconds):
        return None
    return Flag("device idle", f"still at work for {1000 * waited:.2g} ms after the clock stopped")


def _waited(epochs: Sequence[Epoch]) -> float:
    """Return how much longer than idle ones the first copies took: low quartile less high one."""
    first = sorted(epoch.copy_seconds for epoch in epochs)
    idle = sorted(epoch.idle_copy_seconds for epoch in epochs)
    quarter = len(epochs) // 4
    return first[quarter] - idle[-1 - quarter]


def falling_loss(epochs: Sequence[Epoch]) -> Flag | None:
    """Return a flag if the loss did not fall from the first epoch to the last."""
    first, last = epochs[0].loss, epochs[-1].loss
    if len(epochs) == 1 or last < first:
        return None
    return Flag("falling loss", f"{first:.4g} in the first epoch, {last:.4g} in the last")


class Expected(NamedTuple):
    """What a trial is compared with: the medians of its judges."""

    accuracy: float  # of the last epoch
    losses: tuple[float, ...]  # of each epoch
    whose: str  # in words


def _each_beside_others(
    contest: Contest, verified: Set[Case], workload: Workload
) -> Iterator[Found]:
    """Yield what contradicts the other backends: same work ends with same losses and accuracy.

    A trial is compared with the median of three or more verified ones, itself included, so that one
    that is wrong cannot make the others look wrong. Of two verified ones it is compared with the
    other; but NumPy, which verification relies on, is not doubted.
    """
    believed = {case: trained for case, trained in contest.items() if case in verified}
    common = _expected(believed)
    for case, trained in contest.items():
        expected = common
        if case in believed and len(believed) < 3:
            others = {other: one for other, one in believed.items() if other != case}
            expected = None if case.backend == REFERENCE else _expected(others)
        if expected:
            yield from ((case, flag) for flag in _disagreements(trained, expected, workload))


def _expected(judges: Contest) -> Expected | None:
    if not judges:
        return None
    epochs = [judge.epochs for judge in judges.values()]
    losses = tuple(median(epoch.loss for epoch in same) for same in zip(*epochs, strict=True))
    accuracy = median(of_one[-1].accuracy for of_one in epochs)
    alone = f"{next(iter(judges)).backend}'s"  # which may be the wrong one
    return Expected(accuracy, losses, "the others'" if len(judges) > 1 else alone)


def _disagreements(trained: Trained, expected: Expected, workload: Workload) -> Iterator[Flag]:
    """Compare a trial with its judges; of its losses the first that differs is named."""
    allowed, accuracy = tolerance(workload), trained.epochs[-1].accuracy
    if abs(accuracy - expected.accuracy) > allowed.accuracy:
        found = f"{accuracy:.4f}, unlike {expected.whose} {expected.accuracy:.4f}"
        yield Flag("accuracy", found)
    scale = expected.losses[0]  # later ones may be next to nothing
    pairs = zip(trained.epochs, expected.losses, strict=True)
    for number, (epoch, loss) in enumerate(pairs, start=1):
        if abs(epoch.loss - loss) > allowed.loss * scale:
            found = f"{epoch.loss:.4g} in epoch {number}, unlike {expected.whose} {loss:.4g}"
            yield Flag("losses", found)
            return


def tolerance(workload: Workload) -> Tolerance:
    """Return what rounding and chance explain; few test samples make accuracies coarse."""
    found = OTHER_MASKS if workload.dropout else ROUNDING
    if workload.precision != "float32":
        found = LOWER_PRECISION
    if not isinstance(workload.optimizer, SGD):  # their first steps blow up what is tiny
        found = RESTLESS
    coarse = max(1.0, math.sqrt(TEST_SAMPLES / workload.test_samples))
    loss = found.loss * max(1.0, workload.steps / USUAL_STEPS)
    return Tolerance(found.accuracy * coarse + 1 / workload.test_samples,
                     min(loss, RESTLESS.loss))  # fmt: skip
