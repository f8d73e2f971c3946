"""The proof: does a backend compute the specified network? Asked before anything is timed.

Two epochs over 496 samples, three full batches and a short one of 112 each: eight steps, with the
variant's own network, optimizer and scaling, against the NumPy backend in float64. So few steps
keep rounding at 1e-7, while every mistake that is known stands out by an order of magnitude
(measured: the table in the README). Dropout cannot be compared step by step, since its masks
differ from framework to framework; what it does on average can (`bench.dropout`).
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from bench import dropout
from bench.clock import BrokenContract, EpochClock, Lap, NotFinite
from bench.contract import Integers, Layer, Model, Parameters, Samples
from bench.inputs import epoch_orders, read_raw, scale, start_parameters
from bench.records import Proved
from bench.reference import class_indices, equal, flat, numpy_model, prediction_mistake
from bench.workload import Workload

EPOCHS = 2
TRAIN_SAMPLES = 496  # 3 x 128 + 112
TEST_SAMPLES = 300
# Of the seeds 0 to 13,700 the one with the largest distance from zero of any pre-activation of the
# float64 reference's ReLUs in all 8 steps: 3.6e-6 for `relu`, 2.6e-6 for `keras-example`. Float32
# moves small ones by at most 1.7e-6 and 4.7e-7: rounding flips no gate. A test says so.
SEED = 6399
LOSS_LIMIT = 2e-6  # honest float32 1e-7, TF32-like products at least 2.6e-5
PARAMETER_LIMIT = 1e-4  # honest float32 7e-5 at worst, mistakes at least 1.6e-4
BIAS_LIMIT = 2e-6  # they start at 0: honest float32 4.5e-7, images stored in float16 2.8e-5
EXACT_SHARE = 0.999  # of the parameters that float64, rounded at the end, has right to the last bit


def proof_workload(workload: Workload) -> Workload:
    """Return the workload of the proof: the variant's, at the proof's sizes, without dropout."""
    return msgspec.structs.replace(
        workload,
        dropout=0.0,
        epochs=EPOCHS,
        train_samples=TRAIN_SAMPLES,
        test_samples=TEST_SAMPLES,
        seed=SEED,
    )


def prove(model_type: type[Model], workload: Workload, device: str) -> Proved:
    """Train a backend's model and the reference side by side and return how far they are apart."""
    small = proof_workload(workload)
    train, test = scale(read_raw(small), small)
    start = start_parameters(small)
    found = observe(model_type, small, Inputs(start, train, test), device)
    expected = observe(numpy_model(), small, _wide(Inputs(start, train, test)), "cpu")
    mistakes = list(found.mistakes)
    mistakes += prediction_mistake(
        found.classes, test.images, expected.parameters, small.activation
    )
    mistakes += _biases(found.parameters, expected.parameters)
    mistakes += _too_exact(found.parameters, expected.parameters)
    proved = Proved(
        loss_deviation=loss_deviation(found.losses, expected.losses),
        parameter_deviation=parameter_deviation(found.parameters, expected.parameters, start),
        loss_limit=LOSS_LIMIT,
        parameter_limit=PARAMETER_LIMIT,
        mistakes=tuple(mistakes),
    )
    if not workload.dropout or not proved.holds:  # what is wrong without it would look like it
        return proved
    dropping = msgspec.structs.replace(small, dropout=workload.dropout)
    more = dropout.mistakes(model_type, dropping, train, device)
    return msgspec.structs.replace(proved, mistakes=tuple(more))


class Inputs(NamedTuple):
    """What a model is given."""

    start: Parameters
    train: Samples
    test: Samples


class Observed(NamedTuple):
    """What a model did with it."""

    losses: list[float]  # of each epoch
    parameters: Parameters  # after the last epoch
    classes: Integers  # of the test images, after the last epoch
    mistakes: list[str]  # in its manners


