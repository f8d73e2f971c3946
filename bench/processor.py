"""Facts of the processor: its name, what it can compute with, its caches and frequencies."""

import re
import sys

from bench.sources import CPUS, cpuinfo, matches, number, read, read_number, registry, sysctl

# How /proc/cpuinfo and sysctl name an instruction set -> how people write it, in order of age.
INSTRUCTION_SETS = {
    "sse4_2": "SSE4.2",
    "avx": "AVX",
    "fma": "FMA",
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "amx_tile": "AMX",
    "neon": "NEON",
    "asimd": "NEON",
    "sve": "SVE",
    "sve2": "SVE2",
    "sme": "SME",
}
# The same for IsProcessorFeaturePresent of Windows (PF_… of winnt.h).
WINDOWS_FEATURES = {38: "SSE4.2", 39: "AVX", 40: "AVX2", 41: "AVX-512", 19: "NEON", 46: "SVE"}
# Arm processors tell numbers only: (implementer, part) of the register MIDR_EL1 -> name.
ARM_PARTS = {
    (0x41, 0xD03): "Arm Cortex-A53",
    (0x41, 0xD04): "Arm Cortex-A35",
    (0x41, 0xD05): "Arm Cortex-A55",
    (0x41, 0xD07): "Arm Cortex-A57",
    (0x41, 0xD08): "Arm Cortex-A72",
    (0x41, 0xD09): "Arm Cortex-A73",
    (0x41, 0xD0A): "Arm Cortex-A75",
    (0x41, 0xD0B): "Arm Cortex-A76",
    (0x41, 0xD0C): "Arm Neoverse N1",
    (0x41, 0xD0D): "Arm Cortex-A77",
    (0x41, 0xD40): "Arm Neoverse V1",
    (0x41, 0xD41): "Arm Cortex-A78",
    (0x41, 0xD42): "Arm Cortex-A78AE",
    (0x41, 0xD44): "Arm Cortex-X1",
    (0x41, 0xD46): "Arm Cortex-A510",
    (0x41, 0xD47): "Arm Cortex-A710",
    (0x41, 0xD49): "Arm Neoverse N2",
    (0x41, 0xD4F): "Arm Neoverse V2",
    (0x41, 0xD80): "Arm Cortex-A520",
    (0x41, 0xD81): "Arm Cortex-A720",
    (0x41, 0xD84): "Arm Neoverse V3",
    (0x41, 0xD85): "Arm Cortex-X925",
    (0x41, 0xD87): "Arm Cortex-A725",
    (0x41, 0xD8E): "Arm Neoverse N3",
    (0x46, 0x001): "Fujitsu A64FX",
    (0x48, 0xD01): "HiSilicon Kunpeng 920",
    (0x4E, 0x004): "NVIDIA Carmel",
    (0x61, 0x022): "Apple M1 Icestorm",
    (0x61, 0x023): "Apple M1 Firestorm",
    (0xC0, 0xAC3): "Ampere-1",
    (0xC0, 0xAC4): "Ampere-1a",
}
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def cpu_model() -> str | None:
    """Return the processor's name as it calls itself, or by its numbers where it has no name."""
    central = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    name = sysctl().get("machdep.cpu.brand_string") or registry(central, "ProcessorNameString")
    return " ".join((name or _arm_name() or _name_in_cpuinfo() or "").split()) or None


def _name_in_cpuinfo() -> str | None:
    blocks = cpuinfo()
    keys = ("model name", "cpu model", "uarch", "cpu")  # x86, MIPS, RISC-V, POWER
    return next((_numbered(block[key], block) for key in keys for block in blocks
                 if block.get(key)), None)  # fmt: skip


def _numbered(name: str, block: dict[str, str]) -> str:
    """Return the name, with the processor's numbers if it has none.

    Many hypervisors call each generation the same, "AMD EPYC": two machines, one name.
    """
    family, model = block.get("cpu family"), block.get("model")
    if re.search(r"\d", name) or not (family and model):
        return name
    return f"{name} (family {family}, model {model})"


