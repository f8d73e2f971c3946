"""Does a backend's dropout do what it should: on in training, off in prediction, scaled rightly?

Masks differ from framework to framework, so the checks look at means. There are three experiments:

still     The learning rate is 0, and the loss tells what happened to the units: see bench.still.
single    One step on images of one bright pixel each, which reach one unit a layer: the weight into
          the unit changes where the backward pass kept it, the one out of it where the forward
          pass did. That has to be at the same places.
learning  The variant's own parameters and SGD, one epoch: along the updates of the NumPy backend
          under other masks, the update must be as long as they are along each other. That tells
          of the backward pass.
"""

from itertools import pairwise

import msgspec
import numpy as np
import numpy.typing as npt

from bench import still
from bench.clock import EpochClock
from bench.contract import Floats, Layer, Model, Samples
from bench.inputs import epoch_orders, start_parameters
from bench.reference import numpy_model
from bench.workload import SGD, Workload

Bits = npt.NDArray[np.bool_]

MASKS = 4  # of which the reference's mean update is taken
UPDATE_TOLERANCE = 0.08  # of the length of a layer's update; chance moves it by 0.012


def mistakes(model_type: type[Model], workload: Workload, train: Samples, device: str) -> list[str]:
    """Return what is wrong with a backend's dropout, in words; [] if nothing is."""
    found = still.mistakes(still.observe(model_type, workload, device), workload.dropout)
    if not np.array_equal(*kept_units(model_type, workload, device)):
        found.append("dropout drops other units in the backward pass than in the forward pass")
    lengths = update_lengths(model_type, workload, train, device)
    if np.max(np.abs(lengths - 1)) > UPDATE_TOLERANCE:
        words = ", ".join(f"{length:.2f}" for length in lengths)
        found.append(f"dropout is not in the gradients as it should be: updates are {words} long")
    return found


def kept_units(model_type: type[Model], workload: Workload, device: str) -> tuple[Bits, Bits]:
    """Return which units took part in a step, by the forward and by the backward pass."""
    single = msgspec.structs.replace(
        workload, hidden=still.HIDDEN, optimizer=SGD(), epochs=1, train_samples=still.SAMPLES
    )
    start = [
        Layer(np.eye(rows, columns, dtype=np.float32), np.zeros(columns, np.float32))
        for rows, columns in pairwise(single.widths)
    ]
    start[-1].weight[:, 0] = 1
    train = Samples(np.eye(still.SAMPLES, 784, dtype=np.float32), np.zeros(still.SAMPLES, np.int64))
    model = model_type(single, [Layer(*map(np.copy, layer)) for layer in start], train, device)
    clock = EpochClock(iter([np.arange(still.SAMPLES)]), lambda lap: None)
    model.train(clock, clock.epoch_done)
    first, *_, last = model.parameters()
    changed = [new.weight != old.weight for new, old in zip((first, last), start[::2], strict=True)]
    return changed[1][: still.SAMPLES, 0], np.diagonal(changed[0])[: still.SAMPLES]


def update_lengths(
    model_type: type[Model], workload: Workload, train: Samples, device: str
) -> Floats:
    """Return for each layer how long its update is along the reference's: 1, but for chance."""
    plain = msgspec.structs.replace(workload, optimizer=SGD(), epochs=1)
    found = _update(model_type, plain, train, device)
    reference = numpy_model()
    several = [_update(reference, plain, train, "cpu", 1 + mask) for mask in range(MASKS)]
    return np.array([_length(one, many) for one, *many in zip(found, *several, strict=True)])


def _length(one: Floats, many: list[Floats]) -> float:
    """Return the mean product of an update with others, over that of the others with each other."""
    total = sum(many)
    between = np.vdot(total, total) - sum(np.vdot(other, other) for other in many)
    return float(np.vdot(one, total) / len(many) / (between / len(many) / (len(many) - 1)))


def _update(
    model_type: type[Model], workload: Workload, train: Samples, device: str, mask: int = 0
) -> list[Floats]:
    """Return by how much training changes each weight, under the masks of another seed."""
    start = start_parameters(workload)
    masked = msgspec.structs.replace(workload, seed=workload.seed + mask)
    model = model_type(masked, [Layer(*map(np.copy, layer)) for layer in start], train, device)
    clock = EpochClock(epoch_orders(workload), lambda lap: None)
    model.train(clock, clock.epoch_done)
    return [
        np.subtract(after.weight, before.weight, dtype=np.float64)
        for after, before in zip(model.parameters(), start, strict=True)
    ]
