"""What every backend is given: images, start parameters and orders, the same to the last bit."""

import gzip
import hashlib
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_workload

from bench import idx, inputs
from bench.idx import BrokenData
from bench.inputs import Raw, epoch_orders, inputs_hash, scale, start_parameters
from bench.workload import VARIANTS, Workload

RELU = VARIANTS["relu"]
SMALL = make_workload(hidden=(8,), train_samples=20, test_samples=10)
# Other bits would part new results from all that were published.
PARAMETERS_HASH = "6c016ce87d0e1f223c0e4b6465f191b9b9b2f3e873518b012727f2f4eb329acf"
ORDERS_HASH = "54683978589942f8204d480ed3bc4ddb9889ef2fc142d6221c895e6bddf55237"
INPUTS_HASH = "27aea593bc00"  # of the variants with 684 units


@pytest.fixture(scope="module")
def raw() -> Raw:
    """The shipped images at the CPU's sizes."""
    return inputs.read_raw(RELU, idx.SHIPPED)


@pytest.fixture
def few(raw: Raw) -> Raw:
    """The shipped images at the sizes of SMALL."""
    return Raw(*(part[:size] for part, size in zip(raw, (20, 20, 10, 10), strict=True)))


def changed(workload: Workload, **changes: object) -> Workload:
    """Return the workload with changes."""
    return msgspec.structs.replace(workload, **changes)


def test_the_first_images_are_those_of_mnist(raw: Raw) -> None:
    """Sizes, types and the first labels are those of the published data set."""
    assert raw.train_images.shape == (6_000, 784)
    assert raw.test_images.shape == (5_000, 784)
    assert raw.train_images.dtype == np.uint8
    assert raw.train_labels.dtype == raw.test_labels.dtype == np.int64
    assert raw.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert raw.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_other_images_are_read_from_the_variables_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the same shapes in the folder of MLP_BENCH_DATA take the place of MNIST."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 784), np.uint8).tobytes()
    tiny = {
        "TRAIN_IMAGES": (idx.IdxFile("a", (20, 28, 28), ""), pixels),
        "TRAIN_LABELS": (idx.IdxFile("b", (20,), ""), bytes(20)),
        "TEST_IMAGES": (idx.IdxFile("c", (20, 28, 28), ""), pixels),
        "TEST_LABELS": (idx.IdxFile("d", (20,), ""), bytes([3] * 20)),
    }
    for name, (file, items) in tiny.items():
        monkeypatch.setattr(idx, name, file)
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.header + items))
    monkeypatch.setenv(idx.VARIABLE, str(tmp_path))
    found = inputs.read_raw(SMALL)
    assert found.train_images.tobytes() == pixels
    assert found.test_labels.tolist() == [3] * 10


def test_standardized_training_pixels_have_mean_zero_and_deviation_one(raw: Raw) -> None:
    """One mean and one deviation, both of all training pixels, are taken out."""
    train, _ = scale(raw, RELU)
    pixels = train.images.astype(np.float64)
    assert pixels.mean() == pytest.approx(0, abs=1e-7)
    assert pixels.std() == pytest.approx(1, abs=1e-7)


def test_test_pixels_are_scaled_like_the_training_pixels(raw: Raw) -> None:
    """Equal raw pixels are equal after scaling, wherever they come from."""
    train, test = scale(raw, RELU)
    assert test.images[raw.test_images == 0][0] == train.images[raw.train_images == 0][0]
    assert test.images.mean() != pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("variant", ["relu", "keras-example"])
def test_scaling_is_the_float64_result_rounded_once(raw: Raw, variant: str) -> None:
    """The table gives, for every pixel, what computing it in float64 gives, in float32."""
    train, test = scale(raw, VARIANTS[variant])
    pixels = raw.train_images.astype(np.float64)
    mean, deviation = (pixels.mean(), pixels.std()) if variant == "relu" else (0, 255)
    expected = ((pixels - mean) / deviation).astype(np.float32)
    np.testing.assert_allclose(train.images, expected, rtol=1e-6, atol=1e-9)
    assert train.images.dtype == test.images.dtype == np.float32
    assert train.images.flags.c_contiguous
    assert train.images.flags.writeable is True  # frameworks refuse to share what is not


def test_division_by_255_spans_zero_to_one(raw: Raw) -> None:
    """Black is exactly 0 and white exactly 1."""
    train, _ = scale(raw, VARIANTS["keras-example"])
    assert (train.images.min(), train.images.max()) == (0.0, 1.0)


def test_images_without_any_contrast_are_refused() -> None:
    """A deviation of zero cannot be divided by; the message says where to look."""
    flat = np.full((20, 784), 7, np.uint8)
    labels = np.zeros(20, np.int64)
    with pytest.raises(BrokenData, match="same value"):
        scale(Raw(flat, labels, flat, labels), SMALL)


