"""Facts of the processor, from the files of Linux."""

import pytest
from unit.machine.fakes import Plant

from bench.machine import cpu

SYS = "sys/devices/system/cpu"
INTEL = """processor\t: {}
vendor_id\t: GenuineIntel
model name\t: Intel(R) Core(TM) i7-8700   CPU @ 3.20GHz
flags\t\t: fpu lm sse4_2 avx fma avx2
"""
INTEL = "\n".join(map(INTEL.format, range(2)))
GRAVITON = "Features\t: fp asimd aes sve bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (INTEL, "Intel(R) Core(TM) i7-8700   CPU @ 3.20GHz"),
        ("cpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported"),
        ("Model Name\t\t: Loongson-3A5000\n", "Loongson-3A5000"),
        ("uarch\t\t: sifive,u74-mc\n", "sifive,u74-mc"),
        ("vendor_id : IBM/S390\nprocessor 0: version = 00,  machine = 2964\n",
         "IBM/S390 machine 2964"),
        ("isa : rv64imafdc\nmvendorid : 0x5b7\nmarchid : 0x0\n",
         "RISC-V (mvendorid 0x5b7, marchid 0x0)"),
        ("isa : rv64imafdc_zicsr\nmmu : sv39\n", "RISC-V rv64imafdc"),
        ("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 94\n",
         "GenuineIntel (family 6, model 94)"),
        # Many hypervisors call each generation the same.
        ("cpu family : 25\nmodel : 17\nmodel name : AMD EPYC\n", "AMD EPYC (family 25, model 17)"),
        ("cpu family : \nmodel : \nmodel name : AMD EPYC\n", "AMD EPYC"),
        ("model name : \n", None),
        ("model name", None),
        ("", None),
    ],
)  # fmt: skip
def test_processors_are_named_as_they_call_themselves_or_by_their_numbers(
    plant: Plant, text: str, name: str | None
) -> None:
    assert cpu.model(plant({"proc/cpuinfo": text})) == name


@pytest.mark.parametrize(
    ("implementer", "parts", "name"),
    [
        ("0x41", ["0xd40"], "Arm Neoverse V1"),
        ("0x46", ["0x001"], "Fujitsu A64FX"),
        ("0x61", ["0x022", "0x023"], "Apple M1 Icestorm + Apple M1 Firestorm"),
        ("0x41", ["0xd05", "0xd05", "0xd0b", "0xd0b"], "Arm Cortex-A55 + Arm Cortex-A76"),
        ("0x41", ["0xfff"], "Arm part 0xfff"),
        ("0x99", ["0xd0c"], "Arm implementer 0x99 part 0xd0c"),
        ("0xc0", ["0xac3"], "Ampere-1"),
        ("0x50", ["0x000"], "APM X-Gene"),
        ("0x00", ["0x000"], "Arm processor"),
        ("0x00", ["0x051"], "Arm processor"),
        ("0x61", ["0x000"], "Apple processor"),
        ("x", ["y"], "Arm implementer x part y"),
    ],
)
def test_arm_processors_are_named_by_the_numbers_of_all_kinds_of_cores(
    plant: Plant, implementer: str, parts: list[str], name: str
) -> None:
    """A part that the table lacks is not guessed."""
    blocks = (f"CPU implementer : {implementer}\nCPU part : {part}\n" for part in parts)
    assert cpu.model(plant({"proc/cpuinfo": "\n".join(blocks)})) == name


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        (INTEL, ("SSE4.2", "AVX", "FMA", "AVX2")),
        (GRAVITON, ("NEON", "SVE")),
        ("flags : avx512bw avx2 avx512f amx_tile amx_bf16\n", ("AVX2", "AVX-512", "AMX")),
        ("flags : avx sme neon vx\n", ("AVX",)),
        ("CPU implementer : 0x41\nFeatures : asimd sme avx fma\n", ("NEON", "SME")),
        ("isa : rv64imafdcv_zicbom\n", ("RVV",)),
        ("isa : rv64imafdc_zve32f\n", ()),
        ("isa : loongarch32 loongarch64\nFeatures : lsx lasx\n", ("LSX", "LASX")),
        ("vendor_id : IBM/S390\nfeatures : te vx sie\n", ("VX",)),
        ("flags : avx avx2 avx512f\n\nflags : avx avx2\n", ("AVX", "AVX2")),
        ("", ()),
    ],
)
def test_instruction_sets_are_written_as_people_do(
    plant: Plant, text: str, sets: tuple[str, ...]
) -> None:
    assert cpu.instruction_sets(plant({"proc/cpuinfo": text})) == sets


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("flags : avx512f amx_bf16\n", True),
        ("flags : avx512f avx512_bf16\n", True),
        ("flags : avx2 bf16\n", False),  # Arm's
        (GRAVITON, True),
        (GRAVITON.replace(" bf16", ""), False),
        ("", None),
    ],
)
def test_what_multiplies_bfloat16_is_known(plant: Plant, text: str, there: bool | None) -> None:
    assert cpu.multiplies_bfloat16(plant({"proc/cpuinfo": text})) is there


