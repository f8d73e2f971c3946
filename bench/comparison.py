"""Compare two runs, or two backends of one run, row by row, and refuse what cannot be compared."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import msgspec

from bench import checks, statistics
from bench.records import Cell, Described, Machine, Record, Run
from bench.rows import Row, rows_of
from bench.statistics import Interval

Marks = Mapping[Cell, list[str]]  # violations by row, see bench.checks


class Compared(Record, frozen=True):
    """What came of one pair of rows: new over base, in seconds per epoch."""

    base: str
    new: str
    device: str
    variant: str
    verdict: Literal["faster", "slower", "no difference shown", "not comparable"]
    trials: int = 0  # pairs behind the ratio
    ratio: float | None = None
    low: float | None = None  # of the 95 % interval
    high: float | None = None
    reason: str | None = None  # why not comparable

    @property
    def interval(self) -> Interval | None:
        """The ratio with its interval."""
        if self.ratio is None:
            return None
        return Interval(self.low, self.ratio, self.high, self.trials)

    def is_slower_by_more_than(self, limit: float) -> bool:
        """Whether the whole interval lies beyond 1 + limit."""
        return self.low is not None and self.low > 1 + limit


class Side(NamedTuple):
    """One side of a comparison: a run, or one backend of it."""

    run: Run
    backend: str | None = None

    def rows(self) -> list[Row]:
        """Return the rows of this side."""
        rows = rows_of(self.run)
        return [row for row in rows if self.backend in (None, row.cell.backend)]


def compare(base: Side, new: Side) -> list[Compared]:
    """Return a comparison for each pair of rows of the same device and variant.

    If a side is one backend, its row is compared with that of the other side's backend, whatever
    its name; otherwise rows of the same backend are compared.
    """
    by_name = base.backend is None and new.backend is None

    def key(row: Row) -> tuple[str, ...]:
        cell = row.cell
        sizes = (cell.device, cell.variant, str(row.workload.train_samples))
        return (cell.backend, *sizes) if by_name else sizes

    partners = {key(row): row for row in new.rows()}
    marks = (checks.marks(base.run), checks.marks(new.run))
    return [_compare(row, partners[key(row)], marks) for row in base.rows() if key(row) in partners]


def _compare(base: Row, new: Row, marks: tuple[Marks, Marks]) -> Compared:
    compared = Compared(
        base=base.cell.backend,
        new=new.cell.backend,
        device=new.cell.device,
        variant=new.cell.variant,
        verdict="not comparable",
        reason=why_not(base, new, marks),
    )
    if compared.reason:
        return compared
    ratio = statistics.ratio(*statistics.paired(new.seconds, base.seconds))
    verdict = statistics.verdict(ratio)
    return msgspec.structs.replace(
        compared,
        verdict="no difference shown" if verdict == "~" else verdict,
        trials=ratio.trials,
        ratio=ratio.centre,
        low=ratio.low,
        high=ratio.high,
    )


def why_not(base: Row, new: Row, marks: tuple[Marks, Marks]) -> str | None:
    """Return why two rows cannot be compared; None if they can."""
    if base.cell.workload != new.cell.workload:
        return f"different workloads, {base.cell.workload} and {new.cell.workload}"
    for side, row, marked in (("base", base, marks[0]), ("new", new, marks[1])):
        mistake = checks.proof_mistake(row.proof) or next(iter(marked.get(row.cell, [])), None)
        if mistake:
            return f"{side} is marked: {mistake}"
        if not row.trials:
            return f"{side} has no successful trial"
    if base.inputs != new.inputs or len(base.inputs) > 1:
        return f"different inputs, {_listed(base.inputs)} and {_listed(new.inputs)}"
    if not set(base.seconds) & set(new.seconds):
        return "no round that both completed"
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def differences(base: Run, new: Run) -> list[str]:
    """Return what differs between the environments of two runs, in words."""
    facts = [
        (field.replace("_", " "), getattr(base.machine, field), getattr(new.machine, field))
        for field in Machine.__struct_fields__
    ]
    facts.append(("threads", base.threads, new.threads))
    found = [_change(name, old, young) for name, old, young in facts if old != young]
    by_change: dict[str, list[str]] = {}  # equal ones are said once, with all backends
    for name in sorted(base.backends.keys() & new.backends.keys()):
        old, young = _stack(base.backends[name]), _stack(new.backends[name])
        for part in old | young:
            if old.get(part) != young.get(part):
                change = _change(part, old.get(part), young.get(part))
                by_change.setdefault(change, []).append(name)
    found += [f"{change} ({', '.join(names)})" for change, names in by_change.items()]
    return sorted(found)


def _stack(described: Described) -> dict[str, str | None]:
    return {"python": described.python, **described.versions, **described.environment}


def _change(name: str, old: object, young: object) -> str:
    before, after = ("absent" if value is None else value for value in (old, young))
    return f"{name}: {before} → {after}"
