"""What endangers the numbers: what was seen, why it matters, what to do, in one text each."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_cell, make_machine

from bench import risks
from bench.records import Moment

CALM = Moment(load=0.1, frequency_mhz=(2_900, 3_000), governor="performance", stolen=0.0,
              on_battery=False, gpu_throttle_reasons=("gpu idle", "sw power cap"))  # fmt: skip
DANGERS = [
    (Moment(load=1.25), "up to 1.2 cores busy", "take time and caches", "Close them"),
    (Moment(governor="powersave"), "governor is powersave", "follows the load", "Set it to perf"),
    (Moment(on_battery=True), "runs on battery", "slower", "Plug it in"),
    (Moment(frequency_mhz=(1_000, 3_000)), "from 3,000 down to 1,000 MHz", "not alike", "cooling"),
    (Moment(gpu_throttle_reasons=("HW Thermal Slowdown",)), "HW Thermal", "hot", "cool down"),
    (Moment(stolen=0.05), "up to 5 % of the CPU time", "waited", "quieter time"),
]


@pytest.mark.parametrize(("moment", "seen", "why", "what"), DANGERS)
def test_each_danger_says_what_why_and_what_to_do(
    moment: Moment, seen: str, why: str, what: str
) -> None:
    """One danger in one trial is one text with all three parts."""
    (risk,) = risks.of_moments([CALM, moment])
    assert seen in risk
    assert why in risk
    assert what in risk
    assert risk.index(seen) < risk.index(why) < risk.index(what)


def test_a_calm_machine_has_no_risks() -> None:
    """Neither calm moments, nor unknown ones, nor none at all say anything."""
    assert risks.of_moments([CALM, CALM]) == []
    assert risks.of_moments([Moment()]) == []
    assert risks.of_moments([]) == []


def test_a_danger_of_many_trials_is_said_once() -> None:
    """How often it was seen stands in the text, where there was more than one trial."""
    (risk,) = risks.of_moments([CALM, Moment(load=2.0), Moment(load=3.0)])
    assert "up to 3.0 cores busy in 2 of 3 trials" in risk
    (alone,) = risks.of_moments([Moment(load=2.0)])
    assert "up to 2.0 cores busy: they" in alone
    (alone,) = risks.of_moments([Moment(stolen=0.5)])
    assert "to others: those" in alone


def test_all_dangers_at_once_are_all_said() -> None:
    """No risk hides another."""
    assert len(risks.of_moments([moment for moment, *_ in DANGERS])) == len(DANGERS)


@pytest.mark.parametrize(
    "moment", [Moment(load=0.5), Moment(stolen=0.02), Moment(frequency_mhz=(2_400, 3_000))]
)
def test_what_lies_at_the_limit_is_no_risk(moment: Moment) -> None:
    """Half a core, two per cent and a fifth of the frequency are still calm."""
    assert risks.of_moments([moment]) == []


def test_virtual_machines_and_shared_ones_are_risks_of_their_own() -> None:
    """Both are known before anything has run."""
    (virtual,) = risks.of_machine(make_machine(virtual_machine=True, hypervisor="KVM"))
    assert virtual.startswith("This is a virtual machine (KVM): neighbours")
    (shared,) = risks.of_machine(make_machine(usable_cores=2, logical_cores=4))
    assert shared.startswith("Only 2 of 4 logical cores")
    assert risks.of_machine(make_machine(virtual_machine=False, usable_cores=4)) == []
    assert risks.of_machine(make_machine(usable_cores=None, logical_cores=None)) == []


def test_a_slow_first_trial_is_a_risk() -> None:
    """The first of several trials that took half as long again is named with its row."""
    (risk,) = risks.of_trials({make_cell("torch"): {0: 0.31, 1: 0.21, 2: 0.21, 3: 0.25}})[:1]
    assert risk.startswith("First trials were slow (torch on cpu 1.48 times the others): ")


def test_trials_far_apart_are_a_risk() -> None:
    """A cell whose trials differ by more than a quarter is named with both ends."""
    (risk,) = risks.of_trials({make_cell("numpy"): {0: 0.20, 1: 0.30}})
    assert "(numpy on cpu 0.2 to 0.3 s an epoch)" in risk
    assert "Run more rounds" in risk


def test_what_holds_for_many_rows_is_said_once() -> None:
    """One warning names all rows whose trials lie far apart."""
    rows = {make_cell(name): {0: 0.20, 1: 0.30} for name in ("jax", "numpy", "torch")}
    (risk,) = risks.of_trials(rows)
    assert all(f"{name} on cpu" in risk for name in ("jax", "numpy", "torch"))


@given(rounds=some.dictionaries(some.integers(0, 9), some.floats(1.0, 1.24), max_size=6))
def test_trials_close_together_are_no_risk(rounds: dict[int, float]) -> None:
    """Within a quarter, whatever their number, nothing is said."""
    assert risks.of_trials({make_cell(): rounds}) == []


@given(rounds=some.dictionaries(some.integers(0, 9), some.floats(1e-6, 1e6), max_size=6))
def test_any_trials_can_be_judged(rounds: dict[int, float]) -> None:
    """Every risk of every cell is a text of at least two sentences."""
    for risk in risks.of_trials({make_cell(): rounds}):
        assert ": " in risk
        assert ". " in risk
