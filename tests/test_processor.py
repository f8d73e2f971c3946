"""Facts of the processor, from fake trees of Linux and scripted answers of other systems."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import processor, sources

SYS = "sys/devices/system/cpu"
INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Core(TM) i7-8700   CPU @ 3.20GHz
flags\t\t: fpu sse4_2 avx fma avx2

processor\t: 1
model name\t: Intel(R) Core(TM) i7-8700   CPU @ 3.20GHz
flags\t\t: fpu sse4_2 avx fma avx2
"""
GRAVITON = """processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm aes sve bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x1
CPU part\t: 0xd40
"""


def plant(root: Path, files: dict[str, str]) -> None:
    """Write files, path -> text, below the fake root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty folder in the place of the root of a Linux system."""
    monkeypatch.setattr("bench.sources.ROOT", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(processor, "sysctl", dict)
    return tmp_path


def cpuinfo(root: Path, text: str) -> None:
    """Write /proc/cpuinfo."""
    plant(root, {"proc/cpuinfo": text})


def test_an_empty_system_tells_nothing() -> None:
    """Without /proc and /sys every fact is absent or empty."""
    assert processor.cpu_model() is None
    assert processor.instruction_sets() == ()
    assert processor.caches() == {}
    assert processor.frequency_range_mhz() is None


def test_x86_processors_have_a_name(root: Path) -> None:
    """The name is the processor's own, with single spaces."""
    cpuinfo(root, INTEL)
    assert processor.cpu_model() == "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"
    assert processor.instruction_sets() == ("SSE4.2", "AVX", "FMA", "AVX2")


@pytest.mark.parametrize(
    ("family", "model", "name"),
    [("25", "17", "AMD EPYC (family 25, model 17)"), ("26", "2", "AMD EPYC (family 26, model 2)"),
     ("", "", "AMD EPYC")],
)  # fmt: skip
def test_a_name_that_hides_the_generation_gets_numbers(
    root: Path, family: str, model: str, name: str
) -> None:
    """Virtual machines on different processors are different machines."""
    numbers = f"cpu family\t: {family}\nmodel\t\t: {model}\n"
    cpuinfo(root, f"processor\t: 0\n{numbers}model name\t: AMD EPYC\n")
    assert processor.cpu_model() == name


def test_arm_processors_are_named_by_their_numbers(root: Path) -> None:
    """Arm's implementer and part have names that people know."""
    cpuinfo(root, GRAVITON)
    assert processor.cpu_model() == "Arm Neoverse V1"
    assert processor.instruction_sets() == ("NEON", "SVE")


def test_kinds_of_cores_are_all_named_once(root: Path) -> None:
    """A processor of two kinds of cores is called by both."""
    parts = ("0xd05", "0xd05", "0xd0b", "0xd0b")
    cpuinfo(root, "\n".join(f"CPU implementer: 0x41\nCPU part: {part}\n" for part in parts))
    assert processor.cpu_model() == "Arm Cortex-A55 + Arm Cortex-A76"


@pytest.mark.parametrize(("implementer", "part"), [("0x41", "0xfff"), ("x", "y")])
def test_unknown_arm_processors_keep_their_numbers(root: Path, implementer: str, part: str) -> None:
    """A part that the table lacks is not guessed."""
    cpuinfo(root, f"CPU implementer : {implementer}\nCPU part : {part}\n")
    assert processor.cpu_model() == f"Arm implementer {implementer} part {part}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported"),
        ("Model Name\t\t: Loongson-3A5000\n", "Loongson-3A5000"),
        ("uarch\t\t: sifive,u74-mc\n", "sifive,u74-mc"),
        ("model name : \n", None),
        ("model name", None),
    ],
)
def test_other_architectures_have_other_keys(root: Path, text: str, name: str | None) -> None:
    """The name stands under a key that depends on the architecture."""
    cpuinfo(root, text)
    assert processor.cpu_model() == name


def test_avx512_and_amx_are_written_as_people_do(root: Path) -> None:
    """One name for AVX-512, one for AMX."""
    cpuinfo(root, "flags : avx512bw avx2 avx512f amx_tile amx_bf16\n")
    assert processor.instruction_sets() == ("AVX2", "AVX-512", "AMX")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(garbage=st.binary() | st.text("modelnacpuigs :\n\tx0", max_size=200).map(str.encode))
def test_garbage_in_cpuinfo_does_no_harm(root: Path, garbage: bytes) -> None:
    """Whatever /proc/cpuinfo holds, there is a name or none."""
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cpuinfo").write_bytes(garbage)
    assert processor.cpu_model() != ""
    assert isinstance(processor.instruction_sets(), tuple)


def test_caches_have_names_and_bytes(root: Path) -> None:
    """Data and instruction caches are told apart; the size is that of one instance."""
    rows = [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("3", "Unified", "32M")]
    for index, row in enumerate(rows):
        names = ("level", "type", "size")
        folder = f"{SYS}/cpu0/cache/index{index}"
        plant(
            root, {f"{folder}/{name}": text + "\n" for name, text in zip(names, row, strict=True)}
        )
    assert processor.caches() == {"L1d": 49_152, "L1i": 32_768, "L3": 33_554_432}


