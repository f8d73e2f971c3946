"""Warnings: what was seen, why it matters and what to try, in one text each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_machine
from unit.machine.fakes import Library, nvml

from bench.machine import diagnostics
from bench.machine.nvidia import DISTRESS, THROTTLE_REASONS
from bench.results.hardware import Conditions

CALM = Conditions(load=0.1, frequency_mhz=(2_900, 3_000), governor="performance", stolen=0.0,
                  on_battery=False, gpu_throttle_reasons=("software power cap",))  # fmt: skip
SLOWED = Conditions(gpu_throttle_reasons=("hardware thermal slowdown",))
WARNED = [
    (Conditions(load=1.25), "up to 1.2 cores busy", "compete with the trials", "Close them"),
    (Conditions(governor="powersave"), "is powersave", "with a delay", "Set it to performance"),
    (Conditions(on_battery=True), "running on battery", "slow down", "Plug it in"),
    (Conditions(frequency_mhz=(1_000, 3_000)), "1,000 to 3,000 MHz", "do not compare", "cooling"),
    (SLOWED, "(hardware thermal slowdown)", "overheated", "let it cool down"),
    (Conditions(stolen=0.05), "up to 5 % of the CPU time", "had to wait", "quieter time"),
]


@pytest.mark.parametrize(("conditions", "seen", "why", "what"), WARNED)
def test_each_warning_says_what_why_and_what_to_try(
    conditions: Conditions, seen: str, why: str, what: str
) -> None:
    (warning,) = diagnostics.of_conditions([CALM, conditions])
    assert -1 < warning.index(seen) < warning.index(why) < warning.index(what)


@pytest.mark.parametrize(
    "conditions",
    [[CALM, CALM], [Conditions()], [], [Conditions(load=0.5)], [Conditions(stolen=0.02)],
     [Conditions(frequency_mhz=(2_400, 3_000))]],
)  # fmt: skip
def test_nothing_is_said_of_a_calm_machine(conditions: list[Conditions]) -> None:
    """Half a core, two per cent and a fifth of the frequency are still calm, the unknown is too."""
    assert diagnostics.of_conditions(conditions) == []


def test_what_many_trials_saw_is_said_once() -> None:
    """How often it was seen stands in the text, where there was more than one trial."""
    (warning,) = diagnostics.of_conditions([CALM, Conditions(load=2.0), Conditions(load=3.0)])
    assert "up to 3.0 cores busy in 2 of 3 trials: they" in warning
    (alone,) = diagnostics.of_conditions([Conditions(load=2.0)])
    assert "up to 2.0 cores busy: they" in alone


@pytest.mark.parametrize(("bit", "name"), THROTTLE_REASONS.items())
def test_a_gpu_in_distress_is_warned_about_as_nvml_words_it(bit: int, name: str) -> None:
    """Power caps and settings of the clock belong to normal work."""
    reading = nvml(Library(nvmlDeviceGetCurrentClocksThrottleReasons=bit)).reading("handle")
    found = diagnostics.of_conditions([Conditions(gpu_throttle_reasons=reading.throttle_reasons)])
    assert bool(found) == (name in DISTRESS) == ("slowdown" in name or "brake" in name)


@pytest.mark.parametrize(
    ("facts", "beginnings"),
    [
        ({"virtual_machine": True}, ["This is a virtual machine: others"]),
        ({"virtual_machine": True, "hypervisor": "KVM"}, ["This is a virtual machine (KVM): "]),
        ({"usable_cores": 2}, ["Only 2 of 4 logical cores may"]),
        ({"usable_cores": 4, "virtual_machine": False}, []),
        ({"logical_cores": None}, []),
    ],
)
def test_a_machine_is_warned_about_before_anything_has_run(
    facts: dict[str, Any], beginnings: list[str]
) -> None:
    found = diagnostics.of_machine(make_machine(**facts))
    assert [text[: len(start)] for text, start in zip(found, beginnings, strict=True)] == beginnings


def test_a_slow_first_trial_is_named_with_its_row() -> None:
    rounds = {3: 0.25, 0: 0.31, 1: 0.21, 2: 0.21}
    warming, _ = diagnostics.of_trials({"torch on cpu": rounds})
    assert "(torch on cpu 1.48 times as long)" in warming


def test_of_many_rows_the_first_are_named() -> None:
    rows = {str(number): {0: 0.20, 1: 0.30} for number in range(20)}
    (warning,) = diagnostics.of_trials(rows)
    assert "7 0.2 to 0.3 s per epoch, and 12 more):" in warning


def test_trials_far_apart_are_named_with_both_ends() -> None:
    """One warning names all rows whose trials lie far apart."""
    rows = {f"{name} on cpu": {0: 0.20, 1: 0.30} for name in ("jax", "numpy")}
    (warning,) = diagnostics.of_trials(rows)
    ends = "0.2 to 0.3 s per epoch"
    assert f"(jax on cpu {ends}, numpy on cpu {ends})" in warning
    assert "Run more rounds" in warning


@given(rounds=some.dictionaries(some.integers(0, 9), some.floats(1.0, 1.24), max_size=6))
def test_nothing_is_said_of_trials_close_together(rounds: dict[int, float]) -> None:
    assert diagnostics.of_trials({"numpy on cpu": rounds}) == []


def test_slow_epochs_are_counted_for_each_row() -> None:
    """The first epoch of a trial compiles and does not count."""
    slow = [[9.0, 0.1, 0.1, 0.5], [9.0, 0.1, 0.1, 0.2], [9.0, 0.1, 0.1, 0.4]]
    (warning,) = diagnostics.of_epochs({"jax on cpu": slow, "numpy on cpu": [[9.0, 0.1, 0.1]]})
    assert "(jax on cpu 2 of 9 epochs, up to 5.0 times as long)" in warning
    assert warning.index("Single epochs") < warning.index("interrupted") < warning.index("close")


@pytest.mark.parametrize(
    "trial", [[], [9.0], [9.0, 0.3], [9.0, 0.1, 0.1, 0.29], [0.9, 0.001, 0.001, 0.019]]
)
def test_nothing_is_said_of_epochs_like_the_others(trial: list[float]) -> None:
    """A single interruption may make a very short epoch many times as long."""
    assert diagnostics.of_epochs({"numpy on cpu": [trial]}) == []
