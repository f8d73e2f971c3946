"""Does a backend's dropout do what it should? The gradients of one-pixel images show its masks.

Image i has one bright pixel, the i-th, so row i of the first layer's weight changes by what the
backward pass brings for this image alone. The second layer's weight leads from unit v to the units
v and v + 1, to the latter twice as strongly. So entry (i, v) changes by 0 to 3 times some amount:
0 if unit v of the first layer was dropped; else the first bit tells whether unit v of the second
layer was kept, and the second bit whether unit v + 1 was. What stays hidden made no difference.

Under these masks NumPy trains the same steps: its loss tells whether the forward pass dropped the
same units, and its parameters whether all is scaled as it should be. What is left is to count.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from backends._mlp import Network
from bench.results.records import Flag
from bench.trial.clock import EpochClock, Lap
from bench.trial.predictions import wrong_predictions
from bench.workload import SGD, Device, Workload
from bench.workload.contract import Floats, Layer, Model, Parameters, Samples

Levels = npt.NDArray[np.int8]  # (images, units), 0 to 3
Masks = npt.NDArray[np.float32]

# An epoch is six steps. So many show masks from bytes: 51 of 256 is 0.0008 off 0.2, six times the
# standard error of the share that the two layers drop together.
WORKLOAD = Workload(
    hidden=(512, 512), optimizer=SGD(4e-6), epochs=12, train_samples=768, test_samples=1
)
UNITS, BATCH, IMAGES = WORKLOAD.hidden[0], WORKLOAD.batch_size, WORKLOAD.train_samples
PIXEL = np.float32(4096)  # so bright that the learning rate changes every weight by 1e-4 of itself
# Rates beyond these are probed as they are: few masks of lower ones differ, by chance or not, and
# higher ones leave too little to tell the levels apart.
LEAST, MOST = 0.05, 0.7
LOSS_LIMIT = 2e-4  # correct 1.5e-5, forward pass without masks 1e-3
CHANGE_LIMIT = 1e-2  # correct 1e-4, scale left out 0.2
DEVIATIONS = 3.0  # of sqrt(rate (1 - rate) / units); at 0.2 the standard error is 0.71 of that
LAYER_LIMIT = 0.01  # of the share that one layer drops, from the rate
# Variance of the number of units kept, over that of independent draws: in a row (correct 1.0 to
# 1.17, as neighbours share a unit above them), in a column (0.99 to 1.01).
ROW_LIMITS, COLUMN_LIMITS = (0.7, 1.4), (0.9, 1.1)
ROWS = 32  # of a mask that are compared with other masks
ALIKE_LIMIT = 0.06  # correlation of two masks: chance 0.04 at most among 10,000 pairs
LOPSIDED_LIMIT = 0.02  # of levels 1 and 2, which are equally frequent: chance 0.004


@lru_cache(maxsize=4)
def flags(model_type: type[Model], rate: float, device: Device) -> tuple[Flag, ...]:
    """Return what is wrong with a backend's dropout at this rate."""
    probed = msgspec.structs.replace(WORKLOAD, dropout=min(max(rate, LEAST), MOST))
    return tuple(_judge(model_type, probed, device))


def _judge(model_type: type[Model], workload: Workload, device: Device) -> Iterator[Flag]:
    train = one_pixel_images(workload)
    images = train.images
    model = model_type(workload, start_of(workload), train, str(device))
    losses: list[float] = []
    parameters = [_copy(model.parameters())]  # before the first epoch and after each
    wrong: list[str | None] = []

    def lap_done(lap: Lap) -> None:
        losses.append(lap.loss)
        parameters.append(_copy(model.parameters()))
        if len(losses) == 1:
            predicted = model.predict(images)
            wrong.append(wrong_predictions(predicted, images, parameters[-1], workload))

    clock = EpochClock(iter([np.arange(IMAGES)] * workload.epochs), lap_done)
    clock.train(model, workload.epochs)
    if wrong[0]:
        yield Flag("dropout in prediction", wrong[0])
    levels = [levels_between(before, after) for before, after in pairwise(parameters)]
    yield from _judge_first_epoch(workload, train, losses[0], parameters[:2], levels[0])
    yield from judge_shares(np.concatenate(levels), workload.dropout)
    yield from judge_masks(np.concatenate(levels))


def one_pixel_images(workload: Workload) -> Samples:
    """Return as many images as there are in an epoch, each with a bright pixel of its own."""
    images = np.zeros((workload.train_samples, workload.widths[0]), np.float32)
    np.fill_diagonal(images, PIXEL)
    return Samples(images, np.zeros(len(images), np.int64))


def start_of(workload: Workload) -> Parameters:
    """Return parameters that let every gate of the first layer be open, for any one pixel."""
    first, second, last = (
        Layer(np.zeros((rows, columns), np.float32), np.zeros(columns, np.float32))
        for rows, columns in pairwise(workload.widths)
    )
    units = np.arange(UNITS)
    first.weight[:] = 1 / PIXEL
    second.weight[units, units] = 1 / 4
    second.weight[units, (units + 1) % UNITS] = 1 / 2
    second.bias[:] = -1 / 64  # off where nothing arrives
    last.weight[:, 0] = 4 / UNITS
    last.bias[1] = 3  # near class 0's logit without dropout: masks would turn predictions
    return [first, second, last]


