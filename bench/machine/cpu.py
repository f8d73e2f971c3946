"""Facts of the processor: its name, what it can compute with, its caches and frequencies."""

import re
from collections.abc import Set

from bench.machine.sources import CPUS, Source, number

# How /proc/cpuinfo, and macOS's sysctl, names an instruction set -> how people write it, by family
# of architectures: AMD's "sme" is memory encryption.
INSTRUCTION_SETS = {
    "x86": {"sse4_2": "SSE4.2", "avx": "AVX", "fma": "FMA", "avx2": "AVX2", "avx512f": "AVX-512",
            "amx_tile": "AMX"},
    "arm": {"neon": "NEON", "asimd": "NEON", "sve": "SVE", "sve2": "SVE2", "sme": "SME"},
    "loongarch": {"lsx": "LSX", "lasx": "LASX"},
    "riscv": {"v": "RVV"},
    "s390": {"vx": "VX"},
}  # fmt: skip
# Of each family the flags of what multiplies bfloat16; elsewhere it is done by other means, slowly.
BFLOAT16 = {"x86": {"avx512_bf16", "amx_bf16"}, "arm": {"bf16"}, "riscv": {"zvfbfwma"}}
FAMILIES = {"x86": r"x86|amd64|i\d86", "arm": "arm|aarch64", "loongarch": "loong", "riscv": "riscv",
            "s390": "s390"}  # fmt: skip
# Arm processors tell numbers only, those of the register MIDR_EL1: implementer -> its name, and
# each part of its in hexadecimal with the name (lscpu-arm.c of util-linux has them all).
ARM_PARTS = {
    0x41: ("Arm", "b76 ARM1176, c05 Cortex-A5, c07 Cortex-A7, c08 Cortex-A8, c09 Cortex-A9, "
           "c0e Cortex-A17, c0f Cortex-A15, d03 Cortex-A53, d04 Cortex-A35, d05 Cortex-A55, "
           "d07 Cortex-A57, d08 Cortex-A72, d09 Cortex-A73, d0a Cortex-A75, d0b Cortex-A76, "
           "d0c Neoverse N1, d0d Cortex-A77, d40 Neoverse V1, d41 Cortex-A78, d42 Cortex-A78AE, "
           "d44 Cortex-X1, d46 Cortex-A510, d47 Cortex-A710, d48 Cortex-X2, d49 Neoverse N2, "
           "d4a Neoverse E1, d4b Cortex-A78C, d4d Cortex-A715, d4e Cortex-X3, d4f Neoverse V2, "
           "d80 Cortex-A520, d81 Cortex-A720, d82 Cortex-X4, d83 Neoverse V3AE, d84 Neoverse V3, "
           "d85 Cortex-X925, d87 Cortex-A725, d8e Neoverse N3"),
    0x42: ("Broadcom", "516 ThunderX2"),
    0x43: ("Cavium", "a1 ThunderX, af ThunderX2, b8 ThunderX3"),
    0x46: ("Fujitsu", "1 A64FX, 3 MONAKA"),
    0x48: ("HiSilicon", "d01 Kunpeng 920"),
    0x4E: ("NVIDIA", "3 Denver 2, 4 Carmel, 10 Olympus"),
    0x50: ("APM", "0 X-Gene"),
    0x51: ("Qualcomm", "1 Oryon, c00 Falkor"),
    0x53: ("Samsung", ""),
    0x61: ("Apple", "22 M1 Icestorm, 23 M1 Firestorm, 24 M1 Pro Icestorm, 25 M1 Pro Firestorm, "
           "28 M1 Max Icestorm, 29 M1 Max Firestorm, 32 M2 Blizzard, 33 M2 Avalanche, "
           "34 M2 Pro Blizzard, 35 M2 Pro Avalanche, 38 M2 Max Blizzard, 39 M2 Max Avalanche"),
    0x6D: ("Microsoft", "d49 Azure Cobalt 100"),
    0x70: ("Phytium", "662 FTC662, 663 FTC663, 862 FTC862"),
    0xC0: ("Ampere", "ac3 Ampere-1, ac4 Ampere-1a"),
}  # fmt: skip
COMPUTING = re.compile(r"s?sse|avx|amx|v?aes|v?pclmul|fma|f16c|bmi|sha|gfni|adx|popcnt|movbe|rtm")
NUMBERS = ("cpu implementer", "cpu variant", "cpu part", "cpu revision", "cpu family", "model",
           "stepping", "mvendorid", "marchid", "mimpid", "revision")  # fmt: skip
SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30}  # of sizes


def model(source: Source) -> str | None:
    """Return the processor's name as it calls itself, or by its numbers where it has no name.

    Of Arm the names of all kinds of cores, in the order of the system.
    """
    blocks = source.cpuinfo()
    kinds = [block for block in blocks if {"cpu implementer", "cpu part"} <= block.keys()]
    if kinds:
        return " + ".join(dict.fromkeys(map(_arm_kind, kinds)))
    name = first(source, "model name", "cpu model", "uarch", "cpu", "vendor_id")
    return _with_generation(source, name) if name else _riscv_name(source)


def first(source: Source, *keys: str) -> str | None:
    """Return what /proc/cpuinfo says under the first of the keys that it has."""
    blocks = source.cpuinfo()
    return next((block[key] for key in keys for block in blocks if block.get(key)), None)


def _with_generation(source: Source, name: str) -> str:
    """Return the name, with the processor's numbers if it has none.

    Many hypervisors call each generation the same, "AMD EPYC": two machines, one name.
    """
    if machine := re.search(r"\bmachine = (\w+)", source.read("proc/cpuinfo") or ""):  # of s390
        return f"{name} machine {machine[1]}"
    family, model = first(source, "cpu family"), first(source, "model")
    if re.search(r"\d", name) or not (family and model):
        return name
    return f"{name} (family {family}, model {model})"


