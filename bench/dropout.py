"""Does a backend's dropout do what it should: on in training, off in prediction, scaled rightly?

Masks differ from framework to framework, so the check looks at means. The network is given
parameters that ignore the image, and the learning rate 0, so that the mean loss of an epoch tells
what dropout did to its units. In both experiments the first layer puts out 1 everywhere, class 1
has the logit 1, class 0 has the logit x below, all others 0, and all labels are 0.

averages  unit i of the second layer puts out relu(d - 1), where d is unit i of the first after
          dropout at rate p: p / (1 - p) if it was kept. x = 5 * mean over the second layer after
          dropout, hence 5 * p, if both layers scale by 1 / (1 - p) and the first drops p.
one unit  x = 4 * one unit of the second layer: 0 if it was dropped, which loses a lot.
"""

from typing import NamedTuple

import msgspec
import numpy as np

from bench.clock import EpochClock, Lap
from bench.contract import Layer, Model, Parameters, Samples
from bench.inputs import epoch_orders
from bench.workload import Workload

AVERAGES_EPOCHS = 2
ONE_UNIT_EPOCHS = 20
SAMPLES = 496
AVERAGES_TOLERANCE = 0.01  # of the loss; chance moves it by less than 0.001
DEVIATIONS = 6  # standard deviations by which chance may move a mean
SPREAD_LIMITS = (0.4, 2.0)  # of the epochs' spread over the expected one: 20 epochs, chance 1e-6


class Observed(NamedTuple):
    """What an experiment showed."""

    losses: list[float]  # mean loss of each epoch
    missed: int  # predictions that were not class 0, over all epochs


def mistakes(model_type: type[Model], workload: Workload, device: str) -> list[str]:
    """Return what is wrong with a backend's dropout, in words; [] if nothing is."""
    still = msgspec.structs.replace(
        workload,
        optimizer=msgspec.structs.replace(workload.optimizer, learning_rate=0.0),
        epochs=ONE_UNIT_EPOCHS,
        train_samples=SAMPLES,
    )
    short = msgspec.structs.replace(still, epochs=AVERAGES_EPOCHS)
    averages = observe(model_type, short, device, averages_parameters(short))
    one_unit = observe(model_type, still, device, one_unit_parameters(still))
    found = []
    if one_unit.missed:  # kept, that unit makes class 0 the best; dropped, class 1 is
        found.append("dropout is on in prediction")
    if abs(np.mean(averages.losses) - loss(5 * workload.dropout)) > AVERAGES_TOLERANCE:
        found.append("dropout in training has another rate or scale than 1 / (1 - rate)")
    found += _judge_one_unit(one_unit.losses, workload.dropout)
    return found


def _judge_one_unit(losses: list[float], rate: float) -> list[str]:
    """Compare mean and spread of the epochs' losses with those of a unit dropped at the rate."""
    dropped, kept = loss(0.0), loss(4 / (1 - rate))
    expected = rate * dropped + (1 - rate) * kept
    spread = (dropped - kept) * np.sqrt(rate * (1 - rate) / SAMPLES)
    found = []
    if abs(np.mean(losses) - expected) > DEVIATIONS * spread / np.sqrt(ONE_UNIT_EPOCHS):
        found.append("dropout drops another share of the units than its rate")
    low, high = SPREAD_LIMITS
    if not low < np.std(losses, ddof=1) / spread < high:
        found.append("dropout masks are not drawn anew for every sample and step")
    return found


def observe(
    model_type: type[Model], workload: Workload, device: str, parameters: Parameters
) -> Observed:
    """Train with the learning rate 0, predicting after each epoch as a trial does."""
    generator = np.random.default_rng(workload.seed)
    images = generator.standard_normal((SAMPLES, 784), dtype=np.float32)
    model = model_type(workload, parameters, Samples(images, np.zeros(SAMPLES, np.int64)), device)
    losses, missed = [], [int(np.count_nonzero(model.predict(images)))]

    def lap_done(lap: Lap) -> None:
        losses.append(lap.loss)
        missed.append(int(np.count_nonzero(model.predict(images))))

    clock = EpochClock(epoch_orders(workload), lap_done)
    model.train(clock, clock.epoch_done)
    return Observed(losses, sum(missed))


def loss(logit: float) -> float:
    """Return the cross-entropy of class 0 when its logit is this one."""
    return float(np.log(np.exp(logit) + np.e + 8) - logit)


def averages_parameters(workload: Workload) -> Parameters:
    """Return the parameters of the experiment on averages."""
    first, second, last = _blank(workload)
    np.fill_diagonal(second.weight, 1)
    second.bias[:] = -1
    last.weight[:, 0] = 5 / len(last.weight)
    return [first, second, last]


def one_unit_parameters(workload: Workload) -> Parameters:
    """Return the parameters of the experiment on one unit."""
    first, second, last = _blank(workload)
    second.bias[:] = 1
    last.weight[0, 0] = 4
    return [first, second, last]


def _blank(workload: Workload) -> Parameters:
    """Return weights of 0 with the first layer's biases 1 and the bias of class 1 at 1."""
    widths = workload.widths
    layers = [
        Layer(np.zeros((rows, columns), np.float32), np.zeros(columns, np.float32))
        for rows, columns in zip(widths, widths[1:], strict=False)
    ]
    layers[0].bias[:] = 1
    layers[-1].bias[1] = 1
    return layers
