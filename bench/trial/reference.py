"""What a backend is compared with: the NumPy backend's network, and a plain forward pass.

What is trained follows from the workload: as many samples as take seconds, whatever its size.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np

from backends._mlp import Network
from bench.trial.deviations import Deviations, Outcome, deviations
from bench.trial.failure import NotFinite
from bench.trial.kept import Arrays, kept
from bench.trial.predictions import layer_sums
from bench.trial.rounding import GATE_MARGIN, LOST, LOST_IN, coarse, emulated
from bench.workload import SGD, Workload
from bench.workload.contract import Floats, Integers, Layer, Parameters, Samples
from bench.workload.inputs import epoch_orders, read_raw, scale, start_parameters

AnyArrays = Iterable[Floats | Integers]

# Of the seeds 0 to 13,700 the one with the largest distance from zero of any pre-activation of the
# float64 reference's ReLUs in all eight steps: 3.6e-6 for `relu`, 2.6e-6 for `keras-example`.
# Float32 moves small ones by at most 1.7e-6 and 4.7e-7: rounding flips no gate. A test says so.
SEED = 6399
SEEDS = 4  # tried with other workloads: wide layers and large batches may have no clear one
MOST_GATES = 2e6  # hidden units × samples; with more of them some are near zero in any order
STEPS = 8
BATCHES = 31 / 8  # three full ones and a short one: 496 samples for a batch of 128
TEST_SAMPLES = 300  # at least, if the workload has them
# Floating-point operations of products; NumPy does 1e11 a second on a core in float32, half as many
# in float64. An update costs as much as UPDATE operations for each parameter, as memory is slow.
EIGHT_STEPS_FLOP, FULL_SIZE_FLOP, PREDICT_FLOP, UPDATE_FLOP = 2e11, 7e11, 5e10, 600
LARGE = 3e7  # parameters from which on the reference is float32: four copies are a GB in float64
# At full size, times the square root of the number of steps: an epoch is then so calm that rounding
# is not blown up, but goes farther than the last bits of the weights.
CALM_SGD, CALM_ADAPTIVE = 2e-3, 7e-6


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
    outcome: Outcome
    rounding: Deviations  # how far a coarse float32 run ends from it
    nearest: float = 0.0  # of all pre-activations of ReLUs to zero, where it was looked at

    @property
    def may_flip(self) -> bool:
        """Whether rounding may flip a ReLU's gate: on or off for a sample."""
        return self.workload.activation == "relu" and self.nearest < GATE_MARGIN