@pytest.mark.parametrize("size", ["", "K", "-1K", "0K", "12X", "1KK", "9" * 30, "٣K"])
def test_sizes_that_mean_nothing_are_absent(root: Path, size: str) -> None:
    """A cache without a sound size is left out."""
    folder = f"{SYS}/cpu0/cache/index0"
    plant(root, {f"{folder}/level": "1", f"{folder}/type": "Data", f"{folder}/size": size})
    assert processor.caches() == {}


def test_the_frequency_range_spans_all_kinds_of_cores(root: Path) -> None:
    """Lowest of all and highest of all, in MHz."""
    for cpu, (low, high) in enumerate([("800000", "5100000"), ("400000", "3900000")]):
        folder = f"{SYS}/cpu{cpu}/cpufreq"
        plant(root, {f"{folder}/cpuinfo_min_freq": low, f"{folder}/cpuinfo_max_freq": high})
    assert processor.frequency_range_mhz() == (400.0, 5100.0)


def test_half_a_frequency_range_is_none(root: Path) -> None:
    """A highest frequency alone is no range."""
    plant(root, {f"{SYS}/cpu0/cpufreq/cpuinfo_max_freq": "5100000"})
    assert processor.frequency_range_mhz() is None


def test_macos_tells_through_sysctl(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name, the features that are there, and the caches of the fast cores."""
    answers = {
        "machdep.cpu.brand_string": "Apple M4 Pro",
        "hw.optional.neon": "1",
        "hw.optional.AdvSIMD": "1",
        "hw.optional.arm.FEAT_SME": "1",
        "hw.optional.avx2_0": "0",
        "hw.l1dcachesize": "65536",
        "hw.perflevel0.l1dcachesize": "131072",
        "hw.l2cachesize": "4194304",
    }
    monkeypatch.setattr(processor, "sysctl", lambda: answers)
    assert processor.cpu_model() == "Apple M4 Pro"
    assert processor.instruction_sets() == ("NEON", "SME")
    assert processor.caches() == {"L1d": 131_072, "L2": 4_194_304}
    assert processor.frequency_range_mhz() is None


def test_intel_macs_have_frequencies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frequencies of sysctl are in Hz."""
    answers = {
        "hw.cpufrequency_min": "800000000",
        "hw.cpufrequency_max": "2600000000",
        "hw.optional.avx2_0": "1",
        "hw.optional.avx512f": "1",
    }
    monkeypatch.setattr(processor, "sysctl", lambda: answers)
    assert processor.frequency_range_mhz() == (800.0, 2600.0)
    assert processor.instruction_sets() == ("AVX2", "AVX-512")


def test_sysctl_is_asked_on_macos_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines without a value are skipped; elsewhere nothing is asked."""
    monkeypatch.setattr(sources, "output", lambda *_command: "hw.ncpu: 8\nrubbish\nhw.x: a: b\n")
    sources.sysctl.cache_clear()
    assert sources.sysctl() == {}
    sources.sysctl.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sources.sysctl() == {"hw.ncpu": "8", "hw.x": "a: b"}
    sources.sysctl.cache_clear()


@pytest.mark.parametrize("command", ["/does/not/exist", sys.executable])
def test_a_command_that_fails_prints_nothing(command: str) -> None:
    """A missing or failing command of the system gives an empty text."""
    assert sources.output(command, "-c", "raise SystemExit(3)") == ""


class Registry:
    """A fake of winreg with one value."""

    HKEY_LOCAL_MACHINE = "HKLM"

    def __init__(self, values: dict[tuple[str, str], Any]) -> None:
        self.values = values

    def OpenKey(self, _hive: str, key: str) -> Any:  # noqa: N802 (the module's own name)
        """Open any key."""
        self.key = key
        return self

    def __enter__(self) -> "Registry":
        """Open the key."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the key."""

    def QueryValueEx(self, _handle: Any, name: str) -> tuple[Any, int]:  # noqa: N802 (likewise)
        """Return the value or raise as winreg does."""
        if (self.key, name) not in self.values:
            raise FileNotFoundError(name)
        return self.values[self.key, name], 1


def test_windows_tells_through_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name stands in the registry, the features are asked of the system."""
    key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    name = "AMD Ryzen 7 5800X 8-Core Processor             "
    monkeypatch.setitem(sys.modules, "winreg", Registry({(key, "ProcessorNameString"): name}))
    kernel = SimpleNamespace(IsProcessorFeaturePresent=lambda feature: feature in (39, 40))
    windows = SimpleNamespace(windll=SimpleNamespace(kernel32=kernel))
    monkeypatch.setitem(sys.modules, "ctypes", windows)
    monkeypatch.setattr(sys, "platform", "win32")
    assert processor.cpu_model() == "AMD Ryzen 7 5800X 8-Core Processor"
    assert processor.instruction_sets() == ("AVX", "AVX2")
    assert sources.registry(key, "absent") is None
