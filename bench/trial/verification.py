"""Does a backend compute the specified network? Asked before anything is timed.

eight steps  Two epochs over 3.875 batches (three full ones and a short one, twice), dropout off,
             against NumPy in float64. So few steps keep rounding at 1e-7, while every known mistake
             stands out by an order of magnitude.
full size    One epoch over all training samples, dropout off, loosely against NumPy in float32:
             what shows only with many samples.
dropout      Its masks, as the gradients show them (see bench.trial.dropout_probe).

What is wrong in one of them is not looked for in the next, where it would look like something else.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from bench.results.records import Failed, Flag, Verified
from bench.trial import dropout_probe, reference
from bench.trial.clock import EpochClock, Lap
from bench.trial.failure import BrokenContract, NotFinite, failed_by
from bench.trial.memory import peak_memory_bytes
from bench.trial.reference import Expected, class_indices, equal, flat, wrong_predictions
from bench.workload import SGD, Device, RMSprop, Workload
from bench.workload.contract import Floats, Integers, Layer, Model, Parameters, Samples

EXACT_SHARE = 0.999  # of the parameters that float64, rounded at the end, has right to the last bit


class Limits(NamedTuple):
    """How far eight steps may end from the reference, relatively."""

    loss: float  # of each epoch's mean
    parameters: float  # |parameters - reference| / |reference - start|
    biases: float  # of each layer; they start at 0, so rounding hides less than in the weights


# Correct float32 1e-7, 4.2e-5 and 1e-6; TF32-like products at least 2.6e-5 and 1.6e-4; images that
# are stored in float16 2.8e-5 for the biases.
SHARP = Limits(loss=2e-6, parameters=1e-4, biases=2e-6)
# Where a unit may flip, which happens in one of four workloads of 2,048 units or batches of 512:
# 2.2e-6, 5.3e-4 and 9.7e-4 with SGD, 6.0e-4, 3.2e-2 and 4.7e-2 with RMSprop.
FLIPPING = {SGD: Limits(2e-5, 5e-3, 5e-3), RMSprop: Limits(3e-3, 0.1, 0.15)}


class FullLimits(NamedTuple):
    """How far an epoch at full size may end from the reference, relatively."""

    loss: float
    change: float  # |weight - reference| / |reference - start| of each layer


LENGTH_LIMIT = 0.05  # of each layer's change, from the reference's: correct ones 0.01 at most
# The largest of six correct backends, up to 469 steps: 6e-7 and 7e-6 without ReLUs that flip,
# 9e-6 and 0.008 with them, 0.004 and 0.27 with RMSprop, whose first steps blow up what is tiny.
# Float16 products bring 6e-5, 0.006 and 0.3; samples in another order 0.01, 0.08 and 0.6.
SMOOTH, FLIPPED, RESTLESS = FullLimits(1e-5, 3e-5), FullLimits(1e-3, 0.03), FullLimits(1e-2, 0.45)
MANY_STEPS = 1_000  # after which flips have added up: 15,000 bring 6e-4 and 0.13
LOOSE = FullLimits(1e-2, np.inf)


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
    loss, parameters = loss_deviation(observed, expected), parameter_deviation(observed, expected)
    limits = FLIPPING[type(workload.optimizer)] if expected.may_flip else SHARP
    flags = [*observed.flags, *_judge_eight_steps(observed, expected, limits)]
    if not flags and workload.train_samples > expected.workload.train_samples:
        whole = reference.full_size(workload)
        in_whole = observe(model_type, whole, device)
        flags = [*in_whole.flags, *_judge_full_size(in_whole, whole)]
    return Verified(
        loss_deviation=loss,
        parameter_deviation=parameters,
        loss_limit=limits.loss,
        parameter_limit=limits.parameters,
        flags=tuple(flags),
    )


class Observed(NamedTuple):
    """What a model did."""

    losses: list[float]  # of each epoch
    parameters: Parameters  # when the last epoch was done
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
    wrong = wrong_predictions(classes, test.images, parameters, expected.workload.activation)
    manners = {
        Flag("start parameters", "they are not the given ones"): equal(first, start),
        Flag("copies", "parameters() returns arrays that change later"): equal(first, copies),
        Flag("given arrays", "it writes into them"): equal([*given, samples], [*start, train]),
        Flag("parameters", "they change after the last epoch is reported as done"): (
            equal(_sound(model.parameters(), start), parameters)
        ),
        Flag("predictions", wrong or ""): not wrong,
    }
    return Observed(losses, parameters, [flag for flag, kept in manners.items() if not kept])


def _train(model: Model, expected: Expected) -> tuple[list[float], Parameters, Integers]:
    """Return the loss of each epoch, and the parameters and predictions after the last one."""
    start, _, test, orders = expected.inputs
    laps: list[Lap] = []
    after: list[tuple[Parameters, Integers]] = []

    def lap_done(lap: Lap) -> None:
        laps.append(lap)
        parameters = [Layer(*map(np.copy, layer)) for layer in _sound(model.parameters(), start)]
        after.append((parameters, class_indices(model.predict(test.images), len(test.images))))

    clock = EpochClock(iter(orders), lap_done)
    model.train(clock, clock.epoch_done)
    if len(laps) != len(orders):
        raise BrokenContract(
            f"train returned after {len(laps)} epochs; expected one for each of the "
            f"{len(orders)} orders: see bench/workload/contract.py"
        )
    return [lap.loss for lap in laps], *after[-1]


def _sound(parameters: Parameters, start: Parameters) -> Parameters:
    """Return parameters of the right shapes and precision, all finite; raise if they are not."""
    found = [[(np.shape(array), str(array.dtype)) for array in layer] for layer in parameters]
    expected = [[(array.shape, str(array.dtype)) for array in layer] for layer in start]
    if found != expected:
        raise BrokenContract(
            f"the parameters are {found}; expected weights (in, out) and biases (out,), "
            f"{expected}: see bench/workload/contract.py"
        )
    if not np.isfinite(flat(parameters)).all():
        raise NotFinite("a parameter is not a finite number; expected all to be")
    return parameters


def loss_deviation(found: Observed, expected: Expected) -> float:
    """Return the largest relative deviation of an epoch's mean loss."""
    return max(abs(a - b) / abs(b) for a, b in zip(found.losses, expected.losses, strict=True))


