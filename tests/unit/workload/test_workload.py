"""The workload: what defines the work, how much it is, and its fingerprint."""

from typing import Any

import msgspec
import pytest

from bench.workload import CPU, SGD, VARIANTS, Adam, Device, RMSprop, Workload, workload_for

# A changed fingerprint parts new results from all that were published: change these knowingly.
FINGERPRINTS = {
    ("sigmoid", "cpu"): "058cd3592fa5",
    ("relu", "cpu"): "44136fa355b3",
    ("relu-dropout", "cpu"): "273349e7fdf4",
    ("keras-example", "cpu"): "debfbcc3a519",
    ("sigmoid", "cuda:0"): "bc38c91ac325",
    ("relu", "cuda:0"): "38688ee888b1",
    ("relu-dropout", "cuda:0"): "9d2527b29bef",
    ("keras-example", "cuda:0"): "1ce1983034b0",
}
OTHER_VALUES: dict[str, Any] = {
    "hidden": (684,),
    "activation": "sigmoid",
    "dropout": 0.5,
    "optimizer": SGD(0.02),
    "scaling": "divide_by_255",
    "batch_size": 64,
    "dtype": "float64",
    "precision": "tf32",
    "seed": 1338,
    "epochs": 11,
    "train_samples": 6_001,
    "test_samples": 5_001,
}


def test_keras_example_is_the_network_of_the_keras_repository() -> None:
    workload = VARIANTS["keras-example"]
    assert workload.widths == (784, 512, 512, 10)
    assert (workload.dropout, workload.scaling) == (0.2, "divide_by_255")
    assert workload.optimizer == RMSprop(learning_rate=0.001, rho=0.9, epsilon=1e-7)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("device", [CPU, Device("mps")])
def test_a_variant_keeps_its_name_at_any_size(variant: str, device: Device) -> None:
    assert workload_for(variant, device, epochs=3, train_samples=17).variant == variant


@pytest.mark.parametrize(
    ("variant", "changes", "words"),
    [
        ("keras-example", {"batch_size": 64}, "keras-example, batch size 64"),
        ("relu", {"hidden": (17, 17)}, "relu, width 17"),
        ("relu", {"hidden": (684,) * 3}, "relu, depth 3"),
        ("sigmoid", {"hidden": (8,)}, "sigmoid, width 8, depth 1"),
        ("relu", {"optimizer": Adam()}, "relu, adam"),
        ("relu", {"optimizer": SGD(0.1)}, "relu, sgd, learning rate 0.1"),
    ],
)
def test_what_differs_from_the_nearest_variant_is_named(
    variant: str, changes: dict[str, Any], words: str
) -> None:
    assert msgspec.structs.replace(VARIANTS[variant], **changes).variant == words


def test_the_notebooks_network_has_its_parameters_and_arithmetic() -> None:
    """784-684-684-10 has 1,012,330 parameters, 4.993 MFLOP to train a sample, 2.022 to predict."""
    workload = VARIANTS["relu"]
    assert workload.parameter_count == 1_012_330
    assert round(workload.train_flop / 1e6, 3) == 4.993
    assert round(workload.predict_flop / 1e6, 3) == 2.022
    assert workload.epoch_flop == 6_000 * workload.train_flop


def test_a_network_without_hidden_layers_is_counted_too() -> None:
    """A single layer needs its forward product and its gradient, and none for the input."""
    workload = Workload(hidden=())
    assert workload.parameter_count == 7_850
    assert workload.train_flop == 2 * workload.predict_flop == 4 * 784 * 10


@pytest.mark.parametrize(("samples", "steps"), [(6_000, 47), (60_000, 469), (128, 1), (1, 1)])
def test_the_short_last_batch_is_a_step(samples: int, steps: int) -> None:
    assert Workload(train_samples=samples).steps == steps


@pytest.mark.parametrize(("variant", "device"), FINGERPRINTS)
def test_fingerprints_are_those_that_were_published(variant: str, device: str) -> None:
    found = workload_for(variant, Device.named(device)).fingerprint
    assert found == FINGERPRINTS[variant, device]


@pytest.mark.parametrize("field", Workload.__struct_fields__)
def test_any_other_value_gives_another_fingerprint(field: str) -> None:
    changed = msgspec.structs.replace(Workload(), **{field: OTHER_VALUES[field]})
    assert changed.fingerprint != Workload().fingerprint


@pytest.mark.parametrize("change", [{"learning_rate": 0.01}, {"rho": 0.8}, {"epsilon": 1e-8}])
def test_any_other_optimizer_gives_another_fingerprint(change: dict[str, float]) -> None:
    changed, unchanged = (Workload(optimizer=RMSprop(**fields)) for fields in (change, {}))
    assert changed.fingerprint != unchanged.fingerprint


class LaterRMSprop(RMSprop, frozen=True, tag="rmsprop"):
    """The optimizer of a later version, with a field more."""

    momentum: float = 0.0


class LaterWorkload(Workload, frozen=True, kw_only=True):
    """The record of a later version, with fields more."""

    optimizer: SGD | LaterRMSprop = SGD()
    patience: int = 0


@pytest.mark.parametrize(
    ("changes", "same"), [({}, True), ({"patience": 1}, False),
                          ({"optimizer": LaterRMSprop(momentum=0.9)}, False)],
)  # fmt: skip
def test_new_fields_with_defaults_leave_fingerprints_as_they_are(
    changes: dict[str, Any], same: bool
) -> None:
    later = LaterWorkload(**{"optimizer": LaterRMSprop(), **changes})
    assert (later.fingerprint == Workload(optimizer=RMSprop()).fingerprint) is same


@pytest.mark.parametrize("device", ["cuda:0", "mps", "xpu"])
def test_accelerators_train_on_all_images(device: str) -> None:
    workload = workload_for("relu", Device.named(device))
    sizes = (workload.train_samples, workload.test_samples, workload.epochs)
    assert sizes == (60_000, 10_000, 20)


def test_sizes_can_be_chosen_and_none_leaves_the_devices() -> None:
    workload = workload_for("relu", CPU, epochs=3, train_samples=None)
    assert (workload.epochs, workload.train_samples) == (3, 6_000)
