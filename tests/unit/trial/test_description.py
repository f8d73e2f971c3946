"""What a backend says of itself, as records; odd answers are refused."""

import sys
from collections.abc import Sequence
from types import ModuleType

import pytest

from bench.results.hardware import Gpu
from bench.results.records import Described
from bench.trial.description import describe
from bench.workload import Device
from bench.workload.contract import DeviceFacts


def test_versions_are_told_as_text() -> None:
    """A framework's own version type becomes text; what it does not know stays None."""
    module = ModuleType("toy")
    module.devices = lambda: ["cpu"]  # type: ignore[attr-defined]
    module.versions = lambda: {"toy": (1, 2), "cuda": None}  # type: ignore[attr-defined]
    described = describe(module)
    assert described.versions == {"toy": "(1, 2)", "cuda": None}


@pytest.mark.parametrize("names", [(), ("cpu",), ["cpu", "cuda:0", "cuda:11"]])
def test_devices_are_records(names: Sequence[str]) -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: names, dict  # type: ignore[attr-defined]
    assert describe(module).devices == tuple(map(Device.named, names))


@pytest.mark.parametrize(
    "found", [None, 3, "cpu", [0], [""], ["cuda:x"], ["cpu\n"], ["../cpu"], ["cuda:0:1"]]
)
def test_devices_that_make_no_rows_are_refused(found: object) -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: found, dict  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="expected a list of names like 'cuda:0'"):
        describe(module)


def test_a_device_that_is_named_twice_is_refused() -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: ["cpu", "cpu"], dict  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="expected every name once"):
        describe(module)


def test_thread_pools_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter of a backend's own need not have threadpoolctl."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    module = ModuleType("toy")
    module.devices = list  # type: ignore[attr-defined]
    module.versions = dict  # type: ignore[attr-defined]
    assert describe(module) == Described((), {}, sys.version.split()[0])


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (DeviceFacts(" AMD\n MI300X ", 5), (Gpu("AMD MI300X", 5, device=Device("opencl", 0)),)),
        (DeviceFacts("x" * 200), (Gpu("x" * 100, device=Device("opencl", 0)),)),
        (DeviceFacts(""), ()),
        (None, ()),
        (RuntimeError("CL_INVALID_DEVICE"), ()),
    ],
)
def test_accelerators_are_named_as_far_as_their_drivers_tell(
    told: DeviceFacts | Exception | None, expected: tuple[Gpu, ...]
) -> None:
    """The processor is not asked for: its name is a fact of the machine."""

    def device_facts(device: str) -> DeviceFacts | None:
        assert device == "opencl:0"
        if isinstance(told, Exception):
            raise told
        return told

    module = ModuleType("toy")
    module.devices = lambda: ["cpu", "opencl:0"]  # type: ignore[attr-defined]
    module.versions, module.device_facts = dict, device_facts  # type: ignore[attr-defined]
    assert describe(module).accelerators == expected
