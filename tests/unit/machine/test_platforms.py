"""What macOS and Windows say of themselves, from what their commands print."""

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from bench.machine import platforms, sources
from bench.results.hardware import Gpu

IOREG = '+-o AGXAcceleratorG14X\n  {\n    "model" = "Apple M2 Pro"\n    "gpu-core-count" = 19\n'
M4_PRO = {"machdep.cpu.brand_string": "Apple M4 Pro", "hw.model": "Mac14,9",
          "hw.optional.neon": "1", "hw.optional.AdvSIMD": "1", "hw.optional.arm.FEAT_SME": "1",
          "hw.optional.avx2_0": "0", "hw.optional.arm64": "1", "hw.l1dcachesize": "65536",
          "hw.perflevel0.l1dcachesize": "131072", "hw.l2cachesize": "4194304"}  # fmt: skip
INTEL_MAC = {"hw.cpufrequency_min": "800000000", "hw.cpufrequency_max": "2600000000",
             "hw.optional.avx2_0": "1", "hw.optional.avx512f": "1"}  # fmt: skip
RYZEN = {"ProcessorNameString": "AMD Ryzen 7 5800X 8-Core Processor     "}
GUEST = {"SystemManufacturer": "Microsoft Corporation", "SystemProductName": "Virtual Machine"}


def macos(
    sysctl: Mapping[str, str] = {}, ioreg: str = "", built_for: str = "arm64"
) -> dict[str, Any]:
    """Return the facts of a Mac."""
    lines = "".join(f"{name}: {value}\n" for name, value in sysctl.items())
    printed = {"ioreg": ioreg, "sysctl": f"junk\n{lines}"}
    return platforms.macos(lambda command, *_arguments: printed[command], built_for)


def windows(registry: Mapping[str, str] = {}, *features: int) -> dict[str, Any]:
    """Return the facts of a PC: values of its registry, and the numbers of its features."""
    lines = "".join(f"    {name}    REG_SZ    {text}\r\n" for name, text in registry.items())
    printed = f"\r\nHKEY…\r\n{lines}    Path    REG_EXPAND_SZ    C:\\\r\n"
    return platforms.windows(lambda *_command: printed, features.__contains__, "AMD64")


@pytest.mark.parametrize(
    ("found", "facts"),
    [
        (macos(M4_PRO), {"cpu_model": "Apple M4 Pro", "instruction_sets": ("NEON", "SME"),
                         "caches": {"L1d": 131_072, "L2": 4_194_304}, "product": "Mac14,9",
                         "frequency_range_mhz": None}),
        (macos(INTEL_MAC, built_for="x86_64"), {"frequency_range_mhz": (800.0, 2600.0),
                                                "instruction_sets": ("AVX2", "AVX-512")}),
        # Rosetta and its like on Windows translate, but do not hide the real architecture.
        (macos(M4_PRO, built_for="x86_64"), {"native_architecture": "arm64"}),
        (windows({"PROCESSOR_ARCHITECTURE": "ARM64"}), {"native_architecture": "ARM64"}),
        (macos({"kern.hv_vmm_present": "1"}), {"virtual_machine": True}),
        (macos({"kern.hv_vmm_present": "0"}), {"virtual_machine": False}),
        # The number of GPU cores tells chips of one name apart.
        (macos(ioreg=IOREG), {"gpus": (Gpu(name="Apple M2 Pro 19-core GPU"),)}),
        (macos(ioreg='"model" = "Apple M1"'), {"gpus": (Gpu(name="Apple M1"),)}),
        (windows(RYZEN, 39, 40), {"cpu_model": "AMD Ryzen 7 5800X 8-Core Processor",
                                  "instruction_sets": ("AVX", "AVX2"), "hypervisor": None}),
        (windows(GUEST), {"virtual_machine": True, "hypervisor": "Hyper-V",
                          "product": "Microsoft Corporation Virtual Machine"}),
    ],
)  # fmt: skip
def test_systems_without_files_tell_their_facts(
    found: dict[str, Any], facts: dict[str, Any]
) -> None:
    assert {name: found[name] for name in facts} == facts


@pytest.mark.parametrize("found", [macos(), windows()])
def test_a_system_that_prints_nothing_tells_nothing(found: dict[str, Any]) -> None:
    assert not any(found[name] for name in found.keys() - {"os", "kernel"})


@pytest.mark.parametrize("command", ["/does/not/exist", sys.executable])
def test_a_command_that_fails_prints_nothing(command: str) -> None:
    assert sources.output(command, "-c", "raise SystemExit(3)") == ""
