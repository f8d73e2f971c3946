"""The end of a run is the answer: the speed table, the warnings, and where the pages are."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.results.records import Run

if TYPE_CHECKING:
    from bench.report import tables

LEGIBLE = 100  # columns of a terminal beyond which no sentence runs
# What a narrow terminal goes without, the least telling first; the pages have it all.
SPARED = (
    "% of peak", "µs/step", "GFLOP/s", "version", "trials", "verified", "samples/s",
    "× GEMM bound", "device",
)  # fmt: skip


def show(run: Run, reports: Path, console: Console) -> None:
    """Print what came of a run, as wide as the console."""
    from bench.report import summary  # NumPy and SciPy: when all is measured

    for widths in summary.answers(run):
        console.print()
        for drawn in _fitting(widths, console):
            console.print(drawn)
        for note in widths[0].notes:
            console.print(note, markup=False, highlight=False)
    for warning in summary.warnings(run):
        width = min(console.width, LEGIBLE)
        lines = textwrap.fill(warning, width, initial_indent="! ", subsequent_indent="  ")
        console.print(f"\n{lines}", markup=False, highlight=False)
    console.print(f"\ntables and charts: {reports / 'README.md'}", highlight=False, soft_wrap=True)


def _fitting(widths: Sequence["tables.Table"], console: Console) -> list[Table]:
    """Return the first of some tables that fits into the width of the console.

    If none does, the last one with as many of its columns as fit, or in pieces.
    """
    for found in widths:
        columns = list(range(len(found.headers)))
        if _fits(_drawn(found, columns), console):
            return [_drawn(found, columns)]
    for header in SPARED:
        if _fits(_drawn(found, columns), console):
            break
        columns = [column for column in columns if found.headers[column] != header]
    return _pieces(found, columns, console)


def _pieces(found: "tables.Table", columns: Sequence[int], console: Console) -> list[Table]:
    """Return some columns of a table, halved until they fit; its first ones stand in each piece."""
    names = [column for column in columns if column < found.left]
    others = columns[len(names) :]
    drawn, half = _drawn(found, columns), len(others) // 2
    if half == 0 or _fits(drawn, console):
        return [drawn]
    halves = (others[:half], others[half:])
    return [one for some in halves for one in _pieces(found, [*names, *some], console)]


def _fits(drawn: Table, console: Console) -> bool:
    unlimited = console.options.update(max_width=10_000)
    return console.measure(drawn, options=unlimited).maximum <= console.width


def _drawn(found: "tables.Table", columns: Sequence[int]) -> Table:
    """Return some columns of a table; rows that are flagged are struck through."""
    drawn = Table(title=Text(found.title), title_justify="left", box=None, pad_edge=False)
    for column in columns:
        left = column < found.left
        header = Text(found.headers[column])
        drawn.add_column(header, justify="left" if left else "right", overflow="fold")
    for number, row in enumerate(found.rows):
        marks = found.flagged.get(number, "")
        first, *rest = (Text(row[column], "strike" if marks else "") for column in columns)
        drawn.add_row(first.append(marks, "not strike"), *rest)
    return drawn


def is_sound(run: Run) -> bool:
    """Return whether no trial failed and no row is flagged."""
    from bench.results.cases import rows_of  # as above

    return not any(row.failures or row.flags for row in rows_of(run))
