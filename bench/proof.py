"""The proof: does a backend compute the specified network? Asked before anything is timed.

Two epochs over 496 samples, three full batches and a short one of 112 each: eight steps, with the
variant's own network, optimizer and scaling, against the NumPy backend in float64. So few steps
keep rounding at 1e-7, while every mistake that is known stands out by an order of magnitude
(measured: the table in the README). Dropout cannot be compared step by step, since its masks
differ from framework to framework; what it does on average can (`bench.dropout`).
"""

import importlib
from collections.abc import Iterable

import msgspec
import numpy as np

from bench import dropout
from bench.clock import BrokenContract, EpochClock, Lap
from bench.contract import Floats, Integers, Layer, Model, Parameters, Samples
from bench.inputs import epoch_orders, read_raw, scale, start_parameters
from bench.records import Proved
from bench.workload import Workload

EPOCHS = 2
TRAIN_SAMPLES = 496  # 3 x 128 + 112
TEST_SAMPLES = 500
SEED = 1337
LOSS_LIMIT = 2e-6  # honest float32 1e-7, TF32-like products at least 2.6e-5
PARAMETER_LIMIT = 1e-4  # honest float32 7e-5 at worst, mistakes at least 1.6e-4
CLEAR_MARGIN = 1e-3  # of the best logit over the second: no rounding turns such a prediction


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
    model = model_type(small, [Layer(*map(np.copy, layer)) for layer in start], train, device)
    mistakes = _check_start(model.parameters(), start)
    losses = train_losses(model, small)
    found = model.parameters()
    reference = reference_model(small, start, train)
    expected_losses = train_losses(reference, small)
    expected = reference.parameters()
    mistakes += _check_prediction(model.predict(test.images), test.images, expected, small)
    if workload.dropout:
        seeded = msgspec.structs.replace(small, dropout=workload.dropout)
        mistakes += dropout.mistakes(model_type, seeded, device)
    return Proved(
        loss_deviation=loss_deviation(losses, expected_losses),
        parameter_deviation=parameter_deviation(found, expected, start),
        loss_limit=LOSS_LIMIT,
        parameter_limit=PARAMETER_LIMIT,
        mistakes=tuple(mistakes),
    )


def reference_model(workload: Workload, start: Parameters, train: Samples) -> Model:
    """Return the NumPy backend in float64: its precision follows the parameters."""
    model_type: type[Model] = importlib.import_module("backends.numpy").Model
    wide = [
        Layer(layer.weight.astype(np.float64), layer.bias.astype(np.float64)) for layer in start
    ]
    samples = Samples(train.images.astype(np.float64), train.labels)
    return model_type(workload, wide, samples, "cpu")


def train_losses(model: Model, workload: Workload) -> list[float]:
    """Train a model as a trial does and return the mean loss of each epoch."""
    laps: list[Lap] = []
    clock = EpochClock(epoch_orders(workload), laps.append)
    model.train(clock, clock.epoch_done)
    if len(laps) != workload.epochs:
        raise BrokenContract(
            f"train returned after {len(laps)} epochs; expected one for each of the "
            f"{workload.epochs} orders: see bench/contract.py"
        )
    return [lap.loss for lap in laps]


def loss_deviation(found: Iterable[float], expected: Iterable[float]) -> float:
    """Return the largest relative deviation of an epoch's mean loss."""
    return max(abs(a - b) / abs(b) for a, b in zip(found, expected, strict=True))


def parameter_deviation(found: Parameters, expected: Parameters, start: Parameters) -> float:
    """Return |found - expected| / |expected - start|, Euclidean over all parameters."""
    return float(
        np.linalg.norm(_flat(found) - _flat(expected))
        / np.linalg.norm(_flat(expected) - _flat(start))
    )


def _flat(parameters: Parameters) -> Floats:
    return np.concatenate([array.astype(np.float64).ravel() for one in parameters for array in one])


def _check_start(found: Parameters, start: Parameters) -> list[str]:
    """Return a mistake if a model does not start from exactly the given parameters."""
    shapes = [(layer.weight.shape, layer.bias.shape) for layer in found]
    expected = [(layer.weight.shape, layer.bias.shape) for layer in start]
    if shapes != expected:
        raise BrokenContract(f"the parameters have the shapes {shapes}; expected {expected}")
    if all(np.array_equal(a, b) for one, two in zip(found, start, strict=True)
           for a, b in zip(one, two, strict=True)):  # fmt: skip
        return []
    return ["starts from other parameters than the given ones"]


def _check_prediction(
    classes: Integers, images: Floats, parameters: Parameters, workload: Workload
) -> list[str]:
    """Return a mistake if a clear prediction differs from that of the trained reference."""
    logits = forward(images.astype(np.float64), parameters, workload.activation)
    best = np.sort(logits, axis=1)
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN
    wrong = int(np.sum(np.asarray(classes)[clear] != logits.argmax(axis=1)[clear]))
    if wrong:
        return [f"predicts {wrong} of {int(clear.sum())} clear test images otherwise"]
    return []


def forward(images: Floats, parameters: Parameters, activation: str) -> Floats:
    """Return the logits (samples, 10) of images (samples, 784): an independent, plain forward."""
    values = images
    for weight, bias in parameters[:-1]:
        values = values @ weight + bias
        values = np.maximum(values, 0) if activation == "relu" else 1 / (1 + np.exp(-values))
    weight, bias = parameters[-1]
    return values @ weight + bias
