"""How far rounding alone takes a training: NumPy does it once more, coarser than float32.

Correct backends add up in other orders, so they end at different places: next to each other where
training is calm, far apart where a ReLU's gate flips, where a huge learning rate blows up what is
tiny, or where a tiny one changes weights by less than their last bit. All that follows from the
workload, and is found by doing it: 4 bits of all that is multiplied are lost, so that errors are
some 16 times as large as a backend's, and every gate that rounding might flip is flipped. Chance
has a part in it, so it may be done once more, with 3 bits lost.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from backends._mlp import Network
from bench.trial.deviations import Outcome
from bench.workload import Adam, Workload
from bench.workload.contract import Floats, Integers, Parameters, Samples

LOST = 4  # bits of 24
LOST_IN = {"tf32": 13, "bfloat16": 16}  # of 24, of the operands of products
GATE_MARGIN = 2e-6  # of a pre-activation, over the root mean square of its layer's if that is > 1
OPEN = np.float32(1e-30)  # what comes out of a gate that is forced open
# Keras computes 1 - beta_2**t in float32: the rates of the first steps are 7e-6 too low.
RATE_ERROR = -1e-5


class _CoarseNumPy:
    """The module numpy, but for its matrix product."""

    def __init__(self, lost: int) -> None:
        self.lost = lost

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def matmul(self, left: Floats, right: Floats, out: Floats) -> None:
        """Multiply what is left of both operands when their last bits are rounded away."""
        np.matmul(self.rounded(left), self.rounded(right), out=out)

    def rounded(self, values: Floats) -> Floats:
        """Return what is left of float32 when its last bits are rounded away."""
        raw = values.view(np.uint32) + np.uint32(1 << (self.lost - 1))
        raw &= np.uint32(0xFFFFFFFF << self.lost & 0xFFFFFFFF)
        return raw.view(np.float32)


class _FlippingNetwork(Network):
    """The NumPy backend's network with every gate flipped that is near to it."""

    def __init__(self, lost: int, workload: Workload, parameters: Parameters) -> None:
        self._coarse = _CoarseNumPy(lost)
        super().__init__(self._coarse, workload, parameters)  # type: ignore[arg-type]

    def _activate(self, values: Floats) -> None:
        if self._workload.activation != "relu":
            super()._activate(values)
            # Of 1 - y, its slope, little is left where y is near 1.
            values[:] = self._coarse.rounded(values)
            return
        size = np.sqrt(np.mean(np.square(values, dtype=np.float64)))
        near = np.abs(values) < GATE_MARGIN * max(1.0, float(size))
        flipped = np.where(values[near] > 0, 0, OPEN)
        super()._activate(values)
        values[near] = flipped


def emulated(
    workload: Workload, start: Parameters, train: Samples, orders: Iterable[Integers]
) -> Outcome:
    """Train with the operands of all products rounded to the workload's precision."""
    network = Network(_CoarseNumPy(LOST_IN[workload.precision]), workload, start)  # type: ignore[arg-type]
    return _trained(network, workload, train, orders)


def coarse(
    workload: Workload,
    start: Parameters,
    train: Samples,
    orders: Iterable[Integers],
    lost: int = LOST,
) -> Outcome:
    """Train in coarse float32."""
    optimizer = workload.optimizer
    if isinstance(optimizer, Adam):
        rate = optimizer.learning_rate * (1 + RATE_ERROR)
        optimizer = msgspec.structs.replace(optimizer, learning_rate=rate)
    changed = msgspec.structs.replace(workload, optimizer=optimizer)
    return _trained(_FlippingNetwork(lost, changed, start), workload, train, orders)


def _trained(
    network: Network, workload: Workload, train: Samples, orders: Iterable[Integers]
) -> Outcome:
    targets = np.eye(workload.widths[-1], dtype=np.float32)[train.labels]
    losses = []
    for order in orders:
        batches = np.split(order, range(workload.batch_size, len(order), workload.batch_size))
        total = sum(float(network.step(train.images[rows], targets[rows])) for rows in batches)
        losses.append(total / len(order))
    return Outcome(losses, network.layers)
