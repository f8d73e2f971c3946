"""Was a trial what it claims to be? The harness trains epochs of it again, itself, and compares.

The proof is short, and a backend knows when it is proved: the sizes tell. So in every trial, when
all is measured, the NumPy backend starts from the parameters that the model had before an epoch:
the last one, and one that is drawn, for nobody may know which epochs are looked at. Without
dropout it must arrive where the model did, but for rounding, which a few ReLU gates that flip make
larger. With dropout the masks differ: then the loss must agree roughly, the weights of each layer
must have changed by as much as those of the reference, and to two references with masks of their
own they must be as far as those are to each other: other rates and masks that are shared lie
farther away, and units that are not dropped nearer.
RMSprop remembers gradients, which nobody tells: the reference first trains on the batches before
that epoch, to have some to remember, and only then takes the model's parameters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from backends._mlp import Network
from bench.contract import Floats, Integers, Layer, Parameters, Samples
from bench.reference import flat
from bench.workload import RMSprop, Workload

# |loss - reference's| / loss of the first epoch (a late loss may be next to nothing, and chance),
# by whether anything is left to chance: honest 2e-6 and, in 180 trials, 0.012; a learning rate that
# is 1 % off 1e-4 (sigmoid) and 2.8e-4 (ReLU).
LOSS_LIMIT = {False: 5e-5, True: 0.05}
# |change - reference's| / |reference's|, without dropout: honest 6e-3 and 1e-5, float16 6e-3 and
# 1.8e-4 (with ReLU both flip gates), a learning rate 1 % off 1e-2, half of the work 0.5.
CHANGE_LIMIT = {"relu": 0.03, "sigmoid": 5e-5}
LENGTH_LIMIT = 0.2  # of a layer's change, from the length of the reference's: honest 0.08
BIAS_LEAST = 0.3  # of the length of the reference's: honest, by chance, 0.58; frozen 0
# |distance to two references / theirs from each other - 1|, times the square root of the units of
# the narrowest layer, each of which is dropped by chance: honest 0.9 and, with RMSprop, 1.2 in 90
# epochs; no dropout 2.5 to 4, after one of the layers only 3 to 4, a rate of 0.25 3, one mask for
# all rows 2.1 (late, with RMSprop 1.5) to 14.
DISTANCE_LIMIT = 2.1
MEMORY_STEPS = 30  # after which RMSprop has forgotten what it had before: 0.9**30 = 4 %
OTHER_MASKS = 1_000  # added to the seed, once or twice: masks that no NumPy backend's trial has


class Change(NamedTuple):
    """What one epoch did."""

    loss: float
    before: Parameters
    after: Parameters

    @property
    def weights(self) -> list[Floats]:
        """By how much each layer's weight changed."""
        return [new.weight - old.weight for new, old in zip(self.after, self.before, strict=True)]

    @property
    def biases(self) -> list[Floats]:
        """By how much each layer's bias changed."""
        return [new.bias - old.bias for new, old in zip(self.after, self.before, strict=True)]


def mistakes(
    workload: Workload,
    train: Samples,
    orders: Sequence[Integers],
    first_loss: float,
    found: Change,
) -> list[str]:
    """Return what contradicts the reference in an epoch of a trial, in words.

    `orders` are those of this epoch and of all before it, `first_loss` is the mean loss of the
    first one; with too few steps to fill RMSprop's memory nothing is said.
    """
    remembers = isinstance(workload.optimizer, RMSprop)
    if len(orders) <= first_epoch(workload) and remembers:
        return []
    expected = replay(workload, train, orders, found.before)
    by_chance = workload.dropout > 0 or remembers
    contradictions = []
    if not abs(found.loss - expected.loss) <= LOSS_LIMIT[by_chance] * first_loss:
        contradictions.append(f"the loss {found.loss:.4g}; expected {expected.loss:.4g}")
    contradictions += _lengths(found, expected)
    if workload.dropout and not (remembers and workload.steps < MEMORY_STEPS):
        other = replay(workload, train, orders, found.before, 2 * OTHER_MASKS)
        limit = DISTANCE_LIMIT / min(workload.hidden) ** 0.5
        contradictions += _distances(found, expected, other, limit)
    if not by_chance and not _deviation(found, expected) <= CHANGE_LIMIT[workload.activation]:
        contradictions.append(
            f"the parameters changed otherwise: {_deviation(found, expected):.2g} of the change off"
        )
    return contradictions


def _lengths(found: Change, expected: Change) -> list[str]:
    """Return which layers changed by another amount than the reference's, in words."""
    contradictions = []
    for number, arrays in enumerate(zip(found.weights, expected.weights, strict=True), start=1):
        mine, other = map(np.linalg.norm, arrays)
        if not abs(mine / other - 1) <= LENGTH_LIMIT:
            contradictions.append(f"layer {number} changed by {mine:.3g}; expected {other:.3g}")
    for number, arrays in enumerate(zip(found.biases, expected.biases, strict=True), start=1):
        mine, other = map(np.linalg.norm, arrays)
        if not mine >= BIAS_LEAST * other:
            contradictions.append(f"bias {number} changed by {mine:.3g}; expected {other:.3g}")
    return contradictions


def _distances(found: Change, one: Change, two: Change, limit: float) -> list[str]:
    """Return which layers' change is not as far from two of the reference as they are apart."""
    contradictions = []
    layers = zip(found.weights, one.weights, two.weights, strict=True)
    for number, (mine, first, second) in enumerate(layers, start=1):
        away = np.hypot(np.linalg.norm(mine - first), np.linalg.norm(mine - second)) / 2**0.5
        ratio = away / np.linalg.norm(first - second)
        if not abs(ratio - 1) <= limit:
            contradictions.append(
                f"the change of layer {number} lies {ratio:.2f} times as far from those under "
                f"other dropout masks as they from each other (allowed: 1 ± {limit:.2f})"
            )
    return contradictions


def first_epoch(workload: Workload) -> int:
    """Return the first epoch, counted from 0, that counts and that can be trained again."""
    if isinstance(workload.optimizer, RMSprop):
        return -(-MEMORY_STEPS // workload.steps)
    return 1


def replay(
    workload: Workload,
    train: Samples,
    orders: Sequence[Integers],
    start: Parameters,
    masks: int = OTHER_MASKS,
) -> Change:
    """Train the last order with the NumPy backend from these parameters, under other masks."""
    masked = msgspec.structs.replace(workload, seed=workload.seed + masks)
    network = Network(np, masked, start)
    if isinstance(workload.optimizer, RMSprop):
        earlier = np.concatenate(orders[:-1])
        _train(network, workload, train, earlier[-MEMORY_STEPS * workload.batch_size :])
        for mine, given in zip(network.layers, start, strict=True):
            mine.weight[:], mine.bias[:] = given
    loss = _train(network, workload, train, orders[-1])
    return Change(loss, start, [Layer(*map(np.copy, layer)) for layer in network.layers])


def _train(network: Network, workload: Workload, train: Samples, order: Integers) -> float:
    """Train on the samples in this order and return their mean loss."""
    identity, loss = np.eye(workload.widths[-1], dtype=np.float32), 0.0
    for at in range(0, len(order), workload.batch_size):
        rows = order[at : at + workload.batch_size]
        loss += float(network.step(train.images[rows], identity[train.labels[rows]]))
    return loss / len(order)


def _deviation(found: Change, expected: Change) -> float:
    """Return |found change - expected change| / |expected change|, over all parameters."""
    mine, other = (flat(change.after) - flat(change.before) for change in (found, expected))
    return float(np.linalg.norm(mine - other) / np.linalg.norm(other))
