"""The axes along which people vary the work: what each is called, what it may be, how it is set.

An axis is a field of the workload, or a simple function of one (`width` and `depth` of the hidden
layers), or `threads`, which belongs to the case. The variant is the point that a sweep starts from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Annotated, Any, NamedTuple, get_args

import msgspec

from bench.workload.workload import OPTIMIZERS, Activation, Precision, Workload

Value = int | float | str
THREADS = "threads"


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An axis of a run and the values along it, in the order in which tables show them."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    values: Annotated[tuple[Value, ...], msgspec.Meta(min_length=1, max_length=500)]


class Field(NamedTuple):
    """One thing that can be varied."""

    words: str  # what it is called in prose
    help: str  # of its option
    kind: type  # of its values
    read: Callable[[Workload], Value]
    write: Callable[[Workload, Any], Workload]
    least: float = 0
    most: float = 0  # both belong to the range
    examples: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def values(self, text: str) -> list[Value]:
        """Return the values that a text names, separated by commas, numbers in ascending order.

        Raises ValueError for one that is out of range, or there twice.
        """
        found = [self._value(part.strip()) for part in text.split(",")]
        known = [value for value in found if value is not None]
        if len(known) < len(found):
            kind = "whole numbers from " if self.kind is int else "numbers from "
            allowed = " or ".join(self.choices) or f"{kind}{self.least:,g} to {self.most:,g}"
            example = ",".join(self.choices or self.examples)
            raise ValueError(
                f"{text!r} given for the {self.words}; expected {allowed}, several separated by "
                f"commas: for example {example}"
            )
        if len(set(known)) < len(known):
            raise ValueError(
                f"{text!r} given for the {self.words}; expected every value once: leave out the "
                "repeated one"
            )
        return known if self.choices else sorted(known)

    def _value(self, text: str) -> Value | None:
        if self.choices:
            return text if text in self.choices else None
        try:
            number: Value = self.kind(text)
        except ValueError:
            return None
        return number if self.least <= float(number) <= self.most else None


def _plain(name: str) -> tuple[Callable[[Workload], Value], Callable[[Workload, Any], Workload]]:
    """Return how a field of the record is read and written."""
    return (lambda work: getattr(work, name),
            lambda work, value: msgspec.structs.replace(work, **{name: value}))  # fmt: skip


def _no_field(*given: Any) -> Any:
    """Stand for reading and writing what belongs to the case and to no workload."""
    raise KeyError(THREADS)


def _with_width(work: Workload, width: int) -> Workload:
    return msgspec.structs.replace(work, hidden=(width,) * len(work.hidden))


def _with_depth(work: Workload, depth: int) -> Workload:
    return msgspec.structs.replace(work, hidden=work.hidden[:1] * depth)


def _with_optimizer(work: Workload, name: str) -> Workload:
    return msgspec.structs.replace(work, optimizer=OPTIMIZERS[name]())


def _with_learning_rate(work: Workload, rate: float) -> Workload:
    optimizer = msgspec.structs.replace(work.optimizer, learning_rate=rate)
    return msgspec.structs.replace(work, optimizer=optimizer)


# In the order in which they are set: an optimizer comes with a learning rate of its own.
FIELDS = {
    "batch_size": Field(
        "batch size", "Samples in a batch. [default: 128]",
        int, *_plain("batch_size"), 1, 60_000, ("8", "32", "128"),
    ),
    "width": Field(
        "width", "Units of each hidden layer. [default: the variant's]",
        int, lambda work: work.hidden[0], _with_width, 1, 8192, ("64", "256", "1024"),
    ),
    "depth": Field(
        "depth", "Hidden layers. [default: 2]",
        int, lambda work: len(work.hidden), _with_depth, 1, 8, ("1", "2", "4"),
    ),
    "activation": Field(
        "activation", "Activation of the hidden layers: sigmoid or relu.",
        str, *_plain("activation"), choices=get_args(Activation),
    ),
    "dropout": Field(
        "dropout", "Share of the hidden units dropped in training. [default: the variant's]",
        float, *_plain("dropout"), 0, 0.95, ("0", "0.2", "0.5"),
    ),
    "optimizer": Field(
        "optimizer", "sgd, rmsprop or adam, each with its own learning rate.",
        str, lambda work: str(work.optimizer.__struct_config__.tag), _with_optimizer,
        choices=tuple(OPTIMIZERS),
    ),
    "learning_rate": Field(
        "learning rate", "Learning rate. [default: the optimizer's]",
        float, lambda work: work.optimizer.learning_rate, _with_learning_rate,
        1e-7, 10, ("0.001", "0.01", "0.1"),
    ),
    "train_samples": Field(
        "training images", "Training images. [default: 6,000 on the CPU, else 60,000]",
        int, *_plain("train_samples"), 1, 60_000, ("1000", "6000", "60000"),
    ),
    "precision": Field(
        "precision", "Of the products' operands: float32, tf32 or bfloat16. [default: float32]",
        str, *_plain("precision"), choices=get_args(Precision),
    ),
}  # fmt: skip
THREADS_FIELD = Field(
    "number of threads", "CPU threads. [default: the fast cores]",
    int, _no_field, _no_field, 1, 10**6, ("1", "2", "4"),
)  # fmt: skip


def in_words(name: str) -> str:
    """Return what an axis is called in prose."""
    return FIELDS[name].words if name in FIELDS else name


def points(axes: Iterable[Axis]) -> Iterator[dict[str, Value]]:
    """Yield every combination of the values of some axes, the last axis varying fastest."""
    axes = list(axes)
    for values in product(*(axis.values for axis in axes)):
        yield dict(zip((axis.name for axis in axes), values, strict=True))


def point_of(work: Workload, threads: int | None, axes: Iterable[Axis]) -> dict[str, Value]:
    """Return where a workload, done by so many threads, lies on some axes."""
    read = {name: field.read for name, field in FIELDS.items()}
    return {
        axis.name: (threads or 0) if axis.name == THREADS else read[axis.name](work)
        for axis in axes
    }


def placed(work: Workload, point: Mapping[str, Value]) -> Workload:
    """Return the workload at a point; what a point does not name stays, `threads` is not of it."""
    for name, field in FIELDS.items():
        if name in point:
            work = field.write(work, point[name])
    return work
