"""The work that every backend does: network, optimizer, scaling and sizes, and what they amount to.

Two results are comparable only if their workloads are equal, so a workload holds everything that
defines the work and nothing else; its fingerprint is how tables keep different work apart.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Annotated, Any, Literal

import msgspec

from bench.workload.device import CPU_SIZES, Device

INPUTS = 784  # 28 x 28 pixels
CLASSES = 10

Size = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class SGD(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="sgd"):
    """Stochastic gradient descent: parameter -= learning_rate * gradient."""

    learning_rate: float = 0.01


class RMSprop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rmsprop"):
    """RMSprop with epsilon inside the root, as in Keras.

    square = rho * square + (1 - rho) * gradient**2
    parameter -= learning_rate * gradient / sqrt(square + epsilon)
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-7


class Adam(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="adam"):
    """Adam as in Keras: Kingma and Ba (ICLR 2015), the last lines of section 2.

    In step t = 1, 2, … of the whole training:

    mean = beta_1 * mean + (1 - beta_1) * gradient
    square = beta_2 * square + (1 - beta_2) * gradient**2
    rate = learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)
    parameter -= rate * mean / (sqrt(square) + epsilon)
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7


Optimizer = SGD | RMSprop | Adam
OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}
Activation = Literal["sigmoid", "relu"]
Precision = Literal["float32", "tf32", "bfloat16"]


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that defines the work of one trial.

    `hidden` are the widths of the hidden layers; `dropout` is the share of activations dropped
    after each of them in training; `scaling` is what happens to the pixels (see
    `bench.workload.inputs`). Operands of the matrix products are rounded to `precision`; sums,
    parameters, optimizer and loss stay float32. In round r a backend is handed this workload with r
    added to its seed.
    """

    hidden: Annotated[tuple[Size, ...], msgspec.Meta(max_length=100)] = (684, 684)
    activation: Activation = "relu"
    dropout: Share = 0.0
    optimizer: Optimizer = SGD()
    scaling: Literal["standardize", "divide_by_255"] = "standardize"
    batch_size: Size = 128
    dtype: Literal["float32"] = "float32"
    precision: Precision = "float32"
    seed: int = 1337
    epochs: Size = 10
    train_samples: Size = 6_000
    test_samples: Size = 5_000

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of all layers, from the pixels to the classes: (784, …, 10)."""
        return (INPUTS, *self.hidden, CLASSES)

    @property
    def fingerprint(self) -> str:
        """First 12 hex digits of the SHA-256 of all fields that differ from their defaults.

        Canonical (sorted) JSON; so a new field with a default leaves all fingerprints as they are.
        """
        canonical = msgspec.json.encode(_beyond_defaults(self), order="sorted")
        return hashlib.sha256(canonical).hexdigest()[:12]

    @property
    def variant(self) -> str:
        """Name of the variant that this is at any size; of the nearest one and what differs."""
        sizes = {name: getattr(self, name) for name in CPU_SIZES}
        found = {
            variant: _changes(self, msgspec.structs.replace(other, **sizes))
            for variant, other in VARIANTS.items()
        }
        nearest = min(found, key=lambda variant: len(found[variant]))
        hidden = VARIANTS[nearest].hidden
        words = (_in_words(*change, hidden) for change in found[nearest].items())
        return ", ".join([nearest, *chain.from_iterable(words)])

    @property
    def parameter_count(self) -> int:
        """Number of weights and biases."""
        return sum(rows * columns + columns for rows, columns in pairwise(self.widths))

    @property
    def predict_flop(self) -> int:
        """Floating-point operations of the matrix products that predict one sample."""
        return sum(2 * rows * columns for rows, columns in pairwise(self.widths))

    @property
    def train_flop(self) -> int:
        """Floating-point operations of the matrix products that train on one sample.

        Forward, gradient of the weights, gradient of each layer's input except the first's.
        """
        first, second = self.widths[:2]
        return 3 * self.predict_flop - 2 * first * second

    @property
    def epoch_flop(self) -> int:
        """Floating-point operations of the matrix products of one training epoch."""
        return self.train_flop * self.train_samples

    @property
    def steps(self) -> int:
        """Updates in one epoch, the one on the short last batch included."""
        return -(-self.train_samples // self.batch_size)


VARIANTS = {
    "sigmoid": Workload(activation="sigmoid"),
    "relu": Workload(),
    "relu-dropout": Workload(dropout=0.2),
    "keras-example": Workload(
        hidden=(512, 512), dropout=0.2, optimizer=RMSprop(), scaling="divide_by_255"
    ),
}


def workload_for(variant: str, device: Device, **changes: int | None) -> Workload:
    """Return the variant's workload at the sizes of the device, with the given changes.

    `changes` are `epochs`, `train_samples` and `test_samples`; None leaves the device's default.
    """
    chosen = {name: value for name, value in changes.items() if value is not None}
    return msgspec.structs.replace(VARIANTS[variant], **{**device.sizes, **chosen})


def _changes(record: msgspec.Struct, other: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a record that another one has with other values."""
    values, others = msgspec.structs.asdict(record), msgspec.structs.asdict(other)
    return {name: value for name, value in values.items() if value != others[name]}


def _in_words(name: str, value: Any, hidden: Sequence[int]) -> Iterator[str]:
    """Yield how a field differs, in the words of the axes; `hidden` are the variant's widths."""
    if name == "hidden" and len(set(value)) == 1:
        if value[0] != hidden[0]:
            yield f"width {value[0]}"
        if len(value) != len(hidden):
            yield f"depth {len(value)}"
    elif name == "optimizer":
        yield value.__struct_config__.tag
        if _changes(value, type(value)()):
            yield f"learning rate {value.learning_rate:g}"
    elif name == "precision":
        yield value
    else:
        yield f"{name.replace('_', ' ')} {value}"


def _beyond_defaults(record: msgspec.Struct) -> dict[str, Any]:
    """Return the tag of a record, if it has one, and the fields that differ from their defaults."""
    found = {
        name: _beyond_defaults(value) if isinstance(value, msgspec.Struct) else value
        for name, value in _changes(record, type(record)()).items()
    }
    tag = record.__struct_config__.tag
    return found if tag is None else {"type": tag, **found}
