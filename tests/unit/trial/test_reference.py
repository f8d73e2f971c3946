"""The reference: a plain forward pass, predictions compared with it, eight steps far from flips."""

import msgspec
import numpy as np
import pytest

from backends import _mlp
from bench.trial import reference
from bench.trial.failure import BrokenContract
from bench.trial.predictions import class_indices, layer_sums, wrong_predictions
from bench.workload import VARIANTS, Workload
from bench.workload.contract import Layer

# Two pixels, two units, two classes: the units see x - y and y - x, the classes the units.
LAYERS = [
    Layer(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)),
    Layer(np.eye(2), np.zeros(2)),
]
IMAGES = np.array([[3.0, 1.0], [1.0, 4.0], [2.0, 2.0 + 1e-4]])


def test_layer_sums_are_those_before_each_activation() -> None:
    hidden, logits = layer_sums(IMAGES[:2], LAYERS, "relu")
    assert hidden.tolist() == [[2, -2], [-3, 3]]
    assert logits.tolist() == [[2, 0], [0, 3]]


def test_the_sigmoid_is_applied_between_layers() -> None:
    _, logits = layer_sums(IMAGES[:1], LAYERS, "sigmoid")
    assert logits[0] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))])


@pytest.mark.parametrize(
    ("predicted", "found"),
    [
        ([0, 1, 1], None),
        ([0, 1, 0], None),  # too close to tell
        ([1, 1, 1], "1 of 2 clear ones are not those of the parameters"),
        ([1, 0, 0], "2 of 2 clear ones are not those of the parameters"),
    ],
)
def test_clear_predictions_that_the_parameters_do_not_give_are_counted(
    predicted: list[int], found: str | None
) -> None:
    assert wrong_predictions(np.array(predicted), IMAGES, LAYERS, Workload()) == found


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_any_kind_of_integer_is_a_class(dtype: type) -> None:
    assert class_indices(np.array([1, 2], dtype), 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("predicted", "found"),
    [
        (np.zeros((4, 10), np.float32), r"float32 of shape \(4, 10\)"),
        (np.zeros(4, np.float32), "float32"),
        (np.zeros((4, 1), np.int64), r"shape \(4, 1\)"),
        (np.zeros(3, np.int64), r"shape \(3,\)"),
        (np.zeros(4, bool), "bool"),
        (None, "object"),
    ],
)
def test_predictions_that_are_no_classes_are_refused(predicted: object, found: str) -> None:
    with pytest.raises(BrokenContract, match=f"{found}.*; expected class indices"):
        class_indices(predicted, 4)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("batch_size", "samples", "epochs"),
    [(128, 496, 2), (64, 248, 2), (7, 27, 2), (1, 3, 3), (4_000, 6_000, 4), (60_000, 6_000, 8)],
)
def test_eight_steps_are_two_epochs_of_three_batches_and_a_short_one_if_there_are_so_many(
    batch_size: int, samples: int, epochs: int
) -> None:
    workload = msgspec.structs.replace(
        VARIANTS["sigmoid"], batch_size=batch_size, hidden=(8,), dropout=0.5
    )
    found = reference.eight_steps(workload)
    assert found.workload.dropout == 0.0
    assert [sorted(order) for order in found.inputs.orders] == [list(range(samples))] * epochs


@pytest.mark.parametrize("variant", ["relu", "keras-example"])
def test_known_workloads_are_far_from_flips_in_the_order_of_their_seed(variant: str) -> None:
    found = reference.eight_steps(VARIANTS[variant])
    assert found.workload.seed == reference.SEED
    assert found.nearest > 2.5e-6
    assert not found.may_flip
    shuffled = reference.epoch_orders(found.workload)
    assert [order.tolist() for order in found.inputs.orders] == [o.tolist() for o in shuffled]


def test_in_other_workloads_samples_near_a_flip_trade_places() -> None:
    workload = msgspec.structs.replace(VARIANTS["relu"], hidden=(900, 900), batch_size=64)
    found = reference.eight_steps(workload)
    assert not found.may_flip
    nearest: list[float] = []

    class Watched(_mlp.Network):
        def _activate(self, values: np.ndarray) -> None:
            nearest.append(float(np.abs(values).min()))
            super()._activate(values)

    start, train, _, orders = found.inputs
    network = Watched(np, workload, [Layer(*(a.astype(float) for a in one)) for one in start])
    for order in orders:
        for at in range(0, len(order), 64):
            rows = order[at : at + 64]
            network.step(train.images[rows].astype(float), np.eye(10)[train.labels[rows]])
    assert len(nearest) == 16  # of two layers in eight steps
    assert min(nearest) == pytest.approx(found.nearest) and found.nearest > reference.GATE_MARGIN


def test_the_reference_of_equal_workloads_is_computed_once() -> None:
    workload = msgspec.structs.replace(VARIANTS["relu"], hidden=(8,), train_samples=600)
    assert reference.full_size(workload) is reference.full_size(workload.__replace__())
