"""Texts and numbers of the page, so that they take little room in it."""

from math import isfinite


class Texts:
    """Texts, each held once and known by its number."""

    def __init__(self) -> None:
        """Start with none."""
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text, adding it if it is new."""
        return self._numbers.setdefault(text, len(self._numbers))

    def all(self) -> list[str]:
        """Return the texts in the order of their numbers."""
        return list(self._numbers)


def short(value: float, digits: int = 7) -> float:
    """Return a value with so many significant digits, so that it takes little room."""
    return float(f"{value:.{digits}g}") if isfinite(value) else value
