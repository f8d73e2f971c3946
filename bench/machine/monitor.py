"""What the machine was like around one trial: other work, clocks, throttling, stolen time.

The load is a short look at idle time just before the start. The system's own load average lags by
a minute and would still hold the trial before; over 50 ms on an idle machine this look says 0.01,
with a spread of 0.07 cores (at most 0.22 in 25 looks), beside one busy process 1.02.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

from bench.machine.nvidia import NVML, Nvml, Reading
from bench.machine.sources import CPUS, LIVE, Source, attempt
from bench.machine.topology import online
from bench.results.hardware import Conditions
from bench.workload import CPU, Device

# Seconds to look for other work. Windows counts idle time in steps of 16 ms on each processor.
LOOK_SECONDS = 0.25 if sys.platform == "win32" else 0.05
CLOCKS = 4  # how many processors' frequencies are read: before Linux 5.18 each may take 10 ms

Number = TypeVar("Number", int, float)


class Monitor:
    """Looks at the machine: made just before a child starts, `finish` when it has ended.

    `device` is what the child computes on, as the parent names it; `cpus` are the ones that it is
    pinned to (None: all).
    """

    def __init__(
        self,
        device: Device = CPU,
        cpus: Sequence[int] | None = None,
        source: Source = LIVE,
        nvml: Nvml = NVML,
    ) -> None:
        self._source, self._nvml, self._cpus = source, nvml, cpus
        self._clocks = _clock_files(source, cpus)
        self._gpu = nvml.device_handle(device)
        self._frequencies: list[float] = []
        self._readings: list[Reading] = []
        self._load = other_work(source)
        self._before = _times(source, cpus)

    def sample(self) -> None:
        """Note frequencies, and the GPU's state: to be called about once a second meanwhile."""
        # The fastest processor is one that works; the idle ones clock down and tell nothing.
        if kilohertz := list(filter(None, map(self._source.read_number, self._clocks))):
            self._frequencies.append(max(kilohertz) / 1000)
        if self._gpu is not None:
            self._readings.append(self._nvml.reading(self._gpu))

    def finish(self) -> Conditions:
        """Return what was seen from the start until now."""
        files = (file.replace("scaling_cur_freq", "scaling_governor") for file in self._clocks)
        governors = sorted(set(filter(None, map(self._source.read, files))))
        plugged = getattr(self._source.ask("sensors_battery"), "power_plugged", None)
        temperatures = _range(seen.temperature_celsius for seen in self._readings)
        reasons = [reason for seen in self._readings for reason in seen.throttle_reasons]
        return Conditions(
            load=self._load,
            frequency_mhz=_range(self._frequencies),
            governor=", ".join(governors) or None,
            stolen=_stolen(self._before, _times(self._source, self._cpus)),
            on_battery=None if plugged is None else not plugged,
            gpu_temperature_celsius=temperatures and temperatures[1],
            gpu_clock_mhz=_range(seen.clock_mhz for seen in self._readings),
            gpu_throttle_reasons=tuple(dict.fromkeys(reasons)),
        )


def other_work(
    source: Source,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> float | None:
    """Return how many cores are busy, seen for a moment; this process only waits."""
    before, started = _times(source), clock()
    if not before:
        return None
    sleep(LOOK_SECONDS)
    after, elapsed = _times(source), clock() - started
    if _total(after) <= _total(before) or not any(map(_idle, after)):
        return None  # a sandbox that does not count: all is 0 for ever
    busy = len(after) - (sum(map(_idle, after)) - sum(map(_idle, before))) / elapsed
    return round(min(max(0.0, busy), len(after)), 2)


def _idle(times: Any) -> float:
    """Return the seconds that no work of this machine had."""
    return float(times.idle + getattr(times, "iowait", 0.0) + getattr(times, "steal", 0.0))


def _times(source: Source, cpus: Sequence[int] | None = None) -> list[Any]:
    """Return psutil's times of these processors since they started, None: of all."""
    every, numbers = source.ask("cpu_times", True) or [], sorted(online(source))
    named = zip(numbers if len(numbers) == len(every) else range(len(every)), every, strict=True)
    return [times for cpu, times in named if cpus is None or cpu in cpus]


def _total(times: list[Any]) -> float:
    # user nice system idle iowait irq softirq steal: see proc(5); guests are within user, nice
    return sum(sum(one[:8]) for one in times)


def _stolen(before: list[Any], after: list[Any]) -> float | None:
    """Return the share of the time in between that the hypervisor gave to others."""
    stolen = attempt(lambda: sum(t.steal for t in after) - sum(t.steal for t in before))
    total = _total(after) - _total(before)
    return None if stolen is None or total <= 0 else round(min(max(0.0, stolen / total), 1.0), 4)


def _clock_files(source: Source, cpus: Sequence[int] | None) -> list[str]:
    """Return where the frequencies of some of the CPUs stand; on many virtual machines nowhere."""
    names = ["[0-9]*"] if cpus is None else cpus
    files = (source.matches(f"{CPUS}/cpu{name}/cpufreq/scaling_cur_freq") for name in names)
    return list(chain.from_iterable(files))[:CLOCKS]


def _range(values: Iterable[Number | None]) -> tuple[Number, Number] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None
