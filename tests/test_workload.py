"""The workload: what defines the work, how much it is, and its fingerprint."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.workload import SGD, VARIANTS, RMSprop, Workload, workload_for

# A changed fingerprint parts new results from all that were published: change these knowingly.
FINGERPRINTS = {
    ("sigmoid", "cpu"): "2b1e4393823d",
    ("relu", "cpu"): "02a9fd439884",
    ("relu-dropout", "cpu"): "8c439cbe9582",
    ("keras-example", "cpu"): "918c9d10bead",
    ("sigmoid", "cuda:0"): "3f4839208839",
    ("relu", "cuda:0"): "30ffdf5156dc",
    ("relu-dropout", "cuda:0"): "951ec7cf6c37",
    ("keras-example", "cuda:0"): "80641ed9eaf2",
}
OTHER_VALUES: dict[str, Any] = {
    "variant": "other",
    "hidden": (684,),
    "activation": "sigmoid",
    "dropout": 0.5,
    "optimizer": SGD(0.02),
    "scaling": "divide_by_255",
    "batch_size": 64,
    "dtype": "float64",
    "seed": 1338,
    "epochs": 11,
    "train_samples": 6_001,
    "test_samples": 5_001,
}


def test_there_are_the_four_variants_of_the_specification() -> None:
    """The variants are named, in the order of the specification, after their workloads."""
    assert list(VARIANTS) == ["sigmoid", "relu", "relu-dropout", "keras-example"]
    assert all(workload.variant == name for name, workload in VARIANTS.items())


def test_keras_example_is_the_network_of_the_keras_repository() -> None:
    """The variant has two layers of 512, dropout, RMSprop and pixels divided by 255."""
    workload = VARIANTS["keras-example"]
    assert workload.widths == (784, 512, 512, 10)
    assert (workload.dropout, workload.scaling) == (0.2, "divide_by_255")
    assert workload.optimizer == RMSprop(learning_rate=0.001, rho=0.9, epsilon=1e-7)


def test_the_notebooks_network_has_its_parameters_and_arithmetic() -> None:
    """784-684-684-10 has 1,012,330 parameters, 4.993 MFLOP to train a sample, 2.022 to predict."""
    workload = VARIANTS["relu"]
    assert workload.parameter_count == 1_012_330
    assert round(workload.train_flop / 1e6, 3) == 4.993
    assert round(workload.predict_flop / 1e6, 3) == 2.022
    assert workload.epoch_flop == 6_000 * workload.train_flop


def test_a_network_without_hidden_layers_is_counted_too() -> None:
    """A single layer needs its forward product and its gradient, and none for the input."""
    workload = Workload(variant="flat", hidden=())
    assert workload.parameter_count == 7_850
    assert workload.train_flop == 2 * workload.predict_flop == 4 * 784 * 10


@pytest.mark.parametrize(("samples", "steps"), [(6_000, 47), (60_000, 469), (128, 1), (1, 1)])
def test_the_short_last_batch_is_a_step(samples: int, steps: int) -> None:
    """An epoch has one update for each full batch and one for the rest."""
    assert Workload(variant="relu", train_samples=samples).steps == steps


@pytest.mark.parametrize(("variant", "device"), FINGERPRINTS)
def test_fingerprints_are_those_that_were_published(variant: str, device: str) -> None:
    """The fingerprint of each variant at each size is pinned."""
    assert workload_for(variant, device).fingerprint == FINGERPRINTS[variant, device]


@pytest.mark.parametrize("field", Workload.__struct_fields__)
def test_any_other_value_gives_another_fingerprint(field: str) -> None:
    """There is no field whose change leaves the fingerprint alone."""
    workload = VARIANTS["relu"]
    changed = msgspec.structs.replace(workload, **{field: OTHER_VALUES[field]})
    assert changed.fingerprint != workload.fingerprint


@pytest.mark.parametrize("change", [{"learning_rate": 0.01}, {"rho": 0.8}, {"epsilon": 1e-8}])
def test_any_other_optimizer_gives_another_fingerprint(change: dict[str, float]) -> None:
    """What an optimizer is made of counts."""
    workload = VARIANTS["keras-example"]
    changed = msgspec.structs.replace(workload, optimizer=RMSprop(**change))
    assert changed.fingerprint != workload.fingerprint


@given(seed=some.integers(0, 2**31), hidden=some.lists(some.integers(1, 2_000), max_size=4))
def test_a_workload_survives_json(seed: int, hidden: list[int]) -> None:
    """Written and read again, a workload is equal and has the same fingerprint."""
    workload = Workload(variant="any", hidden=tuple(hidden), seed=seed)
    again = msgspec.json.decode(msgspec.json.encode(workload), type=Workload)
    assert again == workload
    assert again.fingerprint == workload.fingerprint


def test_accelerators_train_on_all_images() -> None:
    """Every device but the CPU gets 60,000 and 10,000 images and 20 epochs."""
    for device in ("cuda:0", "mps", "xpu"):
        workload = workload_for("relu", device)
        sizes = (workload.train_samples, workload.test_samples, workload.epochs)
        assert sizes == (60_000, 10_000, 20)


def test_sizes_can_be_chosen_and_none_leaves_the_devices() -> None:
    """A size that is given replaces the device's default, None does not."""
    workload = workload_for("relu", "cpu", epochs=3, train_samples=None)
    assert (workload.epochs, workload.train_samples) == (3, 6_000)


def test_unknown_fields_are_refused() -> None:
    """A workload from a newer version, with a field that this one does not know, is no workload."""
    with pytest.raises(msgspec.ValidationError, match="momentum"):
        msgspec.json.decode(b'{"variant": "relu", "momentum": 0.9}', type=Workload)
