"""Sweeps: the rows of a run along one of its axes, all else being equal.

Sizes, threads and precisions are followed one by one. What else a network may be (activation,
dropout, optimizer, learning rate) is no line to follow: of a run over several of these, every point
is a value.
Devices have default sizes of their own, so that a sweep compares seconds per sample: only then do
processor and accelerator stand side by side. Rows of one value took turns, or were measured in the
same rounds; rows of different values never took turns, except along the threads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec

from bench.results import statistics
from bench.results.cases import Row, rows_of
from bench.results.records import Run
from bench.results.statistics import Interval, Timings
from bench.workload import CPU, VARIANTS, Axis, Device, Workload
from bench.workload.axes import FIELDS, THREADS, Value, in_words, placed


class Contender(NamedTuple):
    """Whose rows they are: one line of a sweep's tables and charts."""

    backend: str
    device: Device
    threads: int | None = None  # where they are another axis of the run


@dataclass(frozen=True, eq=False)
class Sweep:
    """The rows of a run along one axis, numbers in ascending order.

    Of several that belong together the axis is made: its values are their points, in words.
    """

    run: Run
    axis: Axis
    names: tuple[str, ...]  # of the axes that it is made of
    work: Workload  # of all points, with the axis's first value and the sizes of the processor
    fixed: Mapping[str, Value]  # the values of the other axes
    rows: Mapping[Contender, Mapping[Value, Row]]

    @property
    def words(self) -> str:
        """What the axis is called."""
        *others, last = map(in_words, self.names)
        return f"{', '.join(others)} and {last}" if others else last

    @property
    def is_joint(self) -> bool:
        """Whether its values are points of several axes."""
        return len(self.names) > 1

    @property
    def is_scale(self) -> bool:
        """Whether the axis is a size, along which speeds can be interpolated."""
        return not self.is_joint and _is_size(self.axis.name)

    def value_of(self, row: Row) -> Value | None:
        """Return where a row is on the axis; None if it has no place there."""
        return _value(row, self.names)

    @property
    def variant(self) -> str:
        """The label of the work without the axis: "relu, width 512"."""
        fields = [name for name in self.names if name in FIELDS]
        labels = [placed(self.work, {name: FIELDS[name].read(other) for name in fields}).variant
                  for other in VARIANTS.values()]  # fmt: skip
        default = Workload().variant
        return min(labels, key=lambda label: (label.count(","), not label.startswith(default)))

    @cached_property
    def devices(self) -> list[Device]:
        """Where it was computed."""
        return list(dict.fromkeys(contender.device for contender in self.rows))

    @cached_property
    def columns(self) -> dict[Value, dict[Contender, Row]]:
        """The sound rows at each value."""
        return {
            value: {one: rows[value] for one, rows in self.rows.items()
                    if value in rows and rows[value].is_sound}
            for value in self.axis.values
        }  # fmt: skip

    @cached_property
    def fastest(self) -> dict[Value, set[Contender]]:
        """The contenders at each value that no other is shown to be faster than there."""
        return {value: fastest_of(column) for value, column in self.columns.items()}

    def speed_up(self, contender: Contender, value: Value, base: Value) -> Interval | None:
        """Seconds at a base value over those at another one; None if one of them is missing."""
        row, base_row = (self.columns[one].get(contender) for one in (value, base))
        found = row and base_row and statistics.ratio(row.timings, base_row.timings)
        return found.dividing(1) if found else None


def fastest_of(rows: Mapping[Contender, Row]) -> set[Contender]:
    """Return the rows that no other is shown to be faster than; none if the trials are too few."""
    if sum(row.is_telling for row in rows.values()) < 2:
        return set()
    return statistics.fastest_group({one: per_sample(row) for one, row in rows.items()})


def per_sample(row: Row) -> Timings:
    """Return the seconds per sample of a row's epochs."""
    samples = row.workload.train_samples
    turns = {number: [one / samples for one in some] for number, some in row.timings.turns.items()}
    return Timings(turns, row.group)


def rate(row: Row) -> Interval | None:
    """Return the samples per second of a row; None without a trial."""
    return row.interval and row.interval.dividing(row.workload.train_samples)


def sweeps_of(run: Run) -> list[Sweep]:
    """Return the sweeps of a run: for each axis that is followed, one for each point of the others.

    If there is none, one over all points.
    """
    followed = [one for one in run.axes if _is_size(one.name) or one.name == "precision"]
    axes = [[one] for one in followed] or ([list(run.axes)] if run.axes else [])
    return [sweep for some in axes for sweep in _along(run, some)]


def _is_size(name: str) -> bool:
    return name == THREADS or FIELDS[name].kind is int


def _at(row: Row, name: str) -> Value | None:
    return row.case.threads if name == THREADS else FIELDS[name].read(row.workload)


def _value(row: Row, names: Sequence[str]) -> Value | None:
    """Return where a row is on an axis, or on several, in words: "relu, dropout 0.2, adam"."""
    if len(names) == 1:
        return _at(row, names[0])
    found = ((name, _at(row, name)) for name in names)
    return ", ".join(
        value if isinstance(value, str) else f"{in_words(name)} {value:g}"
        for name, value in found
        if value is not None
    )


def _along(run: Run, axes: Sequence[Axis]) -> Sequence[Sweep]:
    names = tuple(axis.name for axis in axes)
    others = [one.name for one in run.axes if one.name not in (*names, THREADS)]
    rows, start = rows_of(run), {axis.name: axis.values[0] for axis in axes}
    axis = Axis(" ".join(names), _values(axes, rows))
    found: dict[tuple[object, ...], Sweep] = {}
    for row in rows:
        fixed = {name: value for name in others if (value := _at(row, name)) is not None}
        work = msgspec.structs.replace(placed(row.workload, start), **CPU.sizes)
        key = (work.fingerprint, *fixed.values())
        sweep = found.setdefault(key, Sweep(run, axis, names, work, fixed, {}))
        threads = None if names == (THREADS,) else row.case.threads
        contender = Contender(row.case.backend, row.case.device, threads)
        assert isinstance(sweep.rows, dict)
        if (value := sweep.value_of(row)) is not None:
            sweep.rows.setdefault(contender, {})[value] = row
    return list(found.values())


def _values(axes: Sequence[Axis], rows: Sequence[Row]) -> tuple[Value, ...]:
    """Return the values of an axis in ascending order, or of several as their points come."""
    names = [axis.name for axis in axes]
    if len(axes) == 1:
        values = axes[0].values
        is_number = all(isinstance(value, int | float) for value in values)
        return tuple(sorted(values, key=float)) if is_number else values
    found = (_value(row, names) for row in rows)
    return tuple(dict.fromkeys(value for value in found if value is not None))
