"""What NVIDIA's management library (NVML) knows: facts of GPUs, and how one is doing right now.

nvidia-ml-py is imported at the first question and may be absent. Drivers refuse single questions
in many ways (no permission, not supported, too old), so each fact is asked for on its own.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from bench.machine.sources import number
from bench.results.hardware import Gpu
from bench.workload import Device

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
# Those of a GPU that is too hot or gets too little power; the others are settings or its design.
DISTRESS = frozenset(THROTTLE_REASONS[bit] for bit in (0x008, 0x020, 0x040, 0x080))


class Reading(NamedTuple):
    """How a GPU is doing at one moment; clock and reasons only while it is busy."""

    temperature_celsius: int | None = None
    clock_mhz: int | None = None
    throttle_reasons: tuple[str, ...] = ()


def visible_gpu(
    device: Device, variables: Mapping[str, str], selector: str = "CUDA_VISIBLE_DEVICES"
) -> str:
    """Return the number or UUID of the GPU that a device is under these variables.

    Counts as CUDA does with CUDA_DEVICE_ORDER=PCI_BUS_ID: among those that the selector lists.
    """
    names = (name.strip() for name in variables.get(selector, "").split(","))
    visible, index = list(filter(None, names)), device.index or 0
    return visible[index] if index < len(visible) else str(index)


class Nvml:
    """The library, started at the first question, for good: that may take the driver a second."""

    def __init__(self, load: Callable[[], Any] = lambda: importlib.import_module("pynvml")) -> None:
        self._load = load

    def gpus(self) -> tuple[Gpu, ...]:
        """Return the GPUs in the order of the PCI bus; none if driver or package is absent.

        Of a GPU that is partitioned (MIG) its slices: programs see nothing else of it.
        """
        handles = [part for handle in self._handles() for part in self._slices(handle) or [handle]]
        return tuple(gpu for gpu in map(self._gpu, handles) if gpu.name)

    def _handles(self) -> list[Any]:
        return self._each("nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex")

    def _slices(self, gpu: Any) -> list[Any]:
        if not self._is_partitioned(gpu):
            return []
        names = ("nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex")
        return self._each(*names, gpu)

    def _each(self, how_many: str, one: str, *of: Any) -> list[Any]:
        indices = range(_whole(self._ask(how_many, *of)) or 0)
        found = (self._ask(one, *of, index) for index in indices)
        return [handle for handle in found if handle is not None]

    def _is_partitioned(self, handle: Any) -> bool:
        current, _pending = self._ask("nvmlDeviceGetMigMode", handle) or (0, 0)
        return current == 1  # NVML_DEVICE_MIG_ENABLE

    def _gpu(self, handle: Any) -> Gpu:
        whole = self._whole_gpu(handle)
        name = " ".join((self._ask("nvmlDeviceGetName", handle) or "").split())
        if name and self._is_partitioned(whole) and "MIG" not in name:
            name += " MIG slice"
        milliwatts = _whole(self._ask("nvmlDeviceGetEnforcedPowerLimit", whole))
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        return Gpu(
            name=name,
            memory_bytes=_whole(getattr(memory, "total", None)),
            driver=self._ask("nvmlSystemGetDriverVersion"),
            power_limit_watts=milliwatts and milliwatts / 1000,
        )

    def _whole_gpu(self, handle: Any) -> Any:
        """Return the GPU that a slice is part of, or the GPU that it is."""
        return self._ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle) or handle

    def device_handle(self, device: Device, variables: Mapping[str, str] = os.environ) -> Any:
        """Return the library's handle of a device; None for what is no NVIDIA GPU.

        Of a slice it is the whole GPU's, which is as hot and as fast.
        """
        if device.kind != "cuda":
            return None
        name = visible_gpu(device, variables)
        if (position := number(name)) is not None:
            return self._ask("nvmlDeviceGetHandleByIndex", position)
        if (handle := self._ask("nvmlDeviceGetHandleByUUID", name)) is not None:
            return self._whole_gpu(handle)
        for handle in self._handles():  # CUDA takes the beginning of a name, too
            if str(self._ask("nvmlDeviceGetUUID", handle)).startswith(name):
                return handle
        return None

    def reading(self, handle: Any) -> Reading:
        """Return how the GPU is doing now."""
        temperature = _whole(self._ask("nvmlDeviceGetTemperature", handle, 0))  # 0: …_GPU
        reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        if not isinstance(reasons, int) or reasons & IDLE:
            return Reading(temperature)
        clock = _whole(self._ask("nvmlDeviceGetClockInfo", handle, 1))  # 1: …_SM
        names = tuple(name for bit, name in THROTTLE_REASONS.items() if reasons & bit)
        return Reading(temperature, clock, names)

    def energy_millijoules(self, handle: Any) -> int | None:
        """Return the energy that the GPU has used since its driver was loaded.

        None of a GPU that is partitioned: the other slices' energy is not ours.
        """
        if self._is_partitioned(handle):
            return None
        return _whole(self._ask("nvmlDeviceGetTotalEnergyConsumption", handle))

    def _ask(self, function: str, *arguments: Any) -> Any | None:
        """Return the library's answer; None if it has none."""
        try:
            return getattr(self._library, function)(*arguments)
        except Exception:  # NVMLError, a function too new for the driver, names in odd encodings
            return None

    @cached_property
    def _library(self) -> Any | None:
        try:
            library = self._load()
            library.nvmlInit()
        except Exception:  # no package, no driver, or a driver that does not answer
            return None
        return library


NVML = Nvml()


def _whole(answer: Any) -> int | None:
    """Return the answer if it is a number that means something."""
    return answer if isinstance(answer, int) and 0 < answer != UNAVAILABLE else None
