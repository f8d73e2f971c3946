"""What every backend is given: images, start parameters and orders, the same to the last bit."""

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_workload

from bench.workload import VARIANTS, Workload, inputs, mnist
from bench.workload.inputs import Raw, epoch_orders, inputs_hash, scale, start_parameters
from bench.workload.mnist import BrokenData

RELU = VARIANTS["relu"]
SMALL = make_workload(hidden=(8,), train_samples=20, test_samples=10)


@pytest.fixture(scope="module")
def raw() -> Raw:
    """The shipped images at the CPU's sizes."""
    return inputs.read_raw(RELU, mnist.SHIPPED)


@pytest.fixture
def few(raw: Raw) -> Raw:
    """The shipped images at the sizes of SMALL."""
    return Raw(*(part[:size] for part, size in zip(raw, (20, 20, 10, 10), strict=True)))


def changed(workload: Workload, **changes: object) -> Workload:
    """Return the workload with changes."""
    return msgspec.structs.replace(workload, **changes)


def test_the_first_images_are_those_of_mnist(raw: Raw) -> None:
    assert raw.train_images.shape == (6_000, 784)
    assert raw.test_images.shape == (5_000, 784)
    assert raw.train_images.dtype == np.uint8
    assert raw.train_labels.dtype == raw.test_labels.dtype == np.int64
    assert raw.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert raw.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_other_images_are_read_from_the_folder_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, value in zip(mnist.FILES, bytes([200, 1, 100, 3]), strict=True):
        with (tmp_path / file.name).open("wb") as stream:
            stream.write(file.header + bytes([value]) * file.item_bytes)
            stream.truncate(len(file.header) + file.shape[0] * file.item_bytes)  # the rest is 0
    monkeypatch.setenv(mnist.VARIABLE, str(tmp_path))
    found = inputs.read_raw(SMALL)
    assert found.train_images[:2].max(axis=1).tolist() == [200, 0]
    assert found.test_images[:2].min(axis=1).tolist() == [100, 0]
    assert found.train_labels[:2].tolist() == [1, 0]
    assert found.test_labels[:2].tolist() == [3, 0]


@pytest.mark.parametrize("variant", ["relu", "keras-example"])
def test_scaling_is_the_float64_result_rounded_once(raw: Raw, variant: str) -> None:
    """Mean and deviation are those of all training pixels, for the test pixels too."""
    pixels = raw.train_images.astype(np.float64)
    mean, deviation = (pixels.mean(), pixels.std()) if variant == "relu" else (0, 255)
    given = (raw.train_images, raw.test_images)
    for part, images in zip(scale(raw, VARIANTS[variant]), given, strict=True):
        expected = ((images.astype(np.float64) - mean) / deviation).astype(np.float32)
        np.testing.assert_allclose(part.images, expected, rtol=1e-6, atol=1e-9)
        assert part.images.dtype == np.float32
        assert part.images.flags.c_contiguous
        assert part.images.flags.writeable is True  # frameworks refuse to share what is not


def test_images_without_any_contrast_are_refused(few: Raw) -> None:
    flat = np.full((20, 784), 7, np.uint8)
    with pytest.raises(BrokenData, match="same value"):  # their deviation of zero cannot divide
        scale(few._replace(train_images=flat), SMALL)


@pytest.mark.parametrize("variant", VARIANTS)
def test_start_weights_are_glorot_uniform_and_biases_zero(variant: str) -> None:
    workload = VARIANTS[variant]
    layers = start_parameters(workload)
    for layer, (rows, columns) in zip(layers, pairwise(workload.widths), strict=True):
        limit = np.sqrt(6 / (rows + columns))
        assert layer.weight.shape == (rows, columns)
        assert layer.weight.dtype == layer.bias.dtype == np.float32
        assert 0.99 * limit < np.abs(layer.weight).max() <= np.float32(limit)
        assert abs(layer.weight.mean()) < 0.03 * limit
        assert layer.weight.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
        assert layer.bias.shape == (columns,)
        assert not layer.bias.any()


@pytest.mark.parametrize(
    ("arrays", "pinned"),
    [
        ([array.astype("<f4") for layer in start_parameters(RELU) for array in layer],
         "6c016ce87d0e1f223c0e4b6465f191b9b9b2f3e873518b012727f2f4eb329acf"),
        ([order.astype("<i8") for order in epoch_orders(RELU)],
         "54683978589942f8204d480ed3bc4ddb9889ef2fc142d6221c895e6bddf55237"),
    ],
    ids=["start parameters", "orders"],
)  # fmt: skip
def test_a_seed_gives_the_same_bits_on_every_machine(arrays: list[Any], pinned: str) -> None:
    """Other bits would part new results from all that were published."""
    assert hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest() == pinned


@given(seed=some.integers(0, 2**31), samples=some.integers(1, 300), epochs=some.integers(1, 5))
def test_orders_are_permutations_one_an_epoch(seed: int, samples: int, epochs: int) -> None:
    workload = changed(SMALL, seed=seed, train_samples=samples, epochs=epochs)
    orders = list(epoch_orders(workload))
    assert len(orders) == epochs
    for order in orders:
        assert order.dtype == np.int64
        assert np.sort(order).tolist() == list(range(samples))


def test_epochs_and_rounds_have_orders_of_their_own() -> None:
    seeds = [epoch_orders(changed(RELU, seed=1337 + number)) for number in range(3)]
    orders = {order.tobytes() for one in seeds for order in one}
    assert len(orders) == 3 * RELU.epochs


def test_longer_training_begins_like_shorter_training() -> None:
    short, long = (list(epoch_orders(changed(SMALL, epochs=epochs))) for epochs in (2, 5))
    assert [order.tolist() for order in long[:2]] == [order.tolist() for order in short]


@pytest.mark.parametrize("part", Raw._fields)
def test_the_hash_changes_with_a_single_value(few: Raw, part: str) -> None:
    """One pixel or one label more by 1 is another input."""
    values = getattr(few, part).copy()
    values.flat[-1] += 1
    assert inputs_hash(few._replace(**{part: values}), SMALL) != inputs_hash(few, SMALL)


@pytest.mark.parametrize("change", [{"seed": 1338}, {"hidden": (9,)}, {"epochs": 4}])
def test_the_hash_changes_with_the_workload(few: Raw, change: dict[str, object]) -> None:
    assert inputs_hash(few, changed(SMALL, **change)) != inputs_hash(few, SMALL)


def test_the_hash_does_not_depend_on_the_byte_order_of_the_machine(few: Raw) -> None:
    turned = few._replace(train_labels=few.train_labels.astype(">i8"))
    assert inputs_hash(turned, SMALL) == inputs_hash(few, SMALL)
