"""What the harness itself computes to judge a backend: the NumPy backend, a plain forward pass."""

import importlib
from collections.abc import Iterable

import numpy as np

from bench.clock import BrokenContract
from bench.contract import Floats, Integers, Model, Parameters

Arrays = Iterable[Floats | Integers]

CLEAR_MARGIN = 1e-3  # of the best logit over the second: no rounding turns such a prediction


def numpy_model() -> type[Model]:
    """Return the model of the NumPy backend; its precision follows the parameters."""
    model_type: type[Model] = importlib.import_module("backends.numpy").Model
    return model_type


def forward(images: Floats, parameters: Parameters, activation: str) -> Floats:
    """Return the logits (samples, 10) of images (samples, 784): an independent, plain forward."""
    values = images
    for weight, bias in parameters[:-1]:
        values = values @ weight + bias
        values = np.maximum(values, 0) if activation == "relu" else 1 / (1 + np.exp(-values))
    weight, bias = parameters[-1]
    return values @ weight + bias


def class_indices(predicted: Integers, samples: int) -> Integers:
    """Return what predict returned if it is one class index a sample; else raise BrokenContract."""
    classes = np.asarray(predicted)
    if classes.shape != (samples,) or not np.issubdtype(classes.dtype, np.integer):
        raise BrokenContract(
            f"predict returned {classes.dtype} of shape {classes.shape}; expected class indices, "
            f"integers of shape {(samples,)}: see bench/contract.py"
        )
    return classes


def prediction_mistake(
    predicted: Integers, images: Floats, parameters: Parameters, activation: str
) -> list[str]:
    """Return a mistake if a clear prediction differs from what the parameters say."""
    classes = class_indices(predicted, len(images))
    logits = forward(images, parameters, activation)
    best = np.sort(logits, axis=1)
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN
    wrong = int(np.sum(classes[clear] != logits.argmax(axis=1)[clear]))
    if wrong:
        return [f"predicts {wrong} of {int(clear.sum())} clear test images otherwise"]
    return []


def equal(found: Iterable[Arrays], expected: Iterable[Arrays]) -> bool:
    """Return whether all arrays are the same to the last bit."""
    return all(
        np.array_equal(one, two)
        for layers in zip(found, expected, strict=True)
        for one, two in zip(*layers, strict=True)
    )


def flat(parameters: Iterable[Arrays]) -> Floats:
    """Return all parameters in one vector, float64."""
    return np.concatenate([np.ravel(a).astype(np.float64) for layer in parameters for a in layer])
