"""Counters of energy: NVML's for an NVIDIA GPU, RAPL's for the processor. Never an estimate."""

from collections.abc import Callable

from bench.machine.nvidia import NVML, Nvml
from bench.machine.sources import LIVE, Source
from bench.workload import Device

Counter = Callable[[], float | None]  # joules since some moment; None where nothing counts

RAPL = "sys/class/powercap/intel-rapl:*"  # one folder a package; AMD's processors have it too


def counter(device: Device, source: Source = LIVE, nvml: Nvml = NVML) -> Counter:
    """Return the counter of a device, as the process that asks names it."""
    if device.is_cpu:
        packages = [path for path in source.matches(RAPL)
                    if (source.read(f"{path}/name") or "").startswith("pack")]  # fmt: skip
        return lambda: _sum([source.read_number(f"{path}/energy_uj") for path in packages], 1e-6)
    handle = nvml.device_handle(device)
    if handle is None:
        return lambda: None
    return lambda: _sum([nvml.energy_millijoules(handle)], 1e-3)


def _sum(counts: list[int | None], unit: float) -> float | None:
    known = [count for count in counts if count is not None]
    return sum(known) * unit if known and len(known) == len(counts) else None


def spent(before: float | None, after: float | None) -> float | None:
    """Return the joules between two readings; None if one is absent or the counter began anew."""
    if before is None or after is None or after < before:
        return None
    return after - before
