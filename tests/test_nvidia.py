"""What is said of NVIDIA GPUs, with a scripted library in the place of the driver's."""

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import nvidia
from bench.records import Gpu


class NVMLError(Exception):
    """What the library raises when it has no answer."""


ANSWERS: dict[str, Any] = {
    "nvmlInit": None,
    "nvmlDeviceGetCount": 1,
    "nvmlDeviceGetHandleByIndex": "handle",
    "nvmlDeviceGetHandleByUUID": "handle by name",
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=150_754_820_096, free=1, used=2),
    "nvmlSystemGetDriverVersion": "570.86.15",
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetTemperature": 41,
    "nvmlDeviceGetClockInfo": 1980,
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
}


class Library(ModuleType):
    """A fake of pynvml: answers from a table, raises the exceptions in it, notes arguments."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("pynvml")
        self.answers = ANSWERS | answers
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        """Return a function that answers as scripted."""
        if name not in self.answers:
            raise AttributeError(name)
        return lambda *arguments: self.answer(name, *arguments)

    def answer(self, name: str, *arguments: Any) -> Any:
        """Answer as scripted."""
        self.asked.append((name, *arguments))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Start the library anew for each test."""
    nvidia._library.cache_clear()
    yield
    nvidia._library.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> Library:
    """Put a fake library in the place of pynvml."""
    library = Library(**answers)
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return library


def test_a_gpu_has_name_memory_driver_and_power_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is in bytes and the power limit in watts."""
    install(monkeypatch)
    expected = Gpu(
        name="NVIDIA H200",
        memory_bytes=150_754_820_096,
        driver="570.86.15",
        power_limit_watts=700.0,
    )
    assert nvidia.gpus() == (expected,)


def test_without_the_package_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing nvidia-ml-py means no GPUs and no error."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvidia.gpus() == ()
    assert nvidia.device_handle("cuda:0") is None


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that cannot be started means no GPUs and no error, and is started once."""
    library = install(monkeypatch, nvmlInit=NVMLError("Driver Not Loaded"))
    assert nvidia.gpus() == ()
    assert nvidia.gpus() == ()
    assert library.asked == [("nvmlInit",)]


@pytest.mark.parametrize(
    "error", [NVMLError("Unknown Error"), UnicodeDecodeError("a", b"", 0, 1, "")]
)
def test_a_library_that_only_fails_knows_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Errors on every call leave no GPUs and an empty reading."""
    install(monkeypatch, **{name: error for name in ANSWERS if name != "nvmlInit"})
    assert nvidia.gpus() == ()
    assert nvidia.device_handle("cuda:0") is None
    assert nvidia.reading("handle") == nvidia.Reading()


def test_facts_are_refused_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused fact is absent, the others are there."""
    refused = NVMLError("Not Supported")
    install(monkeypatch, nvmlDeviceGetMemoryInfo=refused, nvmlDeviceGetEnforcedPowerLimit=refused)
    assert nvidia.gpus() == (Gpu(name="NVIDIA H200", driver="570.86.15"),)


@pytest.mark.parametrize("nonsense", [0, nvidia.UNAVAILABLE, -1, None, "N/A", float("nan")])
def test_values_that_mean_nothing_are_absent(
    monkeypatch: pytest.MonkeyPatch, nonsense: Any
) -> None:
    """Zero, "not available" and what is no number at all do not become facts."""
    install(
        monkeypatch,
        nvmlDeviceGetMemoryInfo=SimpleNamespace(total=nonsense),
        nvmlDeviceGetEnforcedPowerLimit=nonsense,
        nvmlDeviceGetTemperature=nonsense,
        nvmlDeviceGetClockInfo=nonsense,
    )
    assert nvidia.gpus() == (Gpu(name="NVIDIA H200", driver="570.86.15"),)
    assert nvidia.reading("handle") == nvidia.Reading()


def test_names_in_bytes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older versions of the package answer in bytes."""
    install(monkeypatch, nvmlDeviceGetName=b"Tesla  T4 ", nvmlSystemGetDriverVersion=b"450\xff")
    assert [(gpu.name, gpu.driver) for gpu in nvidia.gpus()] == [("Tesla T4", "450\ufffd")]


def test_every_gpu_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight GPUs are eight facts."""
    install(monkeypatch, nvmlDeviceGetCount=8)
    assert len(nvidia.gpus()) == 8


@pytest.mark.parametrize(
    ("device", "visible", "question"),
    [
        ("cuda:1", None, ("nvmlDeviceGetHandleByIndex", 1)),
        ("cuda", None, ("nvmlDeviceGetHandleByIndex", 0)),
        ("cuda:1", "2,5", ("nvmlDeviceGetHandleByIndex", 5)),
        ("cuda:0", "GPU-8f,1", ("nvmlDeviceGetHandleByUUID", "GPU-8f")),
    ],
)
def test_devices_are_counted_as_cuda_does(
    monkeypatch: pytest.MonkeyPatch, device: str, visible: str | None, question: tuple[Any, ...]
) -> None:
    """A device's number counts among the GPUs that are visible."""
    library = install(monkeypatch)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert nvidia.device_handle(device) is not None
    assert library.asked[-1] == question


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu:0", "cuda:x", ""])
def test_other_devices_are_none_of_nvidias(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """What is no NVIDIA GPU has no handle and does not start the library."""
    library = install(monkeypatch)
    assert nvidia.device_handle(device) is None
    assert library.asked == []


def test_a_busy_gpu_tells_temperature_clock_and_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons are in words, without those that do not apply."""
    install(monkeypatch, nvmlDeviceGetCurrentClocksThrottleReasons=0x4 | 0x20)
    reasons = ("software power cap", "software thermal slowdown")
    assert nvidia.reading("handle") == nvidia.Reading(41, 1980, reasons)


def test_the_clock_of_an_idle_gpu_is_not_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle GPU clocks down on purpose: only its temperature counts."""
    install(monkeypatch, nvmlDeviceGetCurrentClocksThrottleReasons=nvidia.IDLE | 0x4)
    assert nvidia.reading("handle") == nvidia.Reading(41)


@given(reasons=st.integers(min_value=0, max_value=2**64 - 1))
def test_unknown_reasons_are_left_out(reasons: int) -> None:
    """Bits that a newer driver adds have no name and no effect."""
    assert set(nvidia._names(reasons)) <= set(nvidia.THROTTLE_REASONS.values())
