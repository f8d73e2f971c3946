"""How far a training ended from the reference, and how far rounding alone may take it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.workload.contract import Floats, Parameters

NOTHING = 1e-30  # a change below it is none: some frameworks round such small numbers to zero
MOST = 1e9  # more is no worse


class Deviations(NamedTuple):
    """How far off a training is, relatively; or how far it may be."""

    loss: list[float]  # of each epoch's mean, over the mean or, if that is more, the first one
    parameters: list[float]  # of all, then of each layer's weight: |p - reference| / |its change|
    biases: list[float]  # of each layer; they start at 0, so rounding hides less than in weights


class Outcome(NamedTuple):
    """What came of a training."""

    losses: Sequence[float]  # of each epoch
    parameters: Parameters  # after the last

    @property
    def diverged(self) -> bool:
        """Whether numbers grew beyond what a run can record."""
        arrays = (array for layer in self.parameters for array in layer)
        return not (
            all(loss < MOST for loss in self.losses)
            and all(np.isfinite(array).all() for array in arrays)
        )


def deviations(found: Outcome, expected: Outcome, start: Parameters) -> Deviations:
    """Return how far `found` is from what was expected of training from these parameters."""
    scales = [max(loss, expected.losses[0], NOTHING) for loss in expected.losses]
    losses = zip(found.losses, expected.losses, scales, strict=True)
    layers = list(zip(found.parameters, expected.parameters, start, strict=True))
    off = [[length(a, b) for a, b in zip(mine, theirs, strict=True)] for mine, theirs, _ in layers]
    way = [
        [length(b, c) for b, c in zip(theirs, first, strict=True)] for _, theirs, first in layers
    ]
    weights, biases = np.array(off).T / np.maximum(np.array(way).T, NOTHING)
    everything = np.linalg.norm(off) / np.maximum(np.linalg.norm(way), NOTHING)
    return Deviations(
        [min(MOST, abs(a - b) / scale) for a, b, scale in losses],
        np.minimum(MOST, [everything, *weights]).tolist(),
        np.minimum(MOST, biases).tolist(),
    )


def length(one: Floats, other: Floats) -> float:
    """Return the Euclidean distance of two arrays; float32 ones are subtracted exactly."""
    return float(np.linalg.norm(np.subtract(one, other, dtype=np.float64)))