def _riscv_name(source: Source) -> str | None:
    known = {key: first(source, key) for key in ("mvendorid", "marchid")}
    if numbers := ", ".join(f"{key} {number}" for key, number in known.items() if number):
        return f"RISC-V ({numbers})"
    isa = first(source, "isa") or ""
    return f"RISC-V {isa.partition('_')[0]}" if isa.startswith("rv") else None


def _arm_kind(block: dict[str, str]) -> str:
    implementer, part = (block[key] for key in ("cpu implementer", "cpu part"))
    maker, parts = ARM_PARTS.get(_hexadecimal(implementer), ("", ""))
    names = dict(entry.split(" ", 1) for entry in parts.split(", ") if entry)
    if name := names.get(f"{_hexadecimal(part):x}"):
        return name if name.startswith(maker) else f"{maker} {name}"
    if hides_its_part(block):
        return f"{maker or 'Arm'} processor"
    return f"{maker} part {part}" if maker else f"Arm implementer {implementer} part {part}"


def hides_its_part(block: dict[str, str]) -> bool:
    """Return whether it is an Arm processor that a hypervisor made up: no real one is called 0."""
    maker, part = (_hexadecimal(block.get(key, "")) for key in ("cpu implementer", "cpu part"))
    return maker == 0 or (part == 0 and maker != 0x50)  # APM's first part


def _hexadecimal(text: str) -> int:
    return int(text, 16) if re.fullmatch(r"0x[0-9a-f]{1,8}", text, re.IGNORECASE) else -1


def architecture(source: Source) -> str | None:
    """Return the architecture by what only its /proc/cpuinfo says; None where several say it."""
    flags = _flags(source)
    if first(source, "flags"):
        return "x86_64" if "lm" in flags else "i686"
    if first(source, "cpu implementer"):
        version = number(first(source, "cpu architecture"))
        return "aarch64" if "asimd" in flags else f"armv{version}l" if version else "arm"
    if first(source, "vendor_id") == "IBM/S390":
        return "s390x"
    isa = re.search(r"\brv(?:32|64)|\bloongarch64", first(source, "isa") or "")
    return isa[0].replace("rv", "riscv") if isa else None


def native_architecture(source: Source) -> str | None:
    """Return the processor's own architecture where it shows another one: Apple's Rosetta does."""
    return "aarch64" if first(source, "vendor_id") == "VirtualApple" else None


def family(architecture: str | None) -> str | None:
    """Return the family of an architecture, which has many names: "x86", "arm" …"""
    called = (architecture or "").lower()
    return next((name for name, names in FAMILIES.items() if re.match(names, called)), architecture)


def instruction_sets(source: Source) -> tuple[str, ...]:
    """Return which instruction sets that matter here the processor has, as people write them."""
    return named(_flags(source), architecture(source))


def named(flags: Set[str], architecture: str | None) -> tuple[str, ...]:
    """Return the instruction sets among the flags, as people write them, in order of age."""
    known = INSTRUCTION_SETS.get(family(architecture) or "", {})
    return tuple(dict.fromkeys(name for flag, name in known.items() if flag in flags))


def multiplies_bfloat16(source: Source) -> bool | None:
    """Return whether the processor has instructions for it; None if its flags are not known."""
    flags = _flags(source)
    return bool(flags & BFLOAT16.get(family(architecture(source)) or "", set())) if flags else None


def _flags(source: Source) -> set[str]:
    """Return the flags that /proc/cpuinfo says of every core; of RISC-V, the extensions."""
    found = []
    for block in source.cpuinfo():
        single, *others = block.get("isa", "").split("_")
        listed = block.get("flags") or block.get("features") or ""
        found.append({*listed.lower().split(), *single.lower()[4:], *others})
    return set.intersection(*filter(None, found)) if any(found) else set()


def distinctions(source: Source) -> list[str]:
    """Return what tells processors of one name apart: numbers, features, and Arm's timer.

    Of x86 only features that compute: each release of Linux names more of the others.
    """
    flags, kind = _flags(source), family(architecture(source))
    if kind == "x86":
        flags = set(filter(COMPUTING.match, flags))
    keys = (*NUMBERS, "bogomips") if kind == "arm" else NUMBERS
    blocks = source.cpuinfo()
    numbers = {f"{key} {block[key]}" for block in blocks for key in keys if key in block}
    return sorted(flags | numbers)


def caches(source: Source, cpu: int) -> dict[str, int]:
    """Return the bytes of one instance of each cache that a logical CPU uses, by name."""
    found = {}
    for folder in source.matches(f"{CPUS}/cpu{cpu}/cache/index[0-9]*"):
        level = source.read_number(f"{folder}/level")
        kind = {"Data": "d", "Instruction": "i"}.get(source.read(f"{folder}/type") or "", "")
        size = re.fullmatch(r"([0-9]{1,12})([KMG]?)", source.read(f"{folder}/size") or "")
        if level and size and int(size[1]):
            found[f"L{level}{kind}"] = int(size[1]) << SHIFTS[size[2]]
    return found


def frequency_range_mhz(source: Source) -> tuple[float, float] | None:
    """Return the lowest and the highest frequency that the processor can have."""
    files = f"{CPUS}/cpu[0-9]*/cpufreq/cpuinfo_{{}}_freq"  # in kHz
    lows, highs = (
        list(filter(None, map(source.read_number, source.matches(files.format(end)))))
        for end in ("min", "max")
    )
    return (min(lows) / 1e3, max(highs) / 1e3) if lows and highs else None
