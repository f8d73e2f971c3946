"""How the rows of a machine changed from run to run, so that a release that got slower is seen.

A row is compared with the one before it that did the same work with as many threads, round by
round as `bench compare` does. Rows that are not proved, or are marked, have no history.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from bench import comparison, statistics
from bench.records import Run
from bench.report import numbers
from bench.report.markdown import table, text
from bench.report.sections import Key, Section
from bench.rows import Row
from bench.statistics import Interval

NEWEST = 10  # measurements of a row to show: a page is read, the run files keep the rest
LEGEND = (
    "The newest first, each compared with the one below it: what seconds per epoch changed by, "
    "paired by round, with the 95 % interval; ~ means that no difference is shown. Two runs are "
    "two moments: what the machine was like then is part of the change."
)


class Measured(NamedTuple):
    """A row and the section of the run that it was measured in."""

    section: Section
    row: Row


class Kind(NamedTuple):
    """What two rows must share to have a common history."""

    key: Key
    device: str
    backend: str


def tables(sections: Sequence[Section]) -> str:
    """Return a table for each workload that was run twice or more on a machine, "" if none was.

    The sections are those of all runs of the machine, also of those that no other table shows.
    """
    found: dict[Key, list[list[str]]] = {}
    for kind, measured in sorted(_measured(sections).items(), key=lambda item: _place(item[0])):
        if len(measured) > 1:
            newest = sorted(measured, key=_moment, reverse=True)[: NEWEST + 1]
            found.setdefault(kind.key, []).extend(_rows(newest))
    headings = {section.key: heading(section) for section in sections} if found else {}
    parts = [part for key, rows in found.items() for part in (headings[key], _table(rows))]
    return "\n\n".join([LEGEND, *parts]) if parts else ""


def _measured(sections: Sequence[Section]) -> dict[Kind, list[Measured]]:
    """Return the rows that may be compared, by kind."""
    found: dict[Kind, list[Measured]] = {}
    for section in sections:
        for row in section.rows:
            kind = Kind(section.key, row.cell.device, row.cell.backend)
            marks = (section.marks, section.marks)
            if comparison.why_not(row, row, marks) is None:
                found.setdefault(kind, []).append(Measured(section, row))
    return found


def _moment(measured: Measured) -> tuple[str, str]:
    return measured.section.run.created, measured.section.run_name


def _place(kind: Kind) -> tuple[str, ...]:
    return (*map(str, kind.key), kind.backend, kind.device)


def heading(section: Section) -> str:
    """Return the title of a table."""
    workload = section.workload
    words = f"{workload.variant}, {workload.train_samples:,} images, {section.run.threads} threads"
    return f"**{text(words)}** (workload {text(section.key.workload)})"


def _table(rows: Sequence[Sequence[str]]) -> str:
    headers = ["backend", "device", "date", "versions", "s per epoch [95 %]", "trials", "change"]
    return table(headers, rows, left=4)


def _rows(newest: Sequence[Measured]) -> list[list[str]]:
    """Return the lines of one kind; one row more than is shown is there to be compared with."""
    changes = [change(base.row, new.row) for new, base in pairwise(newest)]
    lines = []
    for (section, row), changed in zip(newest[:NEWEST], [*changes, "–"], strict=False):
        assert row.interval is not None, "rows without a trial were left out"
        lines.append([
            text(row.cell.backend),
            text(row.cell.device),
            text(section.run.created[:10]),
            text(versions(section.run, row.cell.backend)),
            numbers.interval(row.interval),
            str(len(row.trials)),
            changed,
        ])  # fmt: skip
    return lines


def versions(run: Run, backend: str) -> str:
    """Return what a backend stood on, in one line."""
    described = run.backends.get(backend)
    parts = described.versions.items() if described else ()
    return ", ".join(f"{name} {version}" for name, version in parts if version)


def change(base: Row, new: Row) -> str:
    """Return "+8 % [+5, +12] slower" for the seconds per epoch, "~" if no difference is shown."""
    seconds = statistics.paired(new.seconds, base.seconds)
    if not seconds[0]:
        return "–"
    ratio = statistics.ratio(*seconds)
    verdict = statistics.verdict(ratio)
    return "~" if verdict == "~" else f"{percent(ratio)} {verdict}"


def percent(ratio: Interval) -> str:
    """Return a ratio with its interval as a change in percent."""
    low, high = ratio.low or 0.0, ratio.high or inf
    places = max(0, numbers.decimals(50 * (high - low)))
    bounds = (f"{100 * (bound - 1):+,.{places}f}" for bound in (ratio.centre, low, high))
    centre, below, above = (bound.replace("-", "−") for bound in bounds)
    return f"{centre} % [{below}, {above}]"
