"""What a backend is compared with: the NumPy backend's network, and a plain forward pass."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from backends._mlp import Network
from bench.trial.failure import BrokenContract
from bench.workload import Workload
from bench.workload.contract import Floats, Integers, Layer, Parameters, Samples
from bench.workload.inputs import epoch_orders, read_raw, scale, start_parameters

Arrays = Iterable[Floats | Integers]

# Of the seeds 0 to 13,700 the one with the largest distance from zero of any pre-activation of the
# float64 reference's ReLUs in all eight steps: 3.6e-6 for `relu`, 2.6e-6 for `keras-example`.
# Float32 moves small ones by at most 1.7e-6 and 4.7e-7: rounding flips no gate. A test says so.
SEED = 6399
GATE_MARGIN = 2e-6
SEEDS = 4  # tried with other workloads: wide layers and large batches may have no clear one
EPOCHS = 2
BATCHES = 31 / 8  # three full ones and a short one: 496 samples for a batch of 128
TRAIN_SAMPLES, TEST_SAMPLES = 60_000, 300  # at most
CLEAR_MARGIN = 1e-3  # of the best logit over the second: no rounding turns such a prediction


class Inputs(NamedTuple):
    """What a model is given."""

    start: Parameters
    train: Samples
    test: Samples
    orders: list[Integers]


class Expected(NamedTuple):
    """What becomes of it."""

    workload: Workload
    inputs: Inputs
    losses: list[float]  # of each epoch
    parameters: Parameters  # after the last
    nearest: float = 0.0  # of all pre-activations of ReLUs to zero, where it was looked at

    @property
    def may_flip(self) -> bool:
        """Whether rounding may flip a ReLU's gate: on or off for a sample."""
        return self.workload.activation == "relu" and self.nearest < GATE_MARGIN


@lru_cache(maxsize=4)
def eight_steps(workload: Workload) -> Expected:
    """Return two epochs over 3.875 batches, dropout off, in float64; far from flips if possible."""
    samples = min(int(BATCHES * workload.batch_size), TRAIN_SAMPLES)
    small = msgspec.structs.replace(
        workload, dropout=0.0, epochs=EPOCHS, train_samples=samples, test_samples=TEST_SAMPLES
    )
    margin = GATE_MARGIN if workload.activation == "relu" else 0.0
    tried: list[Expected] = []
    while not tried or (len(tried) < SEEDS and tried[-1].may_flip):
        seeded = msgspec.structs.replace(small, seed=SEED + len(tried))
        tried.append(_trained(seeded, np.float64, margin))
    return max(tried, key=lambda one: one.nearest)


@lru_cache(maxsize=2)
def full_size(workload: Workload) -> Expected:
    """Return one epoch over all training samples, dropout off, in float32."""
    whole = msgspec.structs.replace(workload, dropout=0.0, epochs=1, seed=SEED)
    return _trained(whole, np.float32)


def _trained(workload: Workload, precision: npt.DTypeLike, margin: float = 0.0) -> Expected:
    """Train the NumPy backend's network.

    A sample that would bring the input of a ReLU nearer to zero than the margin gives its place to
    a later one of its epoch. For SEED and the known workloads none has to.
    """
    train, test = scale(read_raw(workload), workload)
    start = start_parameters(workload)
    network = Network(np, workload, [Layer(*(a.astype(precision) for a in one)) for one in start])
    images: Floats = train.images.astype(precision)
    targets: Floats = np.eye(workload.widths[-1], dtype=precision)[train.labels]
    nearest = np.inf
    orders, losses = [], []
    for left in epoch_orders(workload):
        batches, loss = [], 0.0
        while len(left):
            places = np.arange(min(workload.batch_size, len(left)))
            if margin:
                some = images[left[: len(places) * 5 // 4 + 1]]  # those that may change places
                distances = _gate_distances(some, network.layers, workload.activation)
                places = np.sort(np.argsort(distances < margin, kind="stable")[: len(places)])
                nearest = min(nearest, distances[places].min())
            batches.append(left[places])
            left = np.delete(left, places)
            loss += float(network.step(images[batches[-1]], targets[batches[-1]]))
        orders.append(np.concatenate(batches))
        losses.append(loss / workload.train_samples)
    inputs = Inputs(start, train, test, orders)
    return Expected(workload, inputs, losses, network.layers, nearest if margin else 0.0)


def _gate_distances(images: Floats, parameters: Parameters, activation: str) -> Floats:
    """Return how near the input of any hidden unit is to zero, for each image (samples,)."""
    *hidden, _ = layer_sums(images, parameters, activation)
    distances: Floats = np.min([np.abs(sums).min(axis=1) for sums in hidden], axis=0)
    return distances


def layer_sums(images: Floats, parameters: Parameters, activation: str) -> Iterator[Floats]:
    """Yield the input of each layer's activation (samples, out), dropout off; last the logits."""
    values = images  # (samples, 784)
    for weight, bias in parameters:
        sums = values @ weight + bias
        yield sums
        values = np.maximum(sums, 0) if activation == "relu" else 1 / (1 + np.exp(-sums))


def class_indices(predicted: Integers, samples: int) -> Integers:
    """Return what predict returned if it is one class index a sample; else raise BrokenContract."""
    classes = np.asarray(predicted)
    if classes.shape != (samples,) or not np.issubdtype(classes.dtype, np.integer):
        raise BrokenContract(
            f"predict returned {classes.dtype} of shape {classes.shape}; expected class indices, "
            f"integers of shape {(samples,)}: see bench/workload/contract.py"
        )
    return classes


def wrong_predictions(
    predicted: Integers, images: Floats, parameters: Parameters, activation: str
) -> str | None:
    """Return in words how many clear predictions differ from what the parameters say."""
    classes = class_indices(predicted, len(images))
    *_, logits = layer_sums(images, parameters, activation)
    best = np.sort(logits, axis=1)
    clear = best[:, -1] - best[:, -2] > CLEAR_MARGIN
    wrong = int(np.sum(classes[clear] != logits.argmax(axis=1)[clear]))
    if not wrong:
        return None
    return f"{wrong} of {int(clear.sum())} clear ones are not those of the parameters"


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
