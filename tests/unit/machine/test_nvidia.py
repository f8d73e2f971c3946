"""What is said of NVIDIA GPUs, with a scripted library in the place of the driver's."""

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from unit.machine.fakes import ANSWERS, Library, NVMLError, nvml

from bench.machine.nvidia import IDLE, UNAVAILABLE, Nvml, Reading, visible_gpu
from bench.results.hardware import Gpu
from bench.workload import Device


def test_a_gpu_has_name_memory_driver_and_power_limit() -> None:
    """Memory is in bytes and the power limit in watts."""
    expected = Gpu("NVIDIA H200", 150_754_820_096, "570.86.15", 700.0)
    assert nvml(Library()).gpus() == (expected,)


def test_without_the_package_there_are_no_gpus() -> None:
    assert Nvml(lambda: importlib.import_module("no_such_package")).gpus() == ()


def test_a_library_that_does_not_start_is_tried_once() -> None:
    library = Library(nvmlInit=NVMLError("Driver Not Loaded"))
    asked = nvml(library)
    assert (asked.gpus(), asked.device_handle(Device("cuda", 0))) == ((), None)
    assert library.asked == [("nvmlInit",)]


@pytest.mark.parametrize("error", [NVMLError("Unknown"), UnicodeDecodeError("a", b"", 0, 1, "")])
def test_a_library_that_only_fails_knows_nothing(error: Exception) -> None:
    asked = nvml(Library(**{name: error for name in ANSWERS if name != "nvmlInit"}))
    assert (asked.gpus(), asked.device_handle(Device("cuda", 0))) == ((), None)
    assert asked.reading("handle") == Reading()


@pytest.mark.parametrize(
    "nonsense", [NVMLError("Not Supported"), 0, UNAVAILABLE, -1, None, "N/A", float("nan")]
)
def test_values_that_are_refused_or_mean_nothing_are_absent(nonsense: Any) -> None:
    names = ("EnforcedPowerLimit", "Temperature", "ClockInfo", "MemoryInfo")
    asked = nvml(Library(**{f"nvmlDeviceGet{name}": nonsense for name in names}))
    assert asked.gpus() == (Gpu(name="NVIDIA H200", driver="570.86.15"),)
    assert asked.reading("handle") == Reading()


def test_every_gpu_is_listed() -> None:
    assert len(nvml(Library(nvmlDeviceGetCount=8)).gpus()) == 8


@pytest.mark.parametrize(
    ("device", "visible", "name"),
    [("cuda:1", None, "1"), ("cuda", None, "0"), ("cuda:1", "2,5", "5"), ("cuda:1", "2, 5", "5"),
     ("cuda:0", "GPU-8f,1", "GPU-8f"), ("cuda:2", "5,", "2")],
)  # fmt: skip
def test_devices_are_counted_as_cuda_does(device: str, visible: str | None, name: str) -> None:
    variables = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert visible_gpu(Device.named(device), variables) == name


@pytest.mark.parametrize(
    ("visible", "question"),
    [("2,5", ("nvmlDeviceGetHandleByIndex", 2)),
     ("GPU-8f", ("nvmlDeviceGetHandleByUUID", "GPU-8f"))],
)  # fmt: skip
def test_a_visible_gpu_is_found(visible: str, question: tuple[Any, ...]) -> None:
    library = Library()
    assert nvml(library).device_handle(Device("cuda", 0), {"CUDA_VISIBLE_DEVICES": visible})
    assert library.asked[-1] == question


def test_the_beginning_of_a_uuid_is_enough() -> None:
    """CUDA takes it, NVML does not."""
    uuids = {"first": "GPU-8e01", "second": "GPU-8f02"}
    library = Library(
        nvmlDeviceGetCount=2,
        nvmlDeviceGetHandleByIndex=list(uuids).__getitem__,
        nvmlDeviceGetHandleByUUID=NVMLError("Not Found"),
        nvmlDeviceGetUUID=uuids.__getitem__,
    )
    for name, handle in (("GPU-8f", "second"), ("GPU-9", None)):
        variables = {"CUDA_VISIBLE_DEVICES": name}
        assert nvml(library).device_handle(Device("cuda", 0), variables) == handle


@pytest.fixture
def partitioned() -> Library:
    """Return an A100 of which one slice is there."""
    names = {"A100": "NVIDIA A100", "slice": "NVIDIA A100 MIG 3g.20gb"}
    sizes = {"A100": SimpleNamespace(total=40 << 30), "slice": SimpleNamespace(total=20 << 30)}
    slices = {0: "slice"}
    return Library(
        nvmlDeviceGetHandleByIndex="A100",
        nvmlDeviceGetHandleByUUID="slice",
        nvmlDeviceGetName=names.__getitem__,
        nvmlDeviceGetMemoryInfo=sizes.__getitem__,
        nvmlDeviceGetMigMode=lambda handle: {"A100": [1, 1]}[handle],
        nvmlDeviceGetMaxMigDeviceCount=7,
        nvmlDeviceGetMigDeviceHandleByIndex=lambda _gpu, index: slices[index],
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda handle: {"slice": "A100"}[handle],
        nvmlDeviceGetTotalEnergyConsumption=2_500,
    )


def test_a_slice_of_a_gpu_is_called_one(partitioned: Library) -> None:
    (gpu,) = nvml(partitioned).gpus()
    assert (gpu.name, gpu.memory_bytes) == ("NVIDIA A100 MIG 3g.20gb", 20 << 30)
    partitioned.answers["nvmlDeviceGetName"] = "NVIDIA A100"
    assert nvml(partitioned).gpus()[0].name == "NVIDIA A100 MIG slice"


@pytest.mark.parametrize("visible", ["", "0", "MIG-c6d4"])
def test_a_slice_is_not_charged_its_neighbours_energy(partitioned: Library, visible: str) -> None:
    """It is as hot as its GPU, though."""
    asked = nvml(partitioned)
    handle = asked.device_handle(Device("cuda", 0), {"CUDA_VISIBLE_DEVICES": visible})
    assert asked.energy_millijoules(handle) is None
    assert asked.reading(handle).temperature_celsius == 41


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu:0"])
def test_other_devices_are_none_of_nvidias(device: str) -> None:
    library = Library()
    assert nvml(library).device_handle(Device.named(device)) is None
    assert library.asked == []


@pytest.mark.parametrize(
    ("reasons", "reading"),
    [(0x4 | 0x20, Reading(41, 1980, ("software power cap", "software thermal slowdown"))),
     (1 << 63, Reading(41, 1980)),  # of a newer driver
     (IDLE | 0x4, Reading(41))],
)  # fmt: skip
def test_a_busy_gpu_tells_temperature_clock_and_reasons(reasons: int, reading: Reading) -> None:
    """An idle GPU clocks down on purpose: only its temperature counts."""
    library = Library(nvmlDeviceGetCurrentClocksThrottleReasons=reasons)
    assert nvml(library).reading("handle") == reading
