"""Numbers in tables: no digit finer than the spread behind it."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from bench.report import numbers
from bench.statistics import Interval

SPREADS = some.floats(1e-12, 1e12)


def unit(places: int) -> float:
    """Return the value of the last digit."""
    return 10.0**-places


def number(shown: str) -> float:
    """Return what is written."""
    return float(shown.replace(",", ""))


@given(spread=SPREADS)
def test_the_last_digit_is_no_finer_than_the_spread_allows(spread: float) -> None:
    """A spread has one digit, or two if it begins with a 1."""
    digits = spread / unit(numbers.decimals(spread))
    assert 1.999 < digits < 20.001


@given(value=some.floats(1e-6, 1e6), spread=SPREADS)
def test_a_number_is_rounded_to_its_spread(value: float, spread: float) -> None:
    """What is written is off by at most half a unit of the last digit."""
    shown = number(numbers.with_spread(value, spread))
    step = unit(numbers.decimals(spread))
    assert abs(shown - value) <= step * 0.5001 + 1e-12 * value


@given(centre=some.floats(1e-4, 1e4), below=some.floats(1e-6, 0.9), above=some.floats(1e-6, 2))
def test_an_interval_has_one_number_of_places(centre: float, below: float, above: float) -> None:
    """Centre and bounds have the same decimal places, from the interval's width, in order."""
    interval = Interval(centre * (1 - below), centre, centre * (1 + above), 5)
    shown = numbers.interval(interval).replace("[", "").replace("]", "").replace(",", " ").split()
    assume(centre < 300)  # no thousands
    middle, low, high = map(float, shown)
    assert low <= middle <= high
    assert len({len(part.partition(".")[2]) for part in shown}) == 1
    half = (interval.high - interval.low) / 2
    assert half / unit(numbers.decimals(half)) < 20.001


def test_a_centre_is_never_written_as_nothing() -> None:
    """Two trials far apart have a huge interval; the seconds are still seconds."""
    shown = numbers.interval(Interval(0.000005, 0.87, 152_340.0, 2))
    assert shown == "0.9 [0.000005, 200,000]"


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (Interval(0.265, 0.2713, 0.280, 5), "0.271 [0.265, 0.280]"),
        (Interval(0.2, 0.25, 0.3, 5), "0.25 [0.20, 0.30]"),
        (Interval(0.24, 0.26, 0.32, 5), "0.26 [0.24, 0.32]"),
        (Interval(None, 0.2713, None, 1), "0.27"),
        (Interval(900, 1_234.5, 1_800, 5), "1,200 [900, 1,800]"),
        (Interval(0.25, 0.25, 0.25, 2), "0.25"),
        (Interval(4e-7, 4e-7, 4e-7, 2), "0.00000040"),
    ],
)
def test_intervals_are_written_with_their_bounds(interval: Interval, shown: str) -> None:
    """Without bounds, or without any width, two digits of the centre are all that is known."""
    assert numbers.interval(interval) == shown


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.123456, 2, "0.12"), (12_345, 2, "12,000"), (0, 3, "0"), (1.0, 3, "1.00"),
        (0.00123, 1, "0.001"), (-12.3, 2, "-12"), (float("inf"), 2, "inf"),
        (float("nan"), 2, "nan"),
    ],
)  # fmt: skip
def test_significant_digits(value: float, digits: int, shown: str) -> None:
    """Digits count from the first that is not zero."""
    assert numbers.significant(value, digits) == shown


@given(value=some.floats(5e-324, 1e300), digits=some.integers(1, 6))
def test_significant_digits_are_near_the_value(value: float, digits: int) -> None:
    """The error is less than one unit of the last digit."""
    assert abs(number(numbers.significant(value, digits)) - value) <= value * 10.0 ** (1 - digits)


@pytest.mark.parametrize("spread", [0.0, -1.0, float("nan"), float("inf"), 5e-324, 1e-310, 1e308])
def test_no_spread_breaks_a_number(spread: float) -> None:
    """Spreads that are none, or absurd, still give a number."""
    assert number(numbers.fixed(0.25, numbers.decimals(spread))) in (0.25, 0.0)
    assert math.isfinite(number(numbers.with_spread(0.25, spread)))


def test_an_unknown_spread_leaves_two_digits() -> None:
    """Without a spread no more than two digits are claimed."""
    assert numbers.with_spread(0.123456, None) == "0.12"
    assert numbers.with_spread(0.123456, 0.0) == "0.12"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, ""), (0, "0 MB"), (218_000_000, "218 MB"), (999_999_999, "1,000 MB"),
     (1_310_000_000, "1.31 GB"), (149_000_000_000, "149 GB")],
)  # fmt: skip
def test_sizes_are_powers_of_ten(count: int | None, shown: str) -> None:
    """MB below 1 GB, GB with three digits above."""
    assert numbers.size(count) == shown
