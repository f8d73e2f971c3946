"""What is noted around a trial, from scripted clocks and files."""

from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from unit.machine.fakes import Library, Plant, nvml

from bench.machine import Monitor
from bench.machine.monitor import other_work
from bench.results.hardware import Conditions
from bench.workload import Device

Linux = namedtuple("Linux", "user nice system idle iowait irq softirq steal guest guest_nice")
Mac = namedtuple("Mac", "user nice idle system")


def linux(user: float = 0, idle: float = 0, iowait: float = 0, steal: float = 0) -> Linux:
    """Return the seconds of one processor."""
    return Linux(user, 0, 0, idle, iowait, 0, 0, steal, user, 0)


def system(*looks: list[Any]) -> SimpleNamespace:
    """Return a fake of psutil: the times of processors at each look."""
    each = iter(looks)
    return SimpleNamespace(cpu_times=lambda _percpu: next(each))


def cpufreq(name: str, *values: object) -> dict[str, str]:
    """Return the files of that name of each CPU."""
    path = f"sys/devices/system/cpu/cpu{{}}/cpufreq/scaling_{name}"
    return {path.format(cpu): f"{value}\n" for cpu, value in enumerate(values)}


@pytest.mark.parametrize(
    ("before", "after", "load"),
    [
        ([linux(idle=100)] * 2, [linux(idle=101)] * 2, 0.0),
        ([linux(idle=100)] * 2, [linux(idle=100.5), linux(idle=100)], 1.5),
        ([linux(idle=100)] * 2, [linux(idle=100.5, iowait=0.5), linux(idle=100, steal=1)], 0.0),
        ([linux(idle=100)] * 2, [linux(idle=101.1), linux(idle=101)], 0.0),
        ([linux(idle=100)] * 2, [linux(idle=90, user=20), linux(idle=100)], 2.0),
        # Systems that count neither waiting nor stolen time have a load too.
        ([Mac(0, 0, 100, 0)] * 2, [Mac(0, 0, 100.5, 0)] * 2, 1.0),
        ([], [], None),
    ],
)
def test_load_is_what_is_neither_idle_nor_stolen(
    plant: Plant, before: list[Any], after: list[Any], load: float | None
) -> None:
    """Cores busy = processors less idle, waiting and stolen time per second, within bounds."""
    seconds, source = iter([10.0, 11.0]), plant(system=system(before, after))
    assert other_work(source, lambda: next(seconds), lambda _seconds: None) == load


def test_an_unknown_machine_has_no_conditions(plant: Plant) -> None:
    watch = Monitor(source=plant())
    watch.sample()
    assert watch.finish() == Conditions()


@pytest.mark.parametrize(
    ("cpus", "expected"), [(None, (3600.0, 4100.0)), ([0, 1, 9], (2900.0, 3600.0))]
)
def test_frequencies_are_those_of_working_processors(
    plant: Plant, cpus: list[int] | None, expected: tuple[float, float]
) -> None:
    """Of each sample the fastest of the child's processors counts: the idle ones clock down."""
    watch = Monitor(cpus=cpus, source=plant(cpufreq("cur_freq", 800_000, 3_600_000, 900_000)))
    watch.sample()
    plant(cpufreq("cur_freq", 2_900_000, "", 4_100_000))  # one went offline
    watch.sample()
    assert watch.finish().frequency_mhz == expected


@pytest.mark.parametrize(
    ("names", "governor"),
    [(("performance", "performance"), "performance"),
     (("powersave", "performance"), "performance, powersave"),
     ((), None)],
)  # fmt: skip
def test_every_governor_is_named(
    plant: Plant, names: tuple[str, ...], governor: str | None
) -> None:
    source = plant(cpufreq("cur_freq", 2_000_000, 3_000_000) | cpufreq("governor", *names))
    assert Monitor(source=source).finish().governor == governor


@pytest.mark.parametrize(
    ("before", "after", "cpus", "share"),
    [
        # 0.25 of 10 seconds; the guests' time is not counted twice.
        ([linux(user=1, idle=8, steal=0.05)], [linux(user=6, idle=12.75, steal=0.3)], None, 0.025),
        # What is stolen from a pinned child does not drown among idle processors.
        ([linux(user=1)] * 2, [linux(user=1, idle=1), linux(user=1.5, steal=0.5)], [4], 0.5),
        ([linux(idle=9, steal=5)], [linux(idle=9, steal=5)], None, None),
        ([linux(idle=9, steal=5)], [], None, None),
        ([Mac(0, 0, 1, 0)], [Mac(0, 0, 2, 0)], None, None),
    ],
)
def test_stolen_time_is_a_share_of_the_time_of_the_childs_processors(
    plant: Plant, before: list[Any], after: list[Any], cpus: list[int] | None, share: float | None
) -> None:
    source = plant({"sys/devices/system/cpu/online": "0,4"}, system(before, before, before, after))
    assert Monitor(cpus=cpus, source=source).finish().stolen == share


@given(times=some.lists(some.floats(0, 1e9), min_size=8, max_size=8))
def test_stolen_time_is_a_share_whatever_is_counted(plant: Plant, times: list[float]) -> None:
    """Some kernels' counts of stolen time go back: that is no negative share."""
    before, after = [linux(*times[:4])], [linux(*times[4:])]
    share = Monitor(source=plant(system=system(before, before, before, after))).finish().stolen
    assert share is None or 0 <= share <= 1


@pytest.mark.parametrize(
    ("battery", "expected"),
    [
        (lambda: None, None),
        (lambda: SimpleNamespace(power_plugged=True), False),
        (lambda: SimpleNamespace(power_plugged=False), True),
        (lambda: SimpleNamespace(power_plugged=None), None),
        (lambda: Path("/does/not/exist").read_text(), None),
    ],
)
def test_battery_is_known_or_absent(
    plant: Plant, battery: Callable[[], Any], expected: bool | None
) -> None:
    """A machine without a battery, or one that does not say, is on neither."""
    source = plant(system=SimpleNamespace(sensors_battery=battery))
    assert Monitor(source=source).finish().on_battery is expected


def test_a_gpus_extremes_are_kept(plant: Plant) -> None:
    """The highest temperature, the range of clocks while busy and every reason once."""
    temperatures, clocks, reasons = iter([40, 71, 0]), iter([1980, 1410]), iter([1, 4, 4 | 8])
    library = Library(
        nvmlDeviceGetTemperature=lambda *_: next(temperatures),
        nvmlDeviceGetClockInfo=lambda *_: next(clocks),
        nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: next(reasons),
    )
    watch = Monitor(Device("cuda", 0), source=plant(), nvml=nvml(library))
    for _ in range(3):
        watch.sample()
    assert watch.finish() == Conditions(
        gpu_temperature_celsius=71,
        gpu_clock_mhz=(1410, 1980),
        gpu_throttle_reasons=("software power cap", "hardware slowdown"),
    )