@pytest.mark.parametrize("variant", VARIANTS)
def test_start_weights_are_glorot_uniform_and_biases_zero(variant: str) -> None:
    """Weights fill ± sqrt(6 / (in + out)) evenly, in float32; biases are zero."""
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


def test_start_parameters_are_pinned_to_the_last_bit() -> None:
    """The same seed gives the same bits, on every machine and with every NumPy."""
    digest = hashlib.sha256()
    for layer in start_parameters(RELU):
        for array in layer:
            digest.update(array.astype("<f4").tobytes())
    assert digest.hexdigest() == PARAMETERS_HASH


def test_orders_are_pinned() -> None:
    """The same seed gives the same orders, on every machine and with every NumPy."""
    digest = hashlib.sha256()
    for order in epoch_orders(RELU):
        digest.update(order.astype("<i8").tobytes())
    assert digest.hexdigest() == ORDERS_HASH


@given(seed=some.integers(0, 2**31), samples=some.integers(1, 300), epochs=some.integers(1, 5))
def test_orders_are_permutations_one_an_epoch(seed: int, samples: int, epochs: int) -> None:
    """Every epoch visits every sample once."""
    workload = changed(SMALL, seed=seed, train_samples=samples, epochs=epochs)
    orders = list(epoch_orders(workload))
    assert len(orders) == epochs
    for order in orders:
        assert order.dtype == np.int64
        assert np.sort(order).tolist() == list(range(samples))


def test_epochs_and_rounds_have_orders_of_their_own() -> None:
    """No two epochs of a trial, and no two seeds, share an order."""
    seeds = [epoch_orders(changed(RELU, seed=1337 + number)) for number in range(3)]
    orders = {order.tobytes() for one in seeds for order in one}
    assert len(orders) == 3 * RELU.epochs


def test_longer_training_begins_like_shorter_training() -> None:
    """The first orders do not depend on how many epochs follow."""
    short, long = (list(epoch_orders(changed(SMALL, epochs=epochs))) for epochs in (2, 5))
    assert [order.tolist() for order in long[:2]] == [order.tolist() for order in short]


def test_a_secret_changes_the_last_order_and_no_other() -> None:
    """Backends of a run are given the same one, which nobody knows before the run begins."""
    plain, one, same, other = (
        [order.tolist() for order in epoch_orders(changed(SMALL, epochs=3), secret)]
        for secret in (None, 1, 1, 2)
    )
    assert plain[:2] == one[:2] == other[:2]
    assert one == same
    assert len({tuple(orders[2]) for orders in (plain, one, other)}) == 3
    assert all(sorted(orders[2]) == sorted(plain[2]) for orders in (one, other))


def test_another_seed_gives_other_parameters() -> None:
    """Rounds differ by their seed."""
    one, two = (start_parameters(changed(SMALL, seed=seed)) for seed in (1337, 1338))
    assert not np.array_equal(one[0].weight, two[0].weight)


def test_the_hash_of_the_inputs_is_that_of_published_results(raw: Raw) -> None:
    """Dropout and activation do not touch the inputs: three variants share them, pinned."""
    hashes = {name: inputs_hash(raw, VARIANTS[name]) for name in ("sigmoid", "relu-dropout")}
    assert set(hashes.values()) == {INPUTS_HASH}
    assert inputs_hash(raw, VARIANTS["keras-example"]) == "35f7a8b339cb"


@pytest.mark.parametrize("part", Raw._fields)
def test_the_hash_changes_with_a_single_value(few: Raw, part: str) -> None:
    """One pixel or one label more by 1 is another input."""
    values = getattr(few, part).copy()
    values.flat[-1] += 1
    assert inputs_hash(few._replace(**{part: values}), SMALL) != inputs_hash(few, SMALL)


@pytest.mark.parametrize("change", [{"seed": 1338}, {"hidden": (9,)}, {"epochs": 4}])
def test_the_hash_changes_with_the_workload(few: Raw, change: dict[str, object]) -> None:
    """Seed, sizes of the network and number of epochs are part of what is given."""
    assert inputs_hash(few, changed(SMALL, **change)) != inputs_hash(few, SMALL)


def test_the_hash_changes_with_the_number_of_images(raw: Raw, few: Raw) -> None:
    """Ten images more are another input."""
    more = Raw(*(part[:30] for part in raw))
    assert inputs_hash(more, changed(SMALL, train_samples=30)) != inputs_hash(few, SMALL)


def test_the_hash_does_not_depend_on_the_byte_order_of_the_machine(few: Raw) -> None:
    """Labels stored the other way round are the same labels."""
    turned = few._replace(train_labels=few.train_labels.astype(">i8"))
    assert inputs_hash(turned, SMALL) == inputs_hash(few, SMALL)
