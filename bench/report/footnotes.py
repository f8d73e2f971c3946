"""Footnotes: numbered marks in a table, their texts below it."""

from bench.report.markdown import text

DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Footnotes:
    """Collects the notes of a section; equal notes share a number."""

    def __init__(self) -> None:
        """Start with none."""
        self._numbers: dict[str, int] = {}

    def mark(self, note: str) -> str:
        """Return the mark of a note, adding the note if it is new."""
        number = self._numbers.setdefault(note, len(self._numbers) + 1)
        return f" {str(number).translate(DIGITS)}"

    def below(self) -> str:
        """Return the notes, one a line, "" if there are none."""
        marks = ((str(number).translate(DIGITS), note) for note, number in self._numbers.items())
        return "  \n".join(f"{mark} {text(note)}" for mark, note in marks)
