"""PyTorch's accelerators, with a torch that only says what it sees: no GPU is needed."""

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

from bench.run.backends import SHIPPED
from bench.workload import Precision
from tests.made import make_workload

Shared = Callable[..., tuple[ModuleType, MagicMock]]


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    """Return what loads backends/_torch.py on a fake torch that sees some accelerators."""

    def load(kind: str | None, count: int = 1) -> tuple[ModuleType, MagicMock]:
        torch = MagicMock(name="torch")
        torch.optim.Optimizer = object
        torch.no_grad = lambda: lambda function: function
        found = None if kind is None else SimpleNamespace(type=kind)
        torch.accelerator.current_accelerator.return_value = found
        torch.accelerator.device_count.return_value = count
        monkeypatch.setitem(sys.modules, "torch", torch)
        monkeypatch.setitem(sys.modules, "torch.nn", torch.nn)
        spec = importlib.util.spec_from_file_location("backends._fake", SHIPPED / "_torch.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module, torch

    return load


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [
        (None, 0, ["cpu"]),
        ("cuda", 1, ["cpu", "cuda:0"]),
        ("cuda", 3, ["cpu", "cuda:0", "cuda:1", "cuda:2"]),
        ("xpu", 2, ["cpu", "xpu:0", "xpu:1"]),
        ("mps", 1, ["cpu", "mps"]),
    ],
)
def test_every_accelerator_is_a_device(
    shared: Shared, kind: str | None, count: int, expected: list[str]
) -> None:
    """The CPU is always one; there is one Metal device and it has no number."""
    module, torch = shared(kind, count)
    assert module.devices() == expected
    torch.accelerator.current_accelerator.assert_called_with(check_available=True)


@pytest.mark.parametrize("device", ["cuda:1", "mps", "xpu:0"])
def test_an_accelerator_is_waited_for(shared: Shared, device: str) -> None:
    """The clock may stop only when that very device is idle."""
    module, torch = shared(device.partition(":")[0])
    module.wait_for(device)
    torch.accelerator.synchronize.assert_called_once_with(device)


def test_the_cpu_is_not_waited_for(shared: Shared) -> None:
    """It computes while it is called; without an accelerator there is nothing to ask."""
    module, torch = shared(None)
    module.wait_for("cpu")
    torch.accelerator.synchronize.assert_not_called()


@pytest.mark.parametrize("device", ["cuda:1", "xpu:0"])
def test_the_memory_of_an_accelerator_is_told(shared: Shared, device: str) -> None:
    """PyTorch counts the most that tensors held."""
    module, torch = shared(device.partition(":")[0])
    counting = getattr(torch, device.partition(":")[0])
    counting.max_memory_allocated.return_value = 2**30
    assert module.device_memory_bytes(device) == 2**30
    counting.max_memory_allocated.assert_called_once_with(device)
    counting.reset_peak_memory_stats.assert_called_once_with(device)


def test_metal_has_no_peak_to_tell(shared: Shared) -> None:
    """PyTorch knows there only what is held now."""
    module, _ = shared("mps")
    assert module.device_memory_bytes("mps") is None


@pytest.mark.parametrize(
    ("device", "name"),
    [("cuda:0", "AMD Instinct MI300X"), ("cuda:0", "NVIDIA A100-SXM4-80GB MIG 1g.10gb"),
     ("cuda:0", "Orin"), ("xpu:0", "Intel(R) Arc(TM) A770 Graphics")],
)  # fmt: skip
def test_an_accelerator_has_the_name_that_its_driver_tells_pytorch(
    shared: Shared, device: str, name: str
) -> None:
    module, torch = shared(device.partition(":")[0])
    told = SimpleNamespace(name=name, total_memory=2**33)
    getattr(torch, device.partition(":")[0]).get_device_properties = {device: told}.get
    assert module.device_facts(device) == (name, 2**33)


def test_of_metal_pytorch_tells_nothing(shared: Shared) -> None:
    module, torch = shared("mps")
    torch.mps = SimpleNamespace()
    assert module.device_facts("mps") is None


@pytest.mark.parametrize(
    ("precision", "expected"), [("float32", "highest"), ("tf32", "high"), ("bfloat16", "highest")]
)
def test_products_of_float32_are_rounded_only_where_tf32_is_asked_for(
    shared: Shared, precision: Precision, expected: str
) -> None:
    module, torch = shared("cuda")
    module.set_precision(make_workload(precision=precision))
    torch.set_float32_matmul_precision.assert_called_once_with(expected)