def _arm_name() -> str | None:
    """Return the names of all kinds of cores of an Arm processor, in the order of the system."""
    kinds = [
        (block["cpu implementer"], block["cpu part"])
        for block in cpuinfo()
        if {"cpu implementer", "cpu part"} <= block.keys()
    ]
    return " + ".join(dict.fromkeys(_arm_kind(*kind) for kind in kinds)) or None


def _arm_kind(implementer: str, part: str) -> str:
    try:
        known = ARM_PARTS.get((int(implementer, 16), int(part, 16)))
    except ValueError:
        known = None
    return known or f"Arm implementer {implementer} part {part}"


def instruction_sets() -> tuple[str, ...]:
    """Return which instruction sets that matter here the processor has, as people write them."""
    if sys.platform == "win32":
        return _windows_features()
    has = _linux_flags() | _macos_flags()
    return tuple(dict.fromkeys(name for flag, name in INSTRUCTION_SETS.items() if flag in has))


def _linux_flags() -> set[str]:
    """Return what /proc/cpuinfo says of the first processor: "flags" on x86, "features" on Arm."""
    flags = (block.get("flags") or block.get("features") for block in cpuinfo())
    return set(next(filter(None, flags), "").lower().split())


def _macos_flags() -> set[str]:
    """Return the features that sysctl reports as there: hw.optional.avx2_0, …arm.FEAT_SME."""
    names = (name for name, value in sysctl().items() if value == "1")
    optional = (name for name in names if name.startswith("hw.optional."))
    return {re.sub(r"_0$|^FEAT_", "", name.rpartition(".")[2]).lower() for name in optional}


def _windows_features() -> tuple[str, ...]:
    if sys.platform != "win32":
        return ()
    import ctypes

    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return tuple(name for feature, name in WINDOWS_FEATURES.items() if present(feature))


def caches() -> dict[str, int]:
    """Return the bytes of one instance of each cache that the first processor uses, by name."""
    found = {}
    for folder in matches(f"{CPUS}/cpu0/cache/index[0-9]*"):
        level, size = read_number(f"{folder}/level"), _cache_bytes(read(f"{folder}/size"))
        letter = {"Data": "d", "Instruction": "i"}.get(read(f"{folder}/type") or "", "")
        if level and size:
            found[f"L{level}{letter}"] = size
    return found or _macos_caches()


def _cache_bytes(text: str | None) -> int | None:
    """Return the bytes that "32K" or "16M" means."""
    digits = (text or "").rstrip("KMG")
    count, unit = number(digits), UNITS.get((text or "")[len(digits) :])
    return None if count is None or unit is None else count * unit


def _macos_caches() -> dict[str, int]:
    """Return the caches of the fast cores, which Apple calls performance level 0."""
    found = {}
    for name in ("L1d", "L1i", "L2", "L3"):
        key = f"{name.lower()}cachesize"
        size = sysctl().get(f"hw.perflevel0.{key}") or sysctl().get(f"hw.{key}")
        if bytes_there := number(size):
            found[name] = bytes_there
    return found


def frequency_range_mhz() -> tuple[float, float] | None:
    """Return the lowest and the highest frequency that the processor can have."""
    lows = [_kilohertz(path) for path in matches(f"{CPUS}/cpu[0-9]*/cpufreq/cpuinfo_min_freq")]
    highs = [_kilohertz(path) for path in matches(f"{CPUS}/cpu[0-9]*/cpufreq/cpuinfo_max_freq")]
    low = min(filter(None, lows), default=_hertz("hw.cpufrequency_min"))
    high = max(filter(None, highs), default=_hertz("hw.cpufrequency_max"))
    return (low, high) if low and high else None


def _kilohertz(path: str) -> float | None:
    found = read_number(path)
    return found and found / 1e3


def _hertz(name: str) -> float | None:
    found = number(sysctl().get(name))
    return found and found / 1e6
