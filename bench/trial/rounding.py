"""How far rounding alone takes a training: NumPy does it once more, coarser than float32.

Correct backends add up in other orders, so they end at different places: next to each other where
training is calm, far apart where a ReLU's gate flips, where a huge learning rate blows up what is
tiny, or where a tiny one changes weights by less than their last bit. All that follows from the
workload, and is found by doing it: 4 bits of all that is multiplied are lost, so that errors are
some 16 times as large as a backend's, and every gate that rounding might flip is flipped.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from backends._mlp import Network
from bench.trial.deviations import Outcome
from bench.workload import Adam, Workload
from bench.workload.contract import Floats, Integers, Parameters, Samples

LOST = 4  # bits of 24; TF32 loses 13
GATE_MARGIN = 2e-6  # of a pre-activation, over the root mean square of its layer's if that is > 1
OPEN = np.float32(1e-30)  # what comes out of a gate that is forced open
# Keras computes 1 - beta_2**t in float32: the rates of the first steps are up to 7e-6 off.
RATE_ERROR = 1e-5


class _CoarseNumPy:
    """The module numpy, but for its matrix product."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def matmul(left: Floats, right: Floats, out: Floats) -> None:
        """Multiply what is left of both operands when their last bits are rounded away."""
        np.matmul(_rounded(left), _rounded(right), out=out)


def _rounded(values: Floats) -> Floats:
    raw = values.view(np.uint32) + np.uint32(1 << (LOST - 1))
    raw &= np.uint32(0xFFFFFFFF << LOST & 0xFFFFFFFF)
    return raw.view(np.float32)


class _FlippingNetwork(Network):
    """The NumPy backend's network with every gate flipped that is near to it."""

    def _activate(self, values: Floats) -> None:
        if self._workload.activation != "relu":
            super()._activate(values)
            values[:] = _rounded(values)  # of 1 - y, its slope, little is left where y is near 1
            return
        size = np.sqrt(np.mean(np.square(values, dtype=np.float64)))
        near = np.abs(values) < GATE_MARGIN * max(1.0, float(size))
        flipped = np.where(values[near] > 0, 0, OPEN)
        super()._activate(values)
        values[near] = flipped


def coarse(
    workload: Workload, start: Parameters, train: Samples, orders: Iterable[Integers]
) -> Outcome:
    """Train in coarse float32."""
    optimizer = workload.optimizer
    if isinstance(optimizer, Adam):
        rate = optimizer.learning_rate * (1 + RATE_ERROR)
        optimizer = msgspec.structs.replace(optimizer, learning_rate=rate)
    changed = msgspec.structs.replace(workload, optimizer=optimizer)
    network = _FlippingNetwork(_CoarseNumPy(), changed, start)  # type: ignore[arg-type]
    targets = np.eye(workload.widths[-1], dtype=np.float32)[train.labels]
    losses = []
    for order in orders:
        batches = np.split(order, range(workload.batch_size, len(order), workload.batch_size))
        total = sum(float(network.step(train.images[rows], targets[rows])) for rows in batches)
        losses.append(total / len(order))
    return Outcome(losses, network.layers)
