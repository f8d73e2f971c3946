"""Sweeps: the rows of a run along one of its axes, all else being equal.

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
    """The rows of a run along one axis, numbers in ascending order."""

    run: Run
    axis: Axis
    work: Workload  # of all points, with the axis's first value and the sizes of the processor
    fixed: Mapping[str, Value]  # the values of the other axes
    rows: Mapping[Contender, Mapping[Value, Row]]

    @property
    def words(self) -> str:
        """What the axis is called."""
        return in_words(self.axis.name)

    @property
    def is_scale(self) -> bool:
        """Whether the axis is a size, along which speeds can be interpolated."""
        return self.axis.name == THREADS or FIELDS[self.axis.name].kind is int

    @property
    def variant(self) -> str:
        """The label of the work without the axis: "relu, width 512"."""
        field = FIELDS.get(self.axis.name)
        labels = [field.write(self.work, field.read(other)).variant if field else self.work.variant
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
    names = {str(number): contender for number, contender in enumerate(rows)}
    timings = {name: per_sample(rows[contender]) for name, contender in names.items()}
    return {names[name] for name in statistics.fastest_group(timings)}


def per_sample(row: Row) -> Timings:
    """Return the seconds per sample of a row's epochs."""
    samples = row.workload.train_samples
    turns = {number: [one / samples for one in some] for number, some in row.timings.turns.items()}
    return Timings(turns, row.group)


def rate(row: Row) -> Interval | None:
    """Return the samples per second of a row; None without a trial."""
    return row.interval and row.interval.dividing(row.workload.train_samples)


def value_of(row: Row, name: str) -> Value | None:
    """Return where a row is on an axis."""
    return row.case.threads if name == THREADS else FIELDS[name].read(row.workload)


def sweeps_of(run: Run) -> list[Sweep]:
    """Return the sweeps of a run: for each of its axes one for each combination of all else."""
    return [sweep for axis in run.axes for sweep in _along(run, axis)]


def _along(run: Run, axis: Axis) -> Sequence[Sweep]:
    if all(isinstance(value, int | float) for value in axis.values):
        axis = msgspec.structs.replace(axis, values=tuple(sorted(axis.values, key=float)))
    others = [one.name for one in run.axes if one.name not in (axis.name, THREADS)]
    found: dict[tuple[object, ...], Sweep] = {}
    for row in rows_of(run):
        fixed = {name: value for name in others if (value := value_of(row, name)) is not None}
        work = placed(row.workload, {axis.name: axis.values[0]})
        work = msgspec.structs.replace(work, **CPU.sizes)
        key = (work.fingerprint, *fixed.values())
        sweep = found.setdefault(key, Sweep(run, axis, work, fixed, {}))
        threads = None if axis.name == THREADS else row.case.threads
        contender = Contender(row.case.backend, row.case.device, threads)
        assert isinstance(sweep.rows, dict)
        if (value := value_of(row, axis.name)) is not None:
            sweep.rows.setdefault(contender, {})[value] = row
    return list(found.values())
