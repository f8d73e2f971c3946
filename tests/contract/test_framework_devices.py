"""What frameworks say of accelerators that nobody here has, told by fakes of their drivers."""

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from bench.run.backends import SHIPPED
from bench.workload.contract import DeviceFacts

Load = Callable[..., ModuleType]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what loads a file of shared code on fakes of the modules that it imports."""

    def load_it(file: str, **fakes: Any) -> ModuleType:
        for name, fake in fakes.items():
            monkeypatch.setitem(sys.modules, name.replace("__", "."), fake)
        spec = importlib.util.spec_from_file_location("backends._fake", SHIPPED / file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load_it


def load_jax(load: Load, **platforms: list[str]) -> ModuleType:
    """Return the code on a JAX with these platforms and the names of their devices."""
    jax = MagicMock(name="jax")
    there = {name: [SimpleNamespace(device_kind=kind) for kind in kinds]
             for name, kinds in {"cpu": ["cpu"], **platforms}.items()}  # fmt: skip
    jax.extend.backend.backends.return_value = there
    jax.devices.side_effect = there.__getitem__
    return load("_jax.py", jax=jax, jax__numpy=jax.numpy, jax__extend=jax.extend)


def test_jax_tells_a_most_of_memory_once(load: Load) -> None:
    """It never forgets the most: a later model that needs less has no figure of its own."""
    module = load_jax(load, cuda=["NVIDIA H100"])
    (gpu,) = module.jax.devices("cuda")
    peaks = iter([5, 5, 7])
    gpu.memory_stats = lambda: {"peak_bytes_in_use": next(peaks)}
    assert [module.device_memory_bytes("cuda:0") for _ in range(3)] == [5, None, 7]
    gpu.memory_stats = lambda: None
    assert module.device_memory_bytes("cuda:0") is None


@pytest.mark.parametrize(
    ("platforms", "expected", "name"),
    [
        ({}, [], None),
        ({"cuda": ["NVIDIA H100"] * 2}, ["cuda:0", "cuda:1"], "NVIDIA H100"),
        ({"rocm": ["AMD Instinct MI300X"]}, ["cuda:0"], "AMD Instinct MI300X"),
        ({"tpu": ["TPU v4"] * 4}, ["tpu:0", "tpu:1", "tpu:2", "tpu:3"], "TPU v4"),
        ({"METAL": ["Metal"]}, ["metal"], None),
        ({"cuda": ["NVIDIA L4"], "neuron": ["trn2"]}, ["cuda:0", "neuron:0"], "trn2"),
    ],
)
def test_every_platform_of_jax_is_a_kind_of_device(
    load: Load, platforms: dict[str, list[str]], expected: list[str], name: str | None
) -> None:
    """AMD's GPUs have the name that PyTorch gives them: one GPU is one device."""
    module = load_jax(load, **platforms)
    assert module.devices() == ["cpu", *expected]
    if expected:
        assert module.device_facts(expected[-1]) == (DeviceFacts(name) if name else None)


def load_tensorflow(load: Load, *kinds: str, **details: str) -> tuple[ModuleType, MagicMock]:
    """Return the code on a TensorFlow with physical devices of these kinds."""
    tf = MagicMock(name="tensorflow")
    tf.Module = object
    kinds = ("CPU", *kinds)
    tf.config.list_physical_devices.return_value = [
        SimpleNamespace(device_type=kind, name=f"/physical_device:{kind}:{kinds[:at].count(kind)}")
        for at, kind in enumerate(kinds)
    ]
    tf.config.experimental.get_device_details.return_value = details
    return load("_tensorflow.py", tensorflow=tf), tf


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [((), []), (("GPU", "GPU"), ["cuda:0", "cuda:1"]), (("XPU",), ["xpu:0"]),
     (("TPU_SYSTEM", "TPU"), ["tpu:0"])],
)  # fmt: skip
def test_every_physical_device_of_tensorflow_but_the_cpu_is_an_accelerator(
    load: Load, kinds: tuple[str, ...], expected: list[str]
) -> None:
    module, _ = load_tensorflow(load, *kinds)
    assert module.devices() == ["cpu", *expected]
    assert [module.place(name) for name in expected] == [
        f"/device:{name.replace('cuda', 'gpu').upper()}" for name in expected
    ]


