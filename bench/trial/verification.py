"""Does a backend compute the specified network? Asked before anything is timed.

eight steps  Two epochs over 3.875 batches (three full ones and a short one, twice), dropout off,
             against NumPy in float64. So few steps keep rounding at 1e-7, while every known mistake
             stands out by an order of magnitude.
full size    One epoch over all training samples, dropout off, at so low a learning rate that
             rounding stays small, against NumPy in float32: what shows only with many samples.
dropout      Its masks, as the gradients show them in float32 (see bench.trial.dropout_probe).
precision    Of lower ones than float32, in both: neither more nor less is rounded away.

How far a correct backend may end from the reference is asked of the workload itself: NumPy trains
it once more, coarser than float32 (see bench.trial.rounding), and a multiple of where that ends is
the limit. What is wrong in one check is not looked for in the next, where it would look like
something else.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np

from bench.results.records import Failed, Flag, Verified
from bench.trial import dropout_probe, reference
from bench.trial.clock import EpochClock, Lap
from bench.trial.deviations import MOST, Deviations, Outcome, deviations
from bench.trial.failure import BrokenContract, NotFinite, failed_by
from bench.trial.limits import (
    AT_FULL_SIZE,
    SHARP,
    judge,
    judge_rounding,
    limits_of,
    worst,
)
from bench.trial.memory import peak_memory_bytes
from bench.trial.predictions import class_indices, wrong_predictions
from bench.trial.reference import Expected, equal
from bench.workload import Device, Workload
from bench.workload.contract import Integers, Layer, Model, Parameters, Samples

DRIFT = 5e-8  # of a sum of losses in float32, with every step
ROW_DRIFT = 1.5e-8  # at most, with every row of a batch: equal losses, added up one by one
EXACT_SHARE = 0.999  # of the parameters that float64, rounded at the end, has right to the last bit
EXACT_COUNT = 100  # parameters that moved by more than MOVED of themselves: fewer tell nothing
MOVED = 2.0**-20


def verify(
    model_type: type[Model], workloads: Sequence[Workload], device: Device
) -> Iterator[Verified | Failed]:
    """Yield for each workload how far the model is from the reference, or why it cannot be told."""
    for workload in workloads:
        try:
            verified = _verify(model_type, workload, device)
        except Exception as error:  # costs its workload, not the others
            yield failed_by(error)
        else:
            yield verified


def _verify(model_type: type[Model], workload: Workload, device: Device) -> Verified:
    found = without_dropout(model_type, msgspec.structs.replace(workload, dropout=0.0), device)
    flags = found.flags
    if workload.dropout and not flags:
        flags = dropout_probe.flags(model_type, workload.dropout, device)
    return msgspec.structs.replace(found, flags=flags, peak_memory_bytes=peak_memory_bytes())


@lru_cache(maxsize=4)
def without_dropout(model_type: type[Model], workload: Workload, device: Device) -> Verified:
    """Return how far the model is from the reference; once for workloads that differ in dropout."""
    expected = reference.eight_steps(workload)
    observed = observe(model_type, expected, device)
    found = deviations(observed.outcome, expected.outcome, expected.inputs.start)
    floors = SHARP._replace(loss=max(SHARP.loss, _drift(expected.workload)))
    limits = limits_of(workload, floors, expected.rounding)
    flags = [*observed.flags, *judge(found, limits, when=" after eight steps"),
             *judge_rounding(workload, found, expected.rounding),
             *_judge_precision(observed.outcome, expected)]  # fmt: skip
    if not flags and workload.train_samples > expected.workload.train_samples:
        flags = _at_full_size(model_type, workload, device)
    epoch = worst(found.loss, limits.loss)
    return Verified(
        loss_deviation=found.loss[epoch],
        parameter_deviation=found.parameters[0],
        loss_limit=limits.loss[epoch],
        parameter_limit=limits.parameters[0],
        flags=tuple(flags),
        left_out=_left_out(workload, limits),
    )


def _at_full_size(model_type: type[Model], workload: Workload, device: Device) -> list[Flag]:
    """Return what is wrong in an epoch over all training samples."""
    expected = reference.full_size(workload)
    observed = observe(model_type, expected, device)
    found = deviations(observed.outcome, expected.outcome, expected.inputs.start)
    floors = AT_FULL_SIZE[workload.activation]
    floors = floors._replace(loss=floors.loss + _drift(expected.workload))
    limits = limits_of(workload, floors, expected.rounding)
    return [*observed.flags, *judge(found, limits, size=" at full size"),
            *judge_rounding(workload, found, expected.rounding, size=" at full size")]  # fmt: skip


def _drift(workload: Workload) -> float:
    """Return how far off a mean loss may be, added up in float32 row by row and step by step."""
    rows = min(workload.batch_size, workload.train_samples)
    return max(DRIFT * workload.steps, ROW_DRIFT * rows)


def _left_out(workload: Workload, limits: Deviations) -> str | None:
    """Return in words what cannot be told, and what is too much work to be trained on trial."""
    words = []
    if limits.parameters[0] == MOST:
        words.append("parameters after eight steps: rounding alone leads to quite other ones")
    done = reference.of_full_size(workload).train_samples
    if done < workload.train_samples:
        words.append(
            f"full size: {done:,} of {workload.train_samples:,} images, not to take minutes"
        )
    return "; ".join(words) or None


class Observed(NamedTuple):
    """What a model did."""

    outcome: Outcome
    flags: list[Flag]  # its manners


def observe(model_type: type[Model], expected: Expected, device: Device) -> Observed:
    """Train a model as a trial does, on the inputs of the reference, and watch its manners."""
    start, train, test, _ = expected.inputs
    given = [Layer(*map(np.copy, layer)) for layer in start]
    samples = Samples(train.images.copy(), train.labels.copy())
    model = model_type(expected.workload, given, samples, str(device))
    first = _sound(model.parameters(), start)
    copies = [Layer(*map(np.copy, layer)) for layer in first]
    losses, parameters, classes = _train(model, expected)
    wrong = wrong_predictions(classes, test.images, parameters, expected.workload)
    manners = {
        Flag("start parameters", "they are not the given ones"): equal(first, start),
        Flag("copies", "parameters() returns arrays that change later"): equal(first, copies),
        Flag("given arrays", "it writes into them"): equal([*given, samples], [*start, train]),
        Flag("parameters", "they change after the last epoch is reported as done"): (
            equal(_sound(model.parameters(), start), parameters)
        ),
        Flag("predictions", wrong or ""): not wrong,
    }
    flags = [flag for flag, kept in manners.items() if not kept]
    return Observed(Outcome(losses, parameters), flags)


def _train(model: Model, expected: Expected) -> tuple[list[float], Parameters, Integers]:
    """Return the loss of each epoch, and the parameters and predictions after the last one."""
    start, _, test, orders = expected.inputs
    losses: list[float] = []
    after: list[tuple[Parameters, Integers]] = []

    def lap_done(lap: Lap) -> None:
        losses.append(lap.loss)
        parameters = [Layer(*map(np.copy, layer)) for layer in _sound(model.parameters(), start)]
        after.append((parameters, class_indices(model.predict(test.images), len(test.images))))

    clock = EpochClock(iter(orders), lap_done)
    clock.train(model, len(orders))
    return losses, *after[-1]


def _sound(parameters: Parameters, start: Parameters) -> Parameters:
    """Return parameters of the right shapes and precision, all finite; raise if they are not."""
    found = [[(np.shape(array), str(array.dtype)) for array in layer] for layer in parameters]
    expected = [[(array.shape, str(array.dtype)) for array in layer] for layer in start]
    if found != expected:
        raise BrokenContract(
            f"the parameters are {found}; expected weights (in, out) and biases (out,), "
            f"{expected}: see bench/workload/contract.py"
        )
    if not all(np.isfinite(array).all() for layer in parameters for array in layer):
        raise NotFinite("a parameter is not a finite number; expected all to be")
    return parameters


def _judge_precision(found: Outcome, expected: Expected) -> Iterator[Flag]:
    """Yield a flag if the parameters are those of float64, as far as they moved."""
    moved = same = 0
    arrays = (zip(*layers, strict=True) for layers in zip(
        found.parameters, expected.outcome.parameters, expected.inputs.start, strict=True
    ))  # fmt: skip
    for mine, theirs, start in chain.from_iterable(arrays):
        if theirs.dtype == np.float32:
            return
        far = np.abs(theirs - start) > MOVED * np.abs(start)
        moved += int(np.sum(far))
        same += int(np.sum(mine[far] == theirs[far].astype(np.float32)))
    if moved >= EXACT_COUNT and same > EXACT_SHARE * moved:
        yield Flag(
            "float64", f"{same / moved:.2%} of the parameters are its results to the last bit"
        )
