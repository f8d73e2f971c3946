"""What is noted around a trial, from scripted clocks and fake /proc and /sys trees."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import moment, nvidia
from bench.moment import Watch
from bench.records import Moment

CPU = "sys/devices/system/cpu/cpu{}/cpufreq/scaling_{}"


def plant(root: Path, files: dict[str, str]) -> None:
    """Write files, path -> text, below the fake root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def frequencies(root: Path, *megahertz: int) -> None:
    """Set the current frequency of each CPU."""
    files = {CPU.format(cpu, "cur_freq"): f"{value}000\n" for cpu, value in enumerate(megahertz)}
    plant(root, files)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty folder in the place of the system's root; nothing else runs, no battery."""
    monkeypatch.setattr("bench.sources.ROOT", tmp_path)
    monkeypatch.setattr(moment, "other_work", lambda: 0.0)
    battery = SimpleNamespace(sensors_battery=lambda: None, cpu_times=psutil.cpu_times)
    monkeypatch.setattr(moment, "psutil", battery)
    return tmp_path


def scripted_idle(monkeypatch: pytest.MonkeyPatch, *times: Any) -> None:
    """Let one second pass between two looks at the idle time of four processors."""
    looks, seconds = iter(times), iter([10.0, 11.0])

    def cpu_times(percpu: bool = False) -> Any:
        return [None] * 4 if percpu else next(looks)

    monkeypatch.setattr(moment, "psutil", SimpleNamespace(cpu_times=cpu_times))
    clock = SimpleNamespace(perf_counter=lambda: next(seconds), sleep=lambda _seconds: None)
    monkeypatch.setattr(moment, "time", clock)


original_other_work = moment.other_work


@pytest.mark.parametrize(
    ("after", "load"),
    [
        (SimpleNamespace(idle=104.0, iowait=5.0, steal=1.0), 0.0),
        (SimpleNamespace(idle=102.5, iowait=5.0, steal=1.0), 1.5),
        (SimpleNamespace(idle=102.5, iowait=5.5, steal=2.0), 0.0),
        (SimpleNamespace(idle=104.1, iowait=5.0, steal=1.0), 0.0),
        (SimpleNamespace(idle=90.0, iowait=5.0, steal=1.0), 4.0),
    ],
)
def test_load_is_what_is_neither_idle_nor_stolen(
    monkeypatch: pytest.MonkeyPatch, after: Any, load: float
) -> None:
    """Cores busy = processors less idle, waiting and stolen time per second, within bounds."""
    scripted_idle(monkeypatch, SimpleNamespace(idle=100.0, iowait=5.0, steal=1.0), after)
    assert original_other_work() == load


def test_load_needs_idle_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems that count neither waiting nor stolen time have a load too."""
    scripted_idle(monkeypatch, SimpleNamespace(idle=100.0), SimpleNamespace(idle=103.0))
    assert original_other_work() == 1.0


def test_load_is_absent_where_times_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the system's times there is no load."""
    scripted_idle(monkeypatch, SimpleNamespace(), SimpleNamespace())
    assert original_other_work() is None


def test_an_unknown_machine_has_an_empty_moment() -> None:
    """Without /proc and /sys only the load is there."""
    watch = Watch()
    watch.sample()
    assert watch.finish() == Moment(load=0.0)


def test_frequencies_are_those_of_working_processors(root: Path) -> None:
    """Of each sample the fastest processor counts: the idle ones clock down."""
    frequencies(root, 800, 3600)
    watch = Watch()
    watch.sample()
    frequencies(root, 2900, 800)
    watch.sample()
    assert watch.finish().frequency_mhz == (2900.0, 3600.0)


def test_only_the_childs_processors_are_watched(root: Path) -> None:
    """A pinned child's frequency does not come from other processors."""
    frequencies(root, 2000, 3000, 4000)
    watch = Watch(cpus=[0, 1, 9])
    watch.sample()
    assert watch.finish().frequency_mhz == (3000.0, 3000.0)


def test_a_processor_that_vanishes_does_no_harm(root: Path) -> None:
    """A processor that goes offline during a trial is left out."""
    frequencies(root, 2000, 3000)
    watch = Watch()
    (root / CPU.format(1, "cur_freq")).unlink()
    watch.sample()
    assert watch.finish().frequency_mhz == (2000.0, 2000.0)


