"""Accelerators that only frameworks name become facts of the machine, each of them once."""

import pytest

from bench.machine import slug, with_accelerators
from bench.results.hardware import Gpu, Machine
from bench.workload import Device

A100 = "NVIDIA A100-SXM4-80GB"
SLICE = f"{A100} MIG 1g.10gb"


def told(device: str, *names: str, memory_bytes: int | None = None) -> list[Gpu]:
    """Return what a framework says of all its devices of a kind."""
    return [Gpu(name, memory_bytes, device=Device(device, number))
            for number, name in enumerate(names)]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "some", "expected"),
    [
        ([], [told("cuda", "AMD Instinct MI300X")], ["AMD Instinct MI300X"]),
        ([], [told("xpu", "Arc A770", "Arc A770")], ["Arc A770", "Arc A770"]),
        # Two frameworks, or two kinds of one, see the same GPUs; one may see fewer.
        ([], [told("cuda", "MI300X", "MI300X"), told("opencl", "MI300X")], ["MI300X", "MI300X"]),
        ([A100, A100], [told("cuda", A100, A100), told("opencl", A100)], [A100, A100]),
        (["NVIDIA L4"], [told("opencl", "NVIDIA L4", "Arc A770")], ["NVIDIA L4", "Arc A770"]),
        # What is one device to two frameworks is one, whatever they call it.
        ([], [told("cuda", "AMD Instinct MI300X"), told("cuda", "gfx942")],
         ["AMD Instinct MI300X"]),
        # A driver may say more.
        (["Apple M2 Pro 19-core GPU"], [told("metal", "Apple M2 Pro")],
         ["Apple M2 Pro 19-core GPU"]),
        (["Orin (nvgpu)"], [told("cuda", "Orin")], ["Orin (nvgpu)"]),
        # Or less: only the framework knows that it has a slice.
        ([A100], [told("cuda", SLICE), told("cuda", SLICE)], [SLICE]),
        ([SLICE], [told("cuda", SLICE)], [SLICE]),
    ],
)  # fmt: skip
def test_every_accelerator_is_there_once(
    known: list[str], some: list[list[Gpu]], expected: list[str]
) -> None:
    found = with_accelerators(Machine(gpus=tuple(map(Gpu, known))), some)
    assert [gpu.name for gpu in found.gpus] == expected


def test_memory_that_no_driver_tells_is_the_frameworks() -> None:
    """NVML tells none of a Jetson, nor a framework's name what the driver has said."""
    machine = Machine(gpus=(Gpu("Orin (nvgpu)", driver="540"), Gpu("NVIDIA L4", 24)))
    found = with_accelerators(machine, [told("cuda", "Orin", "NVIDIA L4", memory_bytes=64)])
    assert found.gpus == (Gpu("Orin (nvgpu)", 64, driver="540"), Gpu("NVIDIA L4", 24))


def test_machines_with_other_accelerators_have_other_names() -> None:
    machine = Machine(cpu_model="AMD EPYC 7763", physical_cores=2)
    names = ["AMD Instinct MI300X", "Intel(R) Arc(TM) A770", SLICE]
    assert [slug(with_accelerators(machine, [told("cuda", name)])) for name in names] == [
        "amd-epyc-7763-2-cores-amd-instinct-mi300x",
        "amd-epyc-7763-2-cores-intel-arc-a770",
        "amd-epyc-7763-2-cores-nvidia-a100-sxm4-80gb-mig-1g-10gb",
    ]
    assert slug(machine) == "amd-epyc-7763-2-cores"
