"""How numbers are written: no digit finer than the spread behind it."""

import math

from bench.results.statistics import Interval

NO_SPREAD = 1e-15  # what is smaller is rounding, not spread
STABLE = 12  # digits; the last four of a float differ between processors' logarithms


def rounded(value: float, digits: int = STABLE) -> float:
    """Return a value to so many significant digits: the same value on every processor."""
    return float(f"{value:.{digits}g}")


def decimals(spread: float) -> int:
    """Return the decimal places at which a spread has one digit, two if the first is a 1."""
    if not (math.isfinite(spread) and spread > NO_SPREAD):
        return 3
    digit, _, exponent = f"{spread:.{STABLE}e}".partition("e")
    return -int(exponent) + (1 if digit < "2" else 0)


def fixed(value: float, places: int) -> str:
    """Return a number with that many decimal places; negative: rounded to tens, hundreds …"""
    return f"{round(rounded(value), places):,.{max(0, places)}f}"


def with_spread(value: float, spread: float | None) -> str:
    """Return a number to the digits that its spread allows; to two if that is unknown or larger."""
    if not spread or spread >= value:
        return significant(value, 2)
    return fixed(value, decimals(spread))


def significant(value: float, digits: int) -> str:
    """Return a number to so many significant digits."""
    value = rounded(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    return fixed(value, digits - 1 - math.floor(math.log10(abs(value))))


def interval(estimate: Interval, unit: float = 1.0) -> str:
    """Return "0.271 [0.265, 0.280]", times a unit; the centre alone where there is no interval.

    If it is wider than that, each of the three has two digits: "0.87 [0.000010, 150]".
    """
    low, centre, high, _ = estimate
    if low is None or high is None or high - low < NO_SPREAD:
        return significant(unit * centre, 2)
    half = unit * (high - low) / 2
    places, is_wide = decimals(half), half >= unit * centre
    shown = [
        fixed(one, places) if round(one, places) and not is_wide else significant(one, 1 + is_wide)
        for one in (unit * low, unit * centre, unit * high)
    ]
    return f"{shown[1]} [{shown[0]}, {shown[2]}]"


def size(count: float | None) -> str:
    """Return bytes as MB or GB (powers of ten), "" if unknown."""
    if count is None:
        return ""
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{significant(count / 1e9, 3)} GB"