@lru_cache(maxsize=2)
def eight_steps(workload: Workload) -> Expected:
    """Return eight steps or so, dropout off, in float64; far from flips if possible.

    That is two epochs over 3.875 batches, or more of fewer where there are not so many samples.
    Raises NotFinite where NumPy in float32 comes to no finite end.
    """
    samples = min(int(BATCHES * workload.batch_size), workload.train_samples)
    epochs = -(-STEPS // -(-samples // workload.batch_size))
    most = int(EIGHT_STEPS_FLOP / _flop(workload, samples) / epochs)
    small = msgspec.structs.replace(
        workload, dropout=0.0, epochs=epochs, train_samples=max(1, min(samples, most)),
        test_samples=min(TEST_SAMPLES, workload.test_samples),
    )  # fmt: skip
    gates = sum(small.hidden) * small.train_samples * small.epochs
    exact = workload.precision == "float32"  # lower ones flip gates in any order
    return _expected(small, far_from_flips=exact and gates <= MOST_GATES)


@lru_cache(maxsize=2)
def full_size(workload: Workload) -> Expected:
    """Return one calm epoch over all training samples, dropout off, in float32."""
    return _expected(of_full_size(workload), in_float32=True)


def of_full_size(workload: Workload) -> Workload:
    """Return what is trained at full size: a calm epoch, over as many samples as take seconds."""
    most = int(FULL_SIZE_FLOP / _flop(workload, workload.train_samples))
    predicted = max(TEST_SAMPLES, int(PREDICT_FLOP / workload.predict_flop))
    whole = msgspec.structs.replace(
        workload, dropout=0.0, epochs=1, train_samples=max(1, min(workload.train_samples, most)),
        test_samples=min(predicted, workload.test_samples),
    )  # fmt: skip
    calm = CALM_SGD if isinstance(workload.optimizer, SGD) else CALM_ADAPTIVE
    rate = min(workload.optimizer.learning_rate, calm / whole.steps**0.5)
    optimizer = msgspec.structs.replace(workload.optimizer, learning_rate=rate)
    return msgspec.structs.replace(whole, optimizer=optimizer)


def _flop(workload: Workload, samples: int) -> float:
    """Return what training on a sample costs, its share of an update included."""
    rows = min(workload.batch_size, samples)
    return workload.train_flop + UPDATE_FLOP * workload.parameter_count / rows


def _expected(
    workload: Workload, *, in_float32: bool = False, far_from_flips: bool = False
) -> Expected:
    """Return what the files of this run hold of a workload, or train it."""
    far_from_flips = far_from_flips and workload.activation == "relu"
    precision = np.float32 if in_float32 or workload.parameter_count > LARGE else np.float64
    seeded = msgspec.structs.replace(workload, seed=SEED)
    key = msgspec.json.encode([seeded, precision.__name__])

    def compute() -> Arrays:
        tried: list[Expected] = []
        while not tried or (far_from_flips and len(tried) < SEEDS and tried[-1].may_flip):
            other = msgspec.structs.replace(workload, seed=SEED + len(tried))
            tried.append(_trained(other, precision, GATE_MARGIN if far_from_flips else 0.0))
        return _packed(max(tried, key=lambda one: one.nearest))

    return _unpacked(seeded, kept(hashlib.sha256(key).hexdigest()[:16], compute))


def _packed(expected: Expected) -> Arrays:
    """Return what could not be made again from the workload alone."""
    layers = enumerate(expected.outcome.parameters)
    return {
        "seed": np.array(expected.workload.seed),
        "nearest": np.array(expected.nearest),
        "orders": np.stack(expected.inputs.orders),
        "losses": np.array(expected.outcome.losses),
        **{f"rounding_{k}": np.array(v) for k, v in expected.rounding._asdict().items()},
        **{f"{name}_{i}": a for i, layer in layers for name, a in layer._asdict().items()},
    }


def _unpacked(workload: Workload, arrays: Arrays) -> Expected:
    seeded = msgspec.structs.replace(workload, seed=int(arrays["seed"]))
    train, test = scale(read_raw(seeded), seeded)
    inputs = Inputs(start_parameters(seeded), train, test, list(arrays["orders"]))
    layers = [Layer(arrays[f"weight_{i}"], arrays[f"bias_{i}"]) for i in range(len(inputs.start))]
    rounding = Deviations(*(arrays[f"rounding_{name}"].tolist() for name in Deviations._fields))
    outcome = Outcome(arrays["losses"].tolist(), layers)
    return Expected(seeded, inputs, outcome, rounding, float(arrays["nearest"]))


def _trained(workload: Workload, precision: type, margin: float) -> Expected:
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
    outcome = Outcome(losses, network.layers)
    rough = _roughly(workload, start, train, orders, precision == np.float64)
    if any(one.diverged for one in (outcome, *rough)):
        raise NotFinite(
            f"NumPy's training diverges, too, at a learning rate of "
            f"{workload.optimizer.learning_rate:g}; expected finite numbers: take a smaller one"
        )
    found = [deviations(one, outcome, start) for one in rough]
    rounding = Deviations(*(np.max(offs, axis=0).tolist() for offs in zip(*found, strict=True)))
    inputs = Inputs(start, train, test, orders)
    return Expected(workload, inputs, outcome, rounding, nearest if margin else 0.0)


def _roughly(
    workload: Workload, start: Parameters, train: Samples, orders: list[Integers], sharp: bool
) -> list[Outcome]:
    """Return where rounding alone takes NumPy, `sharp` what decides in eight steps."""
    if workload.precision in LOST_IN:
        return [emulated(workload, start, train, orders)]
    lost = (LOST, LOST - 1) if sharp else (LOST,)
    return [coarse(workload, start, train, orders, bits) for bits in lost]


def _gate_distances(images: Floats, parameters: Parameters, activation: str) -> Floats:
    """Return how near the input of any hidden unit is to zero, for each image (samples,)."""
    *hidden, _ = layer_sums(images, parameters, activation)
    distances: Floats = np.min([np.abs(sums).min(axis=1) for sums in hidden], axis=0)
    return distances


def equal(found: Iterable[AnyArrays], expected: Iterable[AnyArrays]) -> bool:
    """Return whether all arrays are the same to the last bit."""
    return all(
        np.array_equal(one, two)
        for layers in zip(found, expected, strict=True)
        for one, two in zip(*layers, strict=True)
    )