def observe(model_type: type[Model], workload: Workload, inputs: Inputs, device: str) -> Observed:
    """Train a model as a trial does, predicting after every epoch, and watch its manners."""
    given = [Layer(*map(np.copy, layer)) for layer in inputs.start]
    train = Samples(inputs.train.images.copy(), inputs.train.labels.copy())
    model = model_type(workload, given, train, device)
    first = _sound(model.parameters(), inputs.start)
    mistakes = []
    if not equal(first, inputs.start):
        mistakes.append("starts from other parameters than the given ones")
    copies = [Layer(*map(np.copy, layer)) for layer in first]
    losses, classes = train_losses(model, workload, inputs.test)
    found = _sound(model.parameters(), inputs.start)
    if not equal(first, copies):
        mistakes.append("parameters are views, which change while it trains; expected copies")
    if not equal([*given, train], [*inputs.start, inputs.train]):
        mistakes.append("writes into arrays that it was given")
    return Observed(losses, found, classes, mistakes)


def _sound(parameters: Parameters, start: Parameters) -> Parameters:
    """Return parameters of the right shapes and precision, all finite; raise if they are not."""
    found = [[(np.shape(array), str(array.dtype)) for array in layer] for layer in parameters]
    expected = [[(array.shape, str(array.dtype)) for array in layer] for layer in start]
    if found != expected:
        raise BrokenContract(
            f"the parameters are {found}; expected weights (in, out) and biases (out,), "
            f"{expected}: see bench/contract.py"
        )
    if not np.isfinite(flat(parameters)).all():
        raise NotFinite("a parameter is not a finite number; expected all to be")
    return parameters


def _wide(inputs: Inputs) -> Inputs:
    """Return the inputs in float64."""
    train, test = (Samples(one.images.astype(np.float64), one.labels) for one in inputs[1:])
    start = [Layer(*(array.astype(np.float64) for array in layer)) for layer in inputs.start]
    return Inputs(start, train, test)


def train_losses(model: Model, workload: Workload, test: Samples) -> tuple[list[float], Integers]:
    """Train as a trial does; return the mean loss of each epoch and the last predictions."""
    laps: list[Lap] = []
    predicted: list[Integers] = []

    def lap_done(lap: Lap) -> None:
        laps.append(lap)
        predicted.append(class_indices(model.predict(test.images), len(test.images)))

    clock = EpochClock(epoch_orders(workload), lap_done)
    model.train(clock, clock.epoch_done)
    if len(laps) != workload.epochs:
        raise BrokenContract(
            f"train returned after {len(laps)} epochs; expected one for each of the "
            f"{workload.epochs} orders: see bench/contract.py"
        )
    return [lap.loss for lap in laps], predicted[-1]


def loss_deviation(found: Iterable[float], expected: Iterable[float]) -> float:
    """Return the largest relative deviation of an epoch's mean loss."""
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True))


def parameter_deviation(found: Parameters, expected: Parameters, start: Parameters) -> float:
    """Return |found - expected| / |expected - start|, Euclidean over all parameters."""
    end = flat(expected)
    return float(np.linalg.norm(flat(found) - end) / np.linalg.norm(end - flat(start)))


def _biases(found: Parameters, expected: Parameters) -> list[str]:
    """Return a mistake if biases deviate: little rounding hides there what it hides in weights."""
    pairs = zip(found, expected, strict=True)
    worst = max(
        float(np.linalg.norm(one.bias - two.bias) / np.linalg.norm(two.bias)) for one, two in pairs
    )
    return [] if worst <= BIAS_LIMIT else [f"biases {worst:.1e} off, limit {BIAS_LIMIT:.0e}"]


def _too_exact(found: Parameters, expected: Parameters) -> list[str]:
    """Return a mistake if these can only be float64 results, rounded to float32 at the end."""
    same = np.mean(flat(found) == flat(expected).astype(np.float32))
    if same > EXACT_SHARE:
        return [f"computes in float64: {same:.2%} of the parameters agree to the last bit"]
    return []