def _copy(parameters: Parameters) -> Parameters:
    return [Layer(*map(np.copy, layer)) for layer in parameters]


def levels_between(before: Parameters, after: Parameters) -> Levels:
    """Return the levels of an epoch: a third of the largest change in a row is one."""
    changes = (after[0].weight - before[0].weight)[:IMAGES]
    largest = np.maximum(changes.max(axis=1, keepdims=True), 1e-30)
    levels: Levels = np.rint(3 * changes / largest).clip(0, 3).astype(np.int8)
    return levels


def _masks(levels: Levels) -> list[Masks]:
    """Return the masks of the two layers, 1 for what was kept."""
    above = (levels & 1) | np.roll(levels >> 1, 1, axis=1)
    return [(levels > 0).astype(np.float32), above.astype(np.float32)]


class _Masked(Network):
    """The NumPy backend's network, which drops what it is told to."""

    masks: Iterator[Masks]

    def _drop(self, values: Floats) -> None:
        values *= next(self.masks)


def _judge_first_epoch(
    workload: Workload, train: Samples, loss: float, found: list[Parameters], levels: Levels
) -> Iterator[Flag]:
    """Train it again under the masks that were seen and yield what comes out otherwise."""
    before, after = found
    network, total = _Masked(np, workload, before), 0.0
    scaled = [mask * np.float32(1 / (1 - workload.dropout)) for mask in _masks(levels)]
    targets = np.eye(workload.widths[-1], dtype=np.float32)[train.labels]
    for rows in np.arange(IMAGES).reshape(-1, BATCH):
        network.masks = iter([mask[rows] for mask in scaled])
        total += float(network.step(train.images[rows], targets[rows]))
    off = abs(loss * IMAGES / total - 1)
    if not off <= LOSS_LIMIT:
        words = f"{off:.1e} off what the masks in the gradients bring, limit {LOSS_LIMIT:.0e}"
        yield Flag("dropout in the loss", words)
    changes = [_change_off(*layers) for layers in zip(before, after, network.layers, strict=True)]
    if not max(changes) <= CHANGE_LIMIT:
        words = f"a layer's change {max(changes):.2g} off, limit {CHANGE_LIMIT:g}"
        yield Flag("dropout in the gradients", words)


def _change_off(before: Layer, after: Layer, own: Layer) -> float:
    """Return how far a layer's change is from our own, where its weight was not zero."""
    old, new, expected = (layer.weight[before.weight != 0] for layer in (before, after, own))
    length = max(float(np.linalg.norm(expected - old)), 1e-30)
    return float(np.linalg.norm(new - expected)) / length


def judge_shares(levels: Levels, rate: float) -> Iterator[Flag]:
    """Yield a flag if the two layers drop other shares of their units than the rate."""
    none, first, second, both = (np.mean(levels == level) for level in range(4))
    above = 2 * both / (2 * both + first + second)  # kept in the second layer, and in the first:
    below = (1 - none) / (1 - (1 - above) ** 2)
    dropped = 1 - np.array([below, above])
    limit = DEVIATIONS * np.sqrt(rate * (1 - rate) / levels.size)
    if not (abs(dropped.mean() - rate) <= limit and abs(dropped - rate).max() <= LAYER_LIMIT):
        words = " and ".join(f"{share:.2%}" for share in dropped)
        yield Flag("dropout rate", f"{words} of the units of the layers dropped, not {rate:.2%}")


def judge_masks(levels: Levels) -> Iterator[Flag]:
    """Yield what is not drawn anew: for every unit, image, step and layer."""
    masks = np.stack(_masks(levels)).reshape(2, -1, BATCH, UNITS)  # (layers, steps, rows, units)
    mean = masks.mean(axis=(1, 2, 3), keepdims=True)
    masks = (masks - mean) / np.sqrt(np.maximum(mean * (1 - mean), 1e-9))
    steps = masks.shape[1]
    in_rows = float(masks.sum(axis=3).var() / UNITS)
    in_columns = float(masks.sum(axis=2).var() / BATCH)
    parts = masks[:, :, :ROWS].reshape(2 * steps, -1)
    other = np.arange(2 * steps)[:, None] % steps != np.arange(2 * steps) % steps
    alike = float(np.max(np.abs(parts @ parts.T) * other) / parts.shape[1])
    first, second = np.sum(levels == 1), np.sum(levels == 2)
    lopsided = abs(first - second) / max(first + second, 1)
    for drawn, found, (low, high) in (
        ("unit", in_rows, ROW_LIMITS),
        ("image", in_columns, COLUMN_LIMITS),
        ("step", alike, (0, ALIKE_LIMIT)),
        ("layer", lopsided, (0, LOPSIDED_LIMIT)),
    ):
        if not low <= found <= high:
            words = f"not drawn anew for every {drawn}: {found:.2g}, expected {low:g} to {high:g}"
            yield Flag("dropout masks", words)