def test_the_governor_is_named(root: Path) -> None:
    """Governors that differ between processors are all named."""
    frequencies(root, 2000, 3000)
    plant(root, {CPU.format(cpu, "governor"): "performance\n" for cpu in (0, 1)})
    assert Watch().finish().governor == "performance"
    plant(root, {CPU.format(0, "governor"): "powersave\n"})
    assert Watch().finish().governor == "performance, powersave"


def stat(*rows: str) -> dict[str, str]:
    """Return a /proc/stat."""
    return {"proc/stat": "\n".join([*rows, "intr 5 6 7", "ctxt 12", ""])}


def test_stolen_time_is_a_share_of_all_time(root: Path) -> None:
    """25 of 1000 ticks stolen are 2.5 %; guests' time is not counted twice."""
    plant(root, stat("cpu  100 0 100 800 0 0 0 5 90 0"))
    watch = Watch()
    plant(root, stat("cpu  600 0 100 1275 0 0 0 30 590 0"))
    assert watch.finish().stolen == 0.025


def test_stolen_time_is_that_of_the_childs_processors(root: Path) -> None:
    """What is stolen from a pinned child does not drown among idle processors."""
    plant(root, stat("cpu 0 0 0 9 0 0 0 0", "cpu0 1 0 0 0 0 0 0 0", "cpu1 1 0 0 0 0 0 0 0"))
    watch = Watch(cpus=[1])
    plant(root, stat("cpu 50 0 0 150 0 0 0 50", "cpu0 1 0 0 99 0 0 0 0", "cpu1 51 0 0 0 0 0 0 50"))
    assert watch.finish().stolen == 0.5


@pytest.mark.parametrize("after", ["cpu 1 0 0 9 0 0 0 5", "cpu 1 0 0", "cpu a b c d e f g h", ""])
def test_stolen_time_is_absent_without_sound_counts(root: Path, after: str) -> None:
    """No time passed, too few fields or nonsense: no share."""
    plant(root, stat("cpu 1 0 0 9 0 0 0 5"))
    watch = Watch()
    plant(root, stat(after))
    assert watch.finish().stolen is None


def test_stolen_time_that_runs_backwards_is_none(root: Path) -> None:
    """Some kernels' counts of stolen time go back: that is no negative share."""
    plant(root, stat("cpu 1 0 0 9 0 0 0 5"))
    watch = Watch()
    plant(root, stat("cpu 100 0 0 9 0 0 0 4"))
    assert watch.finish().stolen == 0.0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(before=st.text(), after=st.text())
def test_garbage_in_stat_does_no_harm(root: Path, before: str, after: str) -> None:
    """Whatever /proc/stat holds, the share is absent or between 0 and 1."""
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/stat").write_bytes(b"cpu " + before.encode(errors="replace"))
    watch = Watch()
    (root / "proc/stat").write_bytes(b"cpu " + after.encode(errors="replace"))
    stolen = watch.finish().stolen
    assert stolen is None or 0 <= stolen <= 1


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
    monkeypatch: pytest.MonkeyPatch, battery: Any, expected: bool | None
) -> None:
    """A machine without a battery, or one that does not say, is on neither."""
    monkeypatch.setattr(moment, "psutil", SimpleNamespace(sensors_battery=battery))
    assert Watch().finish().on_battery is expected


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[nvidia.Reading]:
    """Let the GPU be read from a list that the test fills."""
    script: list[nvidia.Reading] = []
    monkeypatch.setattr(nvidia, "device_handle", lambda device: device.startswith("cuda") or None)
    monkeypatch.setattr(nvidia, "reading", lambda _handle: script.pop(0))
    return script


def test_a_gpus_extremes_are_kept(readings: list[nvidia.Reading]) -> None:
    """The highest temperature, the range of clocks and every reason once."""
    readings.extend(
        [
            nvidia.Reading(40),
            nvidia.Reading(71, 1980, ("software power cap",)),
            nvidia.Reading(None, 1410, ("software power cap", "hardware slowdown")),
        ]
    )
    watch = Watch("cuda:0")
    for _ in range(3):
        watch.sample()
    seen = watch.finish()
    assert seen.gpu_temperature_celsius == 71
    assert seen.gpu_clock_mhz == (1410, 1980)
    assert seen.gpu_throttle_reasons == ("software power cap", "hardware slowdown")


def test_a_trial_on_the_cpu_does_not_ask_the_gpu(readings: list[nvidia.Reading]) -> None:
    """The GPU's state says nothing about a trial on the CPU."""
    watch = Watch("cpu")
    watch.sample()
    assert watch.finish().gpu_temperature_celsius is None