def parameter_deviation(found: Observed, expected: Expected) -> float:
    """Return |parameters - reference| / |reference - start|, Euclidean over all parameters."""
    end, start = flat(expected.parameters), flat(expected.inputs.start)
    return _norm(flat(found.parameters) - end) / _norm(end - start)


def _bias_deviation(found: Observed, expected: Expected) -> float:
    """Return how far the biases of the worst layer are off, relatively."""
    pairs = zip(found.parameters, expected.parameters, strict=True)
    return max(_norm(one.bias - two.bias) / _norm(two.bias) for one, two in pairs)


def _judge_eight_steps(found: Observed, expected: Expected, limits: Limits) -> Iterator[Flag]:
    """Yield what contradicts the reference."""
    measures = (loss_deviation, parameter_deviation, _bias_deviation)
    for check, deviation, limit in zip(limits._fields, measures, limits, strict=True):
        off = deviation(found, expected)
        if not off <= limit:
            yield Flag(check, f"{off:.1e} off after eight steps, limit {limit:.0e}")
    same = np.mean(flat(found.parameters) == flat(expected.parameters).astype(np.float32))
    if same > EXACT_SHARE:
        yield Flag("float64", f"{same:.2%} of the parameters are its results to the last bit")


def _judge_full_size(found: Observed, expected: Expected) -> Iterator[Flag]:
    """Yield what contradicts the reference."""
    limits, loss = _full_limits(expected.workload), loss_deviation(found, expected)
    if not loss <= limits.loss:
        yield Flag("loss at full size", f"{loss:.1e} off, limit {limits.loss:.0e}")
    layers = zip(found.parameters, expected.parameters, expected.inputs.start, strict=True)
    for number, (mine, theirs, start) in enumerate(layers, start=1):
        length = _norm(theirs.weight - start.weight)
        longer = abs(_norm(mine.weight - start.weight) / length - 1)
        change = _norm(mine.weight - theirs.weight) / length
        if not (longer <= LENGTH_LIMIT and change <= limits.change):
            words = f"layer {number} {change:.2g} of its change off, limit {limits.change:g}"
            yield Flag("parameters at full size", words)


def _full_limits(workload: Workload) -> FullLimits:
    restless = isinstance(workload.optimizer, RMSprop)
    if workload.activation != "relu" and not restless:
        return SMOOTH
    if workload.steps > MANY_STEPS:
        return LOOSE
    return RESTLESS if restless else FLIPPED


def _norm(array: Floats) -> float:
    return float(np.linalg.norm(array))
