"""Which rows stand in one table: same machine, same threads, same workload, same inputs.

Of several runs that did the same work on a machine, the table shows the one with the most sound
rows, the newest of those: rows of different runs were not measured side by side.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bench import checks
from bench.records import Cell, Run
from bench.rows import Row, rows_of
from bench.workload import Workload


class Key(NamedTuple):
    """What two rows must share to stand in one table."""

    workload: str  # fingerprint
    inputs: str  # hash; "" for rows without a trial, which join the others of their workload
    threads: int


class Section(NamedTuple):
    """The rows of one run that share a table."""

    key: Key
    workload: Workload
    run_name: str
    run: Run
    rows: Sequence[Row]
    marks: Mapping[Cell, list[str]]


def sections_of(name: str, run: Run) -> list[Section]:
    """Return the sections of one run."""
    marks = dict(checks.marks(run))
    groups: dict[Key, list[Row]] = {}
    for row in rows_of(run):
        if len(row.inputs) > 1:  # resumed with other images, say: no table is right for it
            mixed = f"its rounds were given different inputs: {', '.join(sorted(row.inputs))}"
            marks[row.cell] = [*marks.get(row.cell, []), mixed]
        key = Key(row.cell.workload, min(row.inputs, default=""), run.threads)
        groups.setdefault(key, []).append(row)
    return [
        Section(key, run.workloads[key.workload], name, run, rows, marks)
        for key, rows in _joined(groups).items()
    ]


def _joined(groups: dict[Key, list[Row]]) -> dict[Key, list[Row]]:
    """Put rows without a trial into the first table of their workload."""
    for key in [key for key in groups if not key.inputs]:
        home = next((k for k in groups if k.workload == key.workload and k.inputs), None)
        if home is not None:
            groups[home] += groups.pop(key)
    return groups


def newest_widest(sections: Iterable[Section]) -> dict[Key, Section]:
    """Return for each table the section to show."""
    chosen: dict[Key, Section] = {}
    for section in sections:
        rival = chosen.get(section.key)
        if rival is None or _rank(section) >= _rank(rival):
            chosen[section.key] = section
    return chosen


def _rank(section: Section) -> tuple[int, str, str]:
    sound = sum(
        bool(row.trials) and checks.proof_mistake(row.proof) is None for row in section.rows
    )
    return sound, section.run.created, section.run_name
