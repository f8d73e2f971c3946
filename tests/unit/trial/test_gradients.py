"""The NumPy backend, which everything is compared with: its gradients are those of its loss."""

from itertools import product

import msgspec
import numpy as np
import pytest

from backends._mlp import Network
from bench.workload import SGD, Adam, RMSprop, Workload
from bench.workload.contract import Layer, Parameters
from bench.workload.inputs import start_parameters

TINY = Workload(hidden=(7, 5), batch_size=12, optimizer=SGD(1.0), seed=4)
STEP = 1e-5  # of the finite differences, in float64
ENTRIES = 40  # of each array, at random


def parameters() -> Parameters:
    """Return parameters in float64, biases not zero."""
    generator = np.random.default_rng(1)
    return [
        Layer(layer.weight.astype(np.float64), generator.normal(0, 0.1, layer.bias.shape))
        for layer in start_parameters(TINY)
    ]


def flat(parameters: Parameters) -> np.ndarray:
    """Return all parameters in one vector, float64."""
    return np.concatenate([np.ravel(a).astype(np.float64) for layer in parameters for a in layer])


def batch(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images and one-hot targets."""
    generator = np.random.default_rng(2)
    return generator.standard_normal((rows, 784)), np.eye(10)[generator.integers(0, 10, rows)]


def step(workload: Workload, start: Parameters, rows: int) -> tuple[float, Parameters]:
    """Return the mean loss of a batch and the parameters after its update, always same masks."""
    images, targets = batch(rows)
    network = Network(np, workload, start)
    loss = network.step(images, targets) / rows
    return float(loss), network.layers


def gradients(workload: Workload, start: Parameters, rows: int) -> Parameters:
    """Return the gradients: with a learning rate of 1 the update is minus the gradient."""
    _, after = step(workload, start, rows)
    return [
        Layer(*(old - new for old, new in zip(before, now, strict=True)))
        for before, now in zip(start, after, strict=True)
    ]


@pytest.mark.parametrize(
    ("activation", "dropout", "rows"), list(product(("relu", "sigmoid"), (0.0, 0.3), (12, 5)))
)
def test_gradients_agree_with_finite_differences(
    activation: str, dropout: float, rows: int
) -> None:
    """Every weight and bias, full and short batches, with dropout and without."""
    workload = msgspec.structs.replace(TINY, activation=activation, dropout=dropout)
    start = parameters()
    found = gradients(workload, start, rows)
    generator = np.random.default_rng(3)
    for layer, slopes in zip(start, found, strict=True):
        for array, gradient in zip(layer, slopes, strict=True):
            for flat_index in generator.integers(0, array.size, ENTRIES):
                index = np.unravel_index(flat_index, array.shape)
                expected = difference(workload, start, array, index, rows)
                assert gradient[index] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def difference(
    workload: Workload,
    start: Parameters,
    array: np.ndarray,
    index: tuple[np.intp, ...],
    rows: int,
) -> float:
    """Return the central difference of the mean loss by one parameter."""
    value, losses = array[index], []
    for moved in (value + STEP, value - STEP):
        array[index] = moved
        losses.append(step(workload, start, rows)[0])
    array[index] = value
    return (losses[0] - losses[1]) / (2 * STEP)


def test_rmsprop_divides_by_the_root_with_epsilon_inside() -> None:
    """Two updates, written out: the mean squares start at 0 and decay by rho."""
    optimizer = RMSprop(learning_rate=0.01, rho=0.8, epsilon=1e-3)
    workload = msgspec.structs.replace(TINY, optimizer=optimizer)
    start = parameters()
    network = Network(np, workload, start)
    expected, squares = flat(start), 0.0
    for _ in range(2):
        network_now = [Layer(*map(np.copy, layer)) for layer in network.layers]
        gradient = flat(gradients(TINY, network_now, 12))
        squares = 0.8 * squares + 0.2 * gradient**2
        expected = expected - 0.01 * gradient / np.sqrt(squares + 1e-3)
        network.step(*batch(12))
        np.testing.assert_allclose(flat(network.layers), expected, rtol=0, atol=1e-12)


def test_adam_corrects_its_means_and_adds_epsilon_to_the_root() -> None:
    """Three updates, written out as in bench.workload.Adam."""
    optimizer = Adam(learning_rate=0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    start = parameters()
    network = Network(np, msgspec.structs.replace(TINY, optimizer=optimizer), start)
    expected, mean, square = flat(start), 0.0, 0.0
    for number in range(1, 4):
        network_now = [Layer(*map(np.copy, layer)) for layer in network.layers]
        gradient = flat(gradients(TINY, network_now, 12))
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        rate = 0.01 * np.sqrt(1 - 0.95**number) / (1 - 0.8**number)
        expected = expected - rate * mean / (np.sqrt(square) + 1e-3)
        network.step(*batch(12))
        np.testing.assert_allclose(flat(network.layers), expected, rtol=0, atol=1e-12)


def test_the_loss_is_the_cross_entropy_summed_over_the_batch() -> None:
    start = parameters()
    images, targets = batch(12)
    values = images
    for weight, bias in start[:-1]:
        values = np.maximum(values @ weight + bias, 0)
    logits = values @ start[-1].weight + start[-1].bias
    expected = np.log(np.exp(logits).sum(axis=1)).sum() - (logits * targets).sum()
    assert step(TINY, start, 12)[0] * 12 == pytest.approx(float(expected), rel=1e-12)
