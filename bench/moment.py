"""What the machine was like around one trial: other work, clocks, throttling, stolen time.

The load is a short look at idle time just before the start. The system's own load average lags by
a minute and would still hold the trial before; over 50 ms on an idle machine this look says 0.01,
with a spread of 0.07 cores (at most 0.22 in 25 looks), beside one busy process 1.02.
"""

import sys
import time
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import psutil

from bench import nvidia
from bench.records import Moment
from bench.sources import CPUS, attempt, matches, number, read, read_number

# Seconds to look for other work. Windows counts idle time in steps of 16 ms on each processor.
LOOK_SECONDS = 0.25 if sys.platform == "win32" else 0.05
CLOCKS = 4  # how many processors' frequencies are read: before Linux 5.18 each may take 10 ms

Number = TypeVar("Number", int, float)


class Watch:
    """Looks at the machine: made just before a child starts, `finish` when it has ended.

    `device` is what the child computes on, as the parent names it; `cpus` are the ones that it is
    pinned to (None: all).
    """

    def __init__(self, device: str = "cpu", cpus: Sequence[int] | None = None) -> None:
        self._cpus = cpus
        self._clocks = _clock_files(cpus)
        self._gpu = nvidia.device_handle(device)
        self._frequencies: list[float] = []
        self._readings: list[nvidia.Reading] = []
        self._load = other_work()
        self._before = _stolen_ticks(cpus)

    def sample(self) -> None:
        """Note frequencies, and the GPU's state: to be called about once a second meanwhile."""
        # The fastest processor is one that works; the idle ones clock down and tell nothing.
        kilohertz = [found for file in self._clocks if (found := read_number(file))]
        if kilohertz:
            self._frequencies.append(max(kilohertz) / 1000)
        if self._gpu is not None:
            self._readings.append(nvidia.reading(self._gpu))

    def finish(self) -> Moment:
        """Return what was seen from the start until now."""
        temperatures, clocks, reasons = _merged(self._readings)
        return Moment(
            load=self._load,
            frequency_mhz=_range(self._frequencies),
            governor=_governor(self._clocks),
            stolen=_stolen(self._before, _stolen_ticks(self._cpus)),
            on_battery=_on_battery(),
            gpu_temperature_celsius=max(temperatures, default=None),
            gpu_clock_mhz=_range(clocks),
            gpu_throttle_reasons=reasons,
        )


class Ticks(NamedTuple):
    """Time of processors since they started, in ticks of the system: stolen, and all of it."""

    stolen: int
    total: int


def other_work(seconds: float = LOOK_SECONDS) -> float | None:
    """Return how many cores are busy, seen over so many seconds; this process only waits."""
    before, started = attempt(_idle_seconds), time.perf_counter()
    time.sleep(seconds)
    after, elapsed = attempt(_idle_seconds), time.perf_counter() - started
    count = attempt(lambda: len(psutil.cpu_times(percpu=True)))
    if before is None or after is None or not count:
        return None
    return round(min(max(0.0, count - (after - before) / elapsed), count), 2)


def _idle_seconds() -> float:
    """Return the seconds, over all processors, that no work of this machine had."""
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0) + getattr(times, "steal", 0.0))


def _clock_files(cpus: Sequence[int] | None) -> list[str]:
    """Return where the frequencies of some of the CPUs stand; on many virtual machines nowhere."""
    if cpus is None:
        return matches(f"{CPUS}/cpu[0-9]*/cpufreq/scaling_cur_freq")[:CLOCKS]
    files = (f"{CPUS}/cpu{cpu}/cpufreq/scaling_cur_freq" for cpu in cpus)
    return list(islice((file for file in files if read(file)), CLOCKS))


def _governor(clocks: Sequence[str]) -> str | None:
    """Return the governor of these processors, all of them if they differ."""
    files = (file.replace("scaling_cur_freq", "scaling_governor") for file in clocks)
    return ", ".join(sorted({name for file in files if (name := read(file))})) or None


def _on_battery() -> bool | None:
    """Return whether the machine runs on its battery; None if it has none."""
    plugged = attempt(lambda: psutil.sensors_battery().power_plugged)
    return None if plugged is None else not plugged


def _stolen_ticks(cpus: Sequence[int] | None) -> Ticks | None:
    """Return the ticks of these processors together; None if the system does not count them."""
    names = {"cpu"} if cpus is None else {f"cpu{cpu}" for cpu in cpus}
    stolen = total = 0
    for line in (read("proc/stat") or "").splitlines():
        name, *words = line.split() or [""]
        # user nice system idle iowait irq softirq steal: see proc(5); guests are within user, nice
        ticks = [ticks for word in words[:8] if (ticks := number(word)) is not None]
        if name in names and len(ticks) == 8:
            stolen, total = stolen + ticks[7], total + sum(ticks)
    return Ticks(stolen, total) if total else None


def _stolen(before: Ticks | None, after: Ticks | None) -> float | None:
    """Return the share of the time in between that the hypervisor gave to others."""
    if before is None or after is None or after.total <= before.total:
        return None
    share = (after.stolen - before.stolen) / (after.total - before.total)
    return round(min(max(0.0, share), 1.0), 4)


def _range(values: Sequence[Number]) -> tuple[Number, Number] | None:
    return (min(values), max(values)) if values else None


def _merged(readings: Sequence[nvidia.Reading]) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Return all temperatures and clocks that are known, and every reason once."""
    temperatures = [seen.temperature_celsius for seen in readings]
    clocks = [seen.clock_mhz for seen in readings]
    reasons = dict.fromkeys(reason for seen in readings for reason in seen.throttle_reasons)
    return (
        [value for value in temperatures if value is not None],
        [value for value in clocks if value is not None],
        tuple(reasons),
    )