def test_tensorflows_gpu_on_a_mac_is_metal(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    module, _ = load_tensorflow(load, "GPU")
    assert (module.devices(), module.place("metal")) == (["cpu", "metal"], "/device:GPU:0")
    assert module.device_memory_bytes("metal") is None


def test_tensorflow_tells_the_name_of_a_gpu_and_no_other(load: Load) -> None:
    module, _ = load_tensorflow(load, "GPU", device_name="AMD Radeon RX 7900 XTX")
    assert module.device_facts("cuda:0") == DeviceFacts("AMD Radeon RX 7900 XTX")
    module, _ = load_tensorflow(load, "XPU")
    assert module.device_facts("xpu:0") is None


@pytest.mark.parametrize(("device", "left"), [("cpu", []), ("xpu:1", ["/physical_device:XPU:1"])])
def test_keras_on_tensorflow_has_no_other_accelerator_to_choose(
    load: Load, device: str, left: list[str]
) -> None:
    """TensorFlow would prefer one to the CPU, and the first to the second."""
    module, tf = load_tensorflow(load, "XPU", "XPU")
    module.only(device)
    (visible, kind), _ = tf.config.set_visible_devices.call_args
    assert ([one.name for one in visible], kind) == (left, "XPU")


class FakeTinygrad:
    """A tinygrad that opens some devices: its name of each -> how many, and what one is like."""

    def __init__(self, count: dict[str, int], **opened: Any) -> None:
        self._count, self._opened = count, opened

    def get_available_devices(self) -> list[str]:
        return list(self._count)

    def canonicalize(self, name: str) -> str:
        return name.removesuffix(":0")

    def __getitem__(self, name: str) -> Any:
        kind = name.partition(":")[0]
        return SimpleNamespace(count=lambda: self._count[kind], **self._opened)


def load_tinygrad(load: Load, device: FakeTinygrad, **fakes: Any) -> ModuleType:
    """Return the code on it."""
    counters = SimpleNamespace(mem_used_per_device={"AMD": 5, "WEBGPU": 7})
    return load(
        "_tinygrad_devices.py",
        tinygrad=SimpleNamespace(Device=device),
        tinygrad__helpers=SimpleNamespace(GlobalCounters=counters),
        **fakes,
    )


def test_every_device_that_tinygrad_opens_is_one(load: Load) -> None:
    there = {"METAL": 1, "AMD": 2, "NV": 1, "CUDA": 1, "CL": 2, "CPU": 1, "WEBGPU": 1}
    module = load_tinygrad(load, FakeTinygrad(there))
    assert module.devices() == [
        "cpu", "metal", "amd:0", "amd:1", "nv:0", "cuda:0", "opencl:0", "opencl:1", "webgpu",
    ]  # fmt: skip
    assert list(map(module.place, ("cpu", "opencl:1", "amd:0"))) == ["CPU", "CL:1", "AMD:0"]


def test_tinygrad_names_an_amd_gpu_by_its_architecture_and_counts_its_memory(load: Load) -> None:
    """What tinygrad lets go it keeps for later: sizes and the buffers of each."""
    allocator = SimpleNamespace(cache={(100, None): ["buffer", "buffer"]})
    allocator.free_cache = allocator.cache.clear
    there = FakeTinygrad({"AMD": 1}, arch="gfx1100", allocator=allocator)
    module = load_tinygrad(load, there)
    assert module.device_facts("amd:0") == DeviceFacts("AMD gfx1100")
    assert module.device_memory_bytes("amd:0") == 205
    assert module.device_memory_bytes("amd:0") == 5


def test_tinygrad_names_a_webgpu_adapter_and_counts_nothing(load: Load) -> None:
    def tell(device: str, info: SimpleNamespace) -> None:
        info.device, info.description = b"Adreno 740", b""

    webgpu = SimpleNamespace(WGPUAdapterInfo=SimpleNamespace, wgpuDeviceGetAdapterInfo=tell)
    ops = SimpleNamespace(webgpu=webgpu, from_wgpu_str=bytes.decode)
    there = FakeTinygrad({"WEBGPU": 1}, device_res="adapter", allocator=SimpleNamespace())
    module = load_tinygrad(load, there, tinygrad__runtime__ops_webgpu=ops)
    assert module.device_facts("webgpu") == DeviceFacts("Adreno 740")
    assert module.device_memory_bytes("webgpu") is None
