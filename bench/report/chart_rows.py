"""The rows that the charts of a section show, and what they are called there."""

from typing import NamedTuple

from bench.report import tables
from bench.report.footnotes import Footnotes
from bench.report.sections import Section
from bench.rows import Row

NAME_LETTERS = 26  # longer ones would not fit beside the axis


class Named(NamedTuple):
    """A row with trials, its name in the charts, and whether it may be believed."""

    name: str
    row: Row
    sound: bool


def named_rows(section: Section) -> list[Named]:
    """Return the rows with trials, the fastest first, named apart."""
    contest = tables.Contest(section.rows, section.marks, Footnotes())
    rows = [row for row in contest.rows if row.trials]
    several = len({row.cell.device for row in rows}) > 1
    names: dict[str, int] = {}
    return [Named(_unique(label(row, several), names), row, contest.is_sound(row)) for row in rows]


def label(row: Row, with_device: bool) -> str:
    """Return the name of a row in the charts: one short line of printable letters."""
    name = f"{row.cell.backend} {row.cell.device}" if with_device else row.cell.backend
    return shown(name, NAME_LETTERS)


def shown(text: str, letters: int) -> str:
    """Return a text from a run file as one line of printable letters, shortened if need be."""
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip() or "?"
    return line if len(line) <= letters else line[: letters - 1] + "…"


def _unique(name: str, taken: dict[str, int]) -> str:
    """Return the name, with a number if an equal one was there before."""
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name} #{taken[name]}"