@pytest.mark.parametrize(
    ("text", "architecture"),
    [
        (INTEL, "x86_64"),
        (INTEL.replace(" lm", ""), "i686"),
        (GRAVITON, "aarch64"),
        (GRAVITON.replace("asimd", "neon"), "arm"),
        ("CPU architecture: 7\n" + GRAVITON.replace("asimd", "neon"), "armv7l"),
        ("isa : loongarch32 loongarch64\n", "loongarch64"),
        ("vendor_id : IBM/S390\nfeatures : esan3 zarch\n", "s390x"),
        ("processor : 0\nisa : rv64imafdc\n", "riscv64"),
        ("cpu : POWER9\n", None),
        ("", None),
    ],
)
def test_the_keys_of_cpuinfo_tell_the_architecture(
    plant: Plant, text: str, architecture: str | None
) -> None:
    assert cpu.architecture(plant({"proc/cpuinfo": text})) == architecture


def cache(index: int, level: str, kind: str, size: str) -> dict[str, str]:
    """Return the files of a cache of the first CPU."""
    folder = f"{SYS}/cpu0/cache/index{index}"
    return {f"{folder}/level": level, f"{folder}/type": kind, f"{folder}/size": size}


def test_caches_have_names_and_bytes(plant: Plant) -> None:
    """Data and instruction caches are told apart; the size is that of one instance."""
    first = cache(0, "1", "Data", "48K\n") | cache(1, "1", "Instruction", "32K\n")
    source = plant(first | cache(2, "3", "Unified", "32M\n"))
    assert cpu.caches(source, 0) == {"L1d": 49_152, "L1i": 32_768, "L3": 33_554_432}


@pytest.mark.parametrize("size", ["", "K", "-1K", "0K", "12X", "1KK", "9" * 30, "٣K"])
def test_a_cache_without_a_sound_size_is_absent(plant: Plant, size: str) -> None:
    assert cpu.caches(plant(cache(0, "1", "Data", size)), 0) == {}


@pytest.mark.parametrize(
    ("files", "megahertz"),
    [({"cpu0/cpufreq/cpuinfo_min_freq": "800000", "cpu0/cpufreq/cpuinfo_max_freq": "5100000",
       "cpu1/cpufreq/cpuinfo_min_freq": "400000", "cpu1/cpufreq/cpuinfo_max_freq": "3900000"},
      (400.0, 5100.0)),
     ({"cpu0/cpufreq/cpuinfo_max_freq": "5100000"}, None)],
)  # fmt: skip
def test_the_frequency_range_spans_all_kinds_of_cores(
    plant: Plant, files: dict[str, str], megahertz: tuple[float, float] | None
) -> None:
    source = plant({f"{SYS}/{path}": text for path, text in files.items()})
    assert cpu.frequency_range_mhz(source) == megahertz
