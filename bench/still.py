"""The still experiment: what dropout does to the units, read from the losses of a still network.

The learning rate is 0 and the parameters are made so that the loss tells what happened to the
units. Label and class 0 have the logit x below, class 1 has 1, all others 0.

bright images (pixels 1): the first layer puts out 1, unit i of the second relu(d - 1) where d is
    unit i of the first after dropout at rate p: p / (1 - p) if it was kept. x = 5 * mean over the
    second layer after dropout: 5 * p if all is scaled by 1 / (1 - p). An epoch is one step, and its
    loss a mean over all units of all rows: if some of them share a mask, it spreads wider, and if
    steps do, theirs go together.
dark images (pixels 0): x = 4 * one unit of the second layer, which puts out 1: without it, when it
    was dropped, much is lost.
"""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from bench.clock import EpochClock, Lap
from bench.contract import Integers, Layer, Model, Parameters, Samples
from bench.workload import SGD, Workload

BRIGHT_EPOCHS = 200
DARK_EPOCHS = 40
PREDICT_EPOCHS = 40  # from one prediction to the next, the first after the first epoch
SAMPLES = 128  # half of them bright, half dark; an epoch takes those of one kind twice: one batch
HIDDEN = (256, 256)  # wide enough for its mean, quick
BRIGHT_SPREADS = (0.75, 1.25)  # of the epochs over the expected one: chance moves it by 0.05,
# pairs of rows, or of units, with one mask make it 1.4, a fixed number of units 0.3
ALIKE_LIMIT = 0.35  # correlation of steps some steps apart: chance 0.07, pairs with one mask 0.5
ALIKE_STEPS = 30  # so far apart at most
TINY = 1e-30  # a mask that never changes makes no spread to divide by
DEVIATIONS = 5  # standard deviations by which chance may move a mean: honest 2.4 in 64 experiments
DARK_SPREADS = (0.45, 1.7)  # chance moves it by 0.11


class Observed(NamedTuple):
    """What the still experiment showed."""

    losses: list[float]  # mean loss of each epoch, bright ones first
    missed: int  # predictions that were not what the network says without dropout


def mistakes(observed: Observed, rate: float) -> list[str]:
    """Return what is wrong with the dropout of a still network, in words."""
    bright, dark = observed.losses[:BRIGHT_EPOCHS], observed.losses[BRIGHT_EPOCHS:]
    found = ["dropout is on in prediction"] if observed.missed else []
    return found + _judge_bright(bright, rate) + _judge_dark(dark, rate)


def _judge_bright(losses: list[float], rate: float) -> list[str]:
    """Compare mean and spread of the epochs' losses with those of independent masks."""
    expected, spread = bright_loss(rate)
    found = []
    if abs(np.mean(losses) - expected) > tolerance(spread, BRIGHT_EPOCHS):
        found.append("dropout in training has another rate, scale or place than the workload's")
    low, high = BRIGHT_SPREADS
    if not low < np.std(losses, ddof=1) / spread < high:
        found.append("dropout masks are not drawn anew for every unit and sample")
    if _alike(losses) > ALIKE_LIMIT:
        found.append("dropout masks come back after some steps")
    return found


def bright_loss(rate: float) -> tuple[float, float]:
    """Return mean and standard deviation of a bright epoch's loss, exactly.

    Of the units of the second layer but one, each puts out 5 p / (1 - p)**2 or nothing.
    """
    units, kept = HIDDEN[1] - 1, (1 - rate) ** 2
    counts = range(units + 1)
    chances = [math.comb(units, n) * kept**n * (1 - kept) ** (units - n) for n in counts]
    losses = np.array([loss(5 * rate / kept * n / units) for n in counts])
    mean = np.dot(chances, losses)
    return float(mean), float(np.sqrt(np.dot(chances, (losses - mean) ** 2) / SAMPLES))


def tolerance(spread: float, epochs: int) -> float:
    """Return by how much chance may move the mean of so many losses that spread so wide."""
    return DEVIATIONS * spread / math.sqrt(epochs)


def _alike(losses: list[float]) -> float:
    """Return the largest correlation between losses of steps that are some steps apart."""
    away = np.subtract(losses, np.mean(losses))
    lags = range(1, ALIKE_STEPS + 1)
    products = [float(np.mean(away[lag:] * away[:-lag])) for lag in lags]
    return max(products) / max(float(np.mean(away**2)), TINY)


def _judge_dark(losses: list[float], rate: float) -> list[str]:
    """Compare mean and spread of the epochs' losses with those of a unit dropped at the rate."""
    dropped, kept = loss(0.0), loss(4 / (1 - rate))
    expected = rate * dropped + (1 - rate) * kept
    spread = (dropped - kept) * np.sqrt(rate * (1 - rate) / SAMPLES)
    found = []
    if abs(np.mean(losses) - expected) > tolerance(spread, DARK_EPOCHS):
        found.append("dropout drops another share of the units than its rate")
    low, high = DARK_SPREADS
    if not low < np.std(losses, ddof=1) / spread < high:
        found.append("dropout masks are not drawn anew for every sample and step")
    return found


def observe(
    model_type: type[Model],
    workload: Workload,
    device: str,
    bright: int = BRIGHT_EPOCHS,
    dark: int = DARK_EPOCHS,
) -> Observed:
    """Train the still network for so many epochs, predicting after some of them."""
    still = msgspec.structs.replace(
        workload,
        hidden=HIDDEN,
        optimizer=SGD(learning_rate=0.0),
        epochs=bright + dark,
        train_samples=SAMPLES,
    )
    images = np.zeros((SAMPLES, 784), np.float32)
    images[: SAMPLES // 2] = 1
    expected = np.repeat([1, 0], SAMPLES // 2)  # bright images: x = 0; dark ones: x = 4
    train = Samples(images, np.zeros(SAMPLES, np.int64))
    model = model_type(still, still_parameters(still), train, device)
    losses, missed = [], [0]

    def lap_done(lap: Lap) -> None:
        losses.append(lap.loss)
        if len(losses) % PREDICT_EPOCHS != 1:
            return  # a few predictions tell as much as all, and cost some frameworks a tenth second
        missed.append(int(np.count_nonzero(np.asarray(model.predict(images)) != expected)))

    clock = EpochClock(_orders(bright, dark), lap_done)
    model.train(clock, clock.epoch_done)
    return Observed(losses, sum(missed))


def _orders(bright: int, dark: int) -> Iterator[Integers]:
    """Yield orders of bright images, then of dark ones: no permutations, but a backend obeys."""
    for rows in (*[0] * bright, *[1] * dark):
        yield np.tile(np.arange(SAMPLES).reshape(2, -1)[rows], 2)


def loss(logit: float) -> float:
    """Return the cross-entropy of class 0 when its logit is this one."""
    return float(np.log(np.exp(logit) + np.e + 8) - logit)


def still_parameters(workload: Workload) -> Parameters:
    """Return the parameters of the still experiment, for two hidden layers of equal width."""
    first, second, last = (
        Layer(np.zeros((rows, columns), np.float32), np.zeros(columns, np.float32))
        for rows, columns in pairwise(workload.widths)
    )
    np.fill_diagonal(first.weight, 1)  # a pixel a unit: dropout of the pixels would show
    np.fill_diagonal(second.weight, 1)
    second.bias[:] = -1
    second.weight[:, 0] = -2 / len(second.weight)  # the one unit: off for bright images
    second.bias[0] = 1
    last.weight[:, 0] = 5 / (len(last.weight) - 1)
    last.weight[0, 0] = 4
    last.bias[1] = 1
    return [first, second, last]
