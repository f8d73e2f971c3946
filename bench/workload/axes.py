"""The axes along which people vary the work: what each is called, what it may be, how it is set.

An axis is a field of the workload, or a simple function of one (`width` and `depth` of the hidden
layers), or `threads`, which belongs to the case. The variant is the point that a sweep starts from.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Annotated, Any, NamedTuple, get_args

import msgspec

from bench.workload.workload import OPTIMIZERS, Activation, Workload

Value = int | float | str
THREADS = "threads"


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An axis of a run and the values along it, in the order in which tables show them."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    values: Annotated[tuple[Value, ...], msgspec.Meta(min_length=1, max_length=100)]


class Field(NamedTuple):
    """One thing that can be varied."""

    words: str  # what it is called in prose
    kind: type  # of its values
    read: Callable[[Workload], Value]
    write: Callable[[Workload, Any], Workload]
    least: float = 0
    most: float = 0  # both belong to the range
    choices: tuple[str, ...] = ()


def _plain(name: str) -> tuple[Callable[[Workload], Value], Callable[[Workload, Any], Workload]]:
    """Return how a field of the record is read and written."""
    return (lambda work: getattr(work, name),
            lambda work, value: msgspec.structs.replace(work, **{name: value}))  # fmt: skip


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
    "batch_size": Field("batch size", int, *_plain("batch_size"), 1, 60_000),
    "width": Field("width", int, lambda work: work.hidden[0], _with_width, 1, 8192),
    "depth": Field("depth", int, lambda work: len(work.hidden), _with_depth, 1, 8),
    "activation": Field(
        "activation", str, *_plain("activation"), choices=get_args(Activation)
    ),
    "dropout": Field("dropout", float, *_plain("dropout"), 0, 0.95),
    "optimizer": Field(
        "optimizer", str, lambda work: str(work.optimizer.__struct_config__.tag),
        _with_optimizer, choices=tuple(OPTIMIZERS),
    ),
    "learning_rate": Field(
        "learning rate", float, lambda work: work.optimizer.learning_rate, _with_learning_rate,
        1e-7, 10,
    ),
    "train_samples": Field("training images", int, *_plain("train_samples"), 1, 60_000),
}  # fmt: skip


def in_words(name: str) -> str:
    """Return what an axis is called in prose."""
    return FIELDS[name].words if name in FIELDS else name


def points(axes: Iterable[Axis]) -> Iterator[dict[str, Value]]:
    """Yield every combination of the values of some axes, the last axis varying fastest."""
    axes = list(axes)
    for values in product(*(axis.values for axis in axes)):
        yield dict(zip((axis.name for axis in axes), values, strict=True))


def placed(work: Workload, point: Mapping[str, Value]) -> Workload:
    """Return the workload at a point; what a point does not name stays, `threads` is not of it."""
    for name, field in FIELDS.items():
        if name in point:
            work = field.write(work, point[name])
    return work
