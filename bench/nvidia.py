"""What NVIDIA's management library (NVML) knows: facts of GPUs, and how one is doing right now.

nvidia-ml-py is imported at the first question and may be absent. Drivers refuse single questions
in many ways (no permission, not supported, too old), so each fact is asked for on its own.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from bench.records import Gpu
from bench.sources import number

UNAVAILABLE = (1 << 32) - 1  # NVML_VALUE_NOT_AVAILABLE, as an unsigned number
IDLE = 0x1  # nvmlClocksEventReasonGpuIdle
# nvmlClocksEventReason…: why a clock is lower than it could be.
THROTTLE_REASONS = {
    0x002: "application clocks",
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability voltage",
}


class Reading(NamedTuple):
    """How a GPU is doing at one moment; clock and reasons only while it is busy."""

    temperature_celsius: int | None = None
    clock_mhz: int | None = None
    throttle_reasons: tuple[str, ...] = ()


def gpus() -> tuple[Gpu, ...]:
    """Return the NVIDIA GPUs in the order of the PCI bus; none if driver or package is absent."""
    count = _whole(_ask("nvmlDeviceGetCount")) or 0
    handles = [_ask("nvmlDeviceGetHandleByIndex", index) for index in range(count)]
    return tuple(found for handle in handles if handle is not None and (found := _gpu(handle)))


def device_handle(device: str) -> Any | None:
    """Return NVML's handle of a device such as "cuda:1"; None for what is no NVIDIA GPU.

    Counts as CUDA does with CUDA_DEVICE_ORDER=PCI_BUS_ID: among those of CUDA_VISIBLE_DEVICES.
    """
    framework, _, text = device.partition(":")
    index = number(text or "0")
    if framework != "cuda" or index is None:
        return None
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    name = visible[index].strip() if index < len(visible) else str(index)
    if (position := number(name)) is not None:
        return _ask("nvmlDeviceGetHandleByIndex", position)
    return _ask("nvmlDeviceGetHandleByUUID", name)


def reading(handle: Any) -> Reading:
    """Return how the GPU is doing now."""
    temperature = _whole(_ask("nvmlDeviceGetTemperature", handle, 0))  # 0: NVML_TEMPERATURE_GPU
    reasons = _ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    if not isinstance(reasons, int) or reasons & IDLE:
        return Reading(temperature)
    clock = _whole(_ask("nvmlDeviceGetClockInfo", handle, 1))  # 1: NVML_CLOCK_SM
    return Reading(temperature, clock, _names(reasons))


def energy_millijoules(handle: Any) -> int | None:
    """Return the energy that the GPU has used since its driver was loaded."""
    return _whole(_ask("nvmlDeviceGetTotalEnergyConsumption", handle))


def _names(reasons: int) -> tuple[str, ...]:
    return tuple(name for bit, name in THROTTLE_REASONS.items() if reasons & bit)


def _gpu(handle: Any) -> Gpu | None:
    """Return the facts of one GPU; None if not even its name is known."""
    name = _text(_ask("nvmlDeviceGetName", handle))
    if name is None:
        return None
    milliwatts = _whole(_ask("nvmlDeviceGetEnforcedPowerLimit", handle))
    return Gpu(
        name=name,
        memory_bytes=_whole(getattr(_ask("nvmlDeviceGetMemoryInfo", handle), "total", None)),
        driver=_text(_ask("nvmlSystemGetDriverVersion")),
        power_limit_watts=milliwatts and milliwatts / 1000,
    )


def _text(answer: Any) -> str | None:
    """Return the answer as a text; older versions of nvidia-ml-py answer in bytes."""
    if isinstance(answer, bytes):
        answer = answer.decode(errors="replace")
    return " ".join(answer.split()) or None if isinstance(answer, str) else None


def _whole(answer: Any) -> int | None:
    """Return the answer if it is a number that means something."""
    return answer if isinstance(answer, int) and 0 < answer != UNAVAILABLE else None


def _ask(function: str, *arguments: Any) -> Any | None:
    """Return NVML's answer; None if it has none."""
    library = _library()
    try:
        return None if library is None else getattr(library, function)(*arguments)
    except Exception:  # NVMLError, a function too new for the driver, names in no known encoding
        return None


@cache
def _library() -> Any | None:
    """Return the started library, for good: starting it may take the driver a second."""
    try:
        import pynvml

        start: Callable[[], None] = pynvml.nvmlInit
        start()
    except Exception:  # no package, no driver, or a driver that does not answer
        return None
    return pynvml
