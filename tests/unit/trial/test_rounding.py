"""The coarse run: farther from the reference than any correct backend, nearer than wrong ones."""

from random import Random

import msgspec
import numpy as np
import pytest
from drawn import draw_workload
from wrong.judge import of_verification

from backends.numpy import Model as NumPyModel
from bench.trial import reference
from bench.trial.failure import NotFinite
from bench.trial.rounding import coarse
from bench.workload import SGD, Adam, Workload
from bench.workload.contract import Layer, Samples
from bench.workload.inputs import start_parameters

SMALL = Workload(hidden=(32, 32), train_samples=496)


def rounding(**changes: object) -> tuple[float, ...]:
    """Return how far all parameters, the first layer and its biases end from the reference."""
    found = reference.eight_steps(msgspec.structs.replace(SMALL, **changes)).rounding
    return found.parameters[0], found.parameters[1], found.biases[0]


def test_where_training_is_calm_rounding_brings_next_to_nothing() -> None:
    everything, _, biases = rounding()
    assert 1e-8 < everything < 1e-5 and 1e-8 < biases < 1e-5


def test_changes_that_are_smaller_than_the_last_bits_of_weights_are_lost_but_not_of_biases() -> (
    None
):
    everything, _, biases = rounding(optimizer=SGD(1e-7))
    assert everything > 0.1 and biases < 1e-5


def test_what_vanishes_on_its_way_down_is_lost_in_the_first_layer_only() -> None:
    everything, first, _ = rounding(activation="sigmoid", hidden=(16,) * 8)
    assert first > 0.1 and everything < 1e-3


def test_every_gate_that_rounding_may_flip_is_flipped() -> None:
    workload = Workload(hidden=(3,), batch_size=1, train_samples=1)
    first = Layer(np.zeros((784, 3), np.float32), np.array([1e-6, -1e-6, 1], np.float32))
    start = [first, start_parameters(workload)[1]]
    train = Samples(np.ones((1, 784), np.float32), np.zeros(1, np.int64))
    found = coarse(workload, start, train, [np.zeros(1, np.int64)]).parameters[0].bias - first.bias
    assert (found != 0).tolist() == [False, True, True]


@pytest.mark.parametrize("optimizer", [SGD(1e30), Adam(1e38)])
def test_a_training_that_diverges_is_said_to(optimizer: SGD | Adam) -> None:
    with pytest.raises(NotFinite, match="diverges, too, at a learning rate of 1e"):
        rounding(optimizer=optimizer)


@pytest.mark.parametrize("seed", range(12))
def test_a_correct_model_verifies_at_points_drawn_at_random(seed: int) -> None:
    workload = draw_workload(
        Random(seed), 3e4, width=100, train_samples=800, learning_rate=1, dropout=0
    )
    assert of_verification(NumPyModel, workload.__replace__(test_samples=100)) == []
