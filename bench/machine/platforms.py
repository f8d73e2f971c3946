"""What the running system says of itself where no file does: all of macOS's and Windows' facts.

They are named as in `bench.results.hardware.Machine`.
"""

import platform
import re
import sys
from collections.abc import Callable
from typing import Any

from bench.machine import cpu, hypervisor
from bench.machine.sources import number, output
from bench.results.hardware import Gpu

REGISTRY = (
    r"HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0",
    r"HKLM\HARDWARE\DESCRIPTION\System\BIOS",
    r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment",
)
# IsProcessorFeaturePresent of Windows (PF_… of winnt.h) -> the flag as Linux calls it.
WINDOWS_FEATURES = {38: "sse4_2", 39: "avx", 40: "avx2", 41: "avx512f", 19: "neon", 46: "sve"}


def facts() -> dict[str, Any]:
    """Return what this system says of itself."""
    architecture, release = platform.machine(), platform.release()
    found = {"architecture": architecture, "python": platform.python_version(), "kernel": release}
    if sys.platform != "linux":
        found["os"] = f"{platform.system()} {release}"
    if sys.platform == "darwin":
        return found | macos(output, architecture)
    if sys.platform == "win32":
        import ctypes

        has_feature = ctypes.windll.kernel32.IsProcessorFeaturePresent
        return found | windows(output, has_feature, architecture)
    return found


def macos(run: Callable[..., str], architecture: str) -> dict[str, Any]:
    """Return what macOS says through sysctl, and of the GPU through ioreg.

    `architecture` is that of this Python, which Rosetta may translate.
    """
    printed = run("sysctl", "hw", "machdep.cpu", "kern.hv_vmm_present")
    sysctl = dict(re.findall(r"^([\w.]+): *(.*\S)", printed, re.MULTILINE))
    low, high = (number(sysctl.get(f"hw.cpufrequency_{end}")) for end in ("min", "max"))
    # "hw.optional.avx2_0", "hw.optional.arm.FEAT_SME"
    flags = re.findall(r"^hw\.optional\.(?:arm\.)?(?:FEAT_)?(\w+?)(?:_0)?: 1$", printed, re.M)
    return {
        "cpu_model": sysctl.get("machdep.cpu.brand_string"),
        "frequency_range_mhz": (low / 1e6, high / 1e6) if low and high else None,
        "instruction_sets": cpu.named({flag.lower() for flag in flags}, architecture),
        "multiplies_bfloat16": "BF16" in flags if flags else None,
        "caches": _macos_caches(sysctl),
        "native_architecture": "arm64" if sysctl.get("hw.optional.arm64") == "1" else None,
        "product": sysctl.get("hw.model"),
        "os": f"macOS {platform.mac_ver()[0]}".strip(),
        "virtual_machine": {"0": False, "1": True}.get(sysctl.get("kern.hv_vmm_present", "")),
        "gpus": _apple_gpus(run("ioreg", "-r", "-d", "1", "-c", "AGXAccelerator")),
    }


def _macos_caches(sysctl: dict[str, str]) -> dict[str, int]:
    """Return the caches of the fast cores, which Apple calls performance level 0."""
    keys = {name: f"{name.lower()}cachesize" for name in ("L1d", "L1i", "L2", "L3")}
    sizes = {name: number(sysctl.get(f"hw.perflevel0.{key}") or sysctl.get(f"hw.{key}"))
             for name, key in keys.items()}  # fmt: skip
    return {name: size for name, size in sizes.items() if size}


def _apple_gpus(ioreg: str) -> tuple[Gpu, ...]:
    """Return the GPU of an Apple chip; its memory is the machine's."""
    model = re.search(r'"model" = "([^"]+)"', ioreg)
    cores = re.search(r'"gpu-core-count" = (\d+)', ioreg)
    name = model and (f"{model[1]} {cores[1]}-core GPU" if cores else model[1])
    return (Gpu(name=name),) if name else ()


def windows(
    run: Callable[..., str], has_feature: Callable[[int], int], architecture: str
) -> dict[str, Any]:
    """Return what Windows says through its registry and of the processor's features."""
    printed = "\n".join(run("reg", "query", key) for key in REGISTRY)
    registry = dict(re.findall(r"^ +(\w+) +REG_SZ +(.*\S)", printed, re.MULTILINE))
    flags = {flag for feature, flag in WINDOWS_FEATURES.items() if has_feature(feature)}
    maker, model = (registry.get(f"System{name}", "") for name in ("Manufacturer", "ProductName"))
    virtual = hypervisor.by_traces(product := f"{maker} {model}".strip())
    return {
        "cpu_model": registry.get("ProcessorNameString"),
        "instruction_sets": cpu.named(flags, architecture),
        "native_architecture": registry.get("PROCESSOR_ARCHITECTURE"),
        "product": product,
        "kernel": platform.version(),  # there the release is the system's
        "virtual_machine": True if virtual else None,
        "hypervisor": virtual,
    }
