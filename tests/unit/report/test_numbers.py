"""Numbers in tables: no digit finer than the spread behind it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.report import numbers
from bench.results.statistics import Interval

SPREADS = some.floats(1e-12, 1e12)


def unit(places: int) -> float:
    return 10.0**-places


def number(shown: str) -> float:
    return float(shown.replace(",", ""))


@given(spread=SPREADS)
def test_the_last_digit_is_no_finer_than_the_spread_allows(spread: float) -> None:
    digits = spread / unit(numbers.decimals(spread))
    assert 1.999 < digits < 20.001


@given(value=some.floats(1e-6, 1e6), spread=SPREADS)
def test_a_number_is_rounded_to_its_spread(value: float, spread: float) -> None:
    shown = number(numbers.with_spread(value, spread))
    step = unit(numbers.decimals(spread))
    assert abs(shown - value) <= step * 0.5001 + 1e-12 * value


@given(value=some.floats(1e-6, 1e6), spread=SPREADS)
def test_a_number_is_never_written_as_nothing(value: float, spread: float) -> None:
    assert number(numbers.with_spread(value, spread)) > 0


@pytest.mark.parametrize(
    ("interval", "shown"),
    [
        (Interval(0.265, 0.2713, 0.280, 5), "0.271 [0.265, 0.280]"),
        (Interval(0.2, 0.25, 0.3, 5), "0.25 [0.20, 0.30]"),
        (Interval(0.24, 0.26, 0.32, 5), "0.26 [0.24, 0.32]"),
        (Interval(None, 0.2713, None, 1), "0.27"),
        (Interval(900, 1_234.5, 1_800, 5), "1,200 [900, 1,800]"),
        (Interval(8, 1_100.0, 1_600, 5), "1,100 [8, 1,600]"),
        (Interval(0.000005, 0.87, 152_340.0, 2), "0.87 [0.0000050, 150,000]"),
        (Interval(0.08, 0.6, 8.11, 2), "0.60 [0.080, 8.1]"),
        (Interval(0.25, 0.25, 0.25, 2), "0.25"),
        (Interval(4e-7, 4e-7, 4e-7, 2), "0.00000040"),
    ],
)
def test_intervals_are_written_with_their_bounds(interval: Interval, shown: str) -> None:
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
    assert numbers.significant(value, digits) == shown


@pytest.mark.parametrize("spread", [0.0, -1.0, float("nan"), float("inf"), 5e-324, 1e-310, 1e308])
def test_no_spread_breaks_a_number(spread: float) -> None:
    assert number(numbers.fixed(0.25, numbers.decimals(spread))) in (0.25, 0.0)
    assert math.isfinite(number(numbers.with_spread(0.25, spread)))


@given(value=some.floats(1e-6, 1e6), spread=SPREADS)
def test_the_last_bits_of_a_number_change_nothing(value: float, spread: float) -> None:
    value, spread = float(f"{value:.4g}"), float(f"{spread:.4g}")
    for towards in (0.0, math.inf):
        other, wider = math.nextafter(value, towards), math.nextafter(spread, towards)
        assert numbers.with_spread(other, wider) == numbers.with_spread(value, spread)
        assert numbers.significant(other, 3) == numbers.significant(value, 3)


@pytest.mark.parametrize(
    ("count", "shown"),
    [(None, ""), (0, "0 MB"), (218_000_000, "218 MB"), (999_999_999, "1,000 MB"),
     (1_310_000_000, "1.31 GB"), (149_000_000_000, "149 GB")],
)  # fmt: skip
def test_sizes_are_powers_of_ten(count: int | None, shown: str) -> None:
    assert numbers.size(count) == shown
