"""Facts of real machines, whose /proc and /sys people have published: `cases/*.json`."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from unit.machine.fakes import Plant

from bench.machine import Monitor, describe, diagnostics, fast_cores, slug, usable_cores
from bench.results.hardware import Machine

CASES = Path(__file__).parent / "cases"


def files(case: str) -> dict[str, str]:
    """Return the files of a real machine."""
    return json.loads((CASES / f"{case}.json").read_text())


@pytest.mark.parametrize(
    ("case", "facts"),
    [
        ("amd-sme-flag", {"instruction_sets": ("SSE4.2", "AVX", "FMA", "AVX2", "AVX-512"),
                          "virtual_machine": False, "logical_cores": None}),
        ("centos7-cgroup-order", {"usable_cores": 2, "cpu_model": None}),
        ("dgx-spark-gb10", {"caches": {"L1d": 65_536, "L1i": 65_536, "L2": 2 << 20, "L3": 8 << 20},
                            "cpu_model": "Arm Cortex-A725 + Arm Cortex-X925",
                            "physical_cores": 20, "product": "NVIDIA_DGX_Spark"}),
        ("gce-metal", {"virtual_machine": False, "hypervisor": None,
                       "product": "Google Compute Engine"}),
        ("graviton2-n1", {"cpu_model": "Arm Neoverse N1", "virtual_machine": None}),
        ("gvisor-proc-stat", {"logical_cores": None, "ram_bytes": None}),
        ("qemu-skylake-ibrs", {"virtual_machine": True, "hypervisor": "KVM", "physical_cores": 2}),
        ("s390x-no-name", {"cpu_model": "IBM/S390 machine 2964", "architecture": "s390x",
                           "logical_cores": 8, "instruction_sets": ("VX",)}),
    ],
)  # fmt: skip
def test_real_machines_are_described_rightly(
    plant: Plant, case: str, facts: dict[str, Any]
) -> None:
    found = describe(plant(files(case)).root)
    assert {name: getattr(found, name) for name in facts} == facts


def test_a_trial_runs_on_the_fast_cores_alone(plant: Plant) -> None:
    source = plant(files("dgx-spark-gb10"))
    assert fast_cores(source) == 10
    assert usable_cores(10, source) == [5, 6, 7, 8, 9, 15, 16, 17, 18, 19]


def test_a_sandbox_that_does_not_count_has_neither_load_nor_stolen_time(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gVisor's counters are all 0: no other program kept eight cores busy."""  # noqa: D403
    source = plant(files("gvisor-proc-stat"), psutil)
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(source.root / "proc"))
    seen = Monitor(source=source).finish()
    assert (seen.load, seen.stolen) == (None, None)
    assert diagnostics.of_conditions([seen]) == []


def named(plant: Plant, changes: dict[str, str]) -> str:
    """Return the name of the Graviton 2 with these files changed."""
    return slug(describe(plant({**files("graviton2-n1"), **changes}).root))


GRAVITON2 = files("graviton2-n1")["proc/cpuinfo"]


@pytest.mark.parametrize(
    "changes",
    [
        {"proc/cpuinfo": GRAVITON2.replace("243.75", "50.00")},  # the timer of Ampere's Altra
        {"proc/cpuinfo": GRAVITON2.replace(" ssbs", " ssbs sm4")},
        {"proc/cpuinfo": GRAVITON2.replace("revision    : 1", "revision    : 0")},
        {"proc/cpuinfo": f"{GRAVITON2}\n{GRAVITON2.replace(': 0', ': 1', 1)}"},
        {"proc/meminfo": "MemTotal:       32000000 kB\n"},
        {"sys/class/dmi/id/sys_vendor": "Amazon EC2\n"},
        {"proc/device-tree/model": "Some board\0"},
        {f"sys/devices/system/cpu/cpu0/cache/index0/{name}": text
         for name, text in {"level": "3", "type": "Unified", "size": "32M"}.items()},
    ],
)  # fmt: skip
def test_machines_with_the_same_processor_are_told_apart(
    plant: Plant, changes: dict[str, str]
) -> None:
    """Firmware, caches, features, memory and cores tell; one of them is enough."""
    assert named(plant, {}) != named(plant, changes)


@pytest.mark.parametrize("free", [0, 300_000])
def test_a_machine_keeps_its_name_when_linux_takes_more_memory(plant: Plant, free: int) -> None:
    first = named(plant, {"proc/meminfo": "MemTotal:       16266240 kB\n"})
    assert named(plant, {"proc/meminfo": f"MemTotal:       {16266240 - free} kB\n"}) == first


def test_a_machine_keeps_its_name_when_linux_knows_more_flags(plant: Plant) -> None:
    """New releases name more of what an x86 processor has always had."""
    known = files("amd-sme-flag")
    first = slug(describe(plant(known).root))
    more = known["proc/cpuinfo"].replace(" avx2 ", " avx2 user_shstk ")
    assert slug(describe(plant({"proc/cpuinfo": more}).root)) == first
    without = known["proc/cpuinfo"].replace(" aes ", " ")
    assert slug(describe(plant({"proc/cpuinfo": without}).root)) != first


@pytest.mark.parametrize(
    ("case", "beginning"),
    [
        ("qemu-skylake-ibrs", "intel-core-skylake-ibrs-family-6-model-94-2-cores-"),
        ("dgx-spark-gb10", "arm-cortex-a725-arm-cortex-x925-20-cores-"),
        ("s390x-no-name", "ibm-s390-machine-2964-8-cores-"),
        ("amd-sme-flag", "amd-epyc-9654-unknown-cores-"),
        ("centos7-cgroup-order", "unknown-cpu-2-cores"),
    ],
)
def test_what_identifies_a_machine_is_not_cut(plant: Plant, case: str, beginning: str) -> None:
    assert slug(describe(plant(files(case)).root)).startswith(beginning)


def test_names_too_long_for_a_file_differ_in_their_end() -> None:
    one, other = (Machine(cpu_model="Kind of core " * 20 + end) for end in ("A", "B"))
    assert slug(one) != slug(other)
    assert slug(one)[:100] == slug(other)[:100]


def test_translated_programs_are_another_machine_with_a_warning(plant: Plant) -> None:
    """Under Rosetta Linux shows an x86 processor of Apple's."""
    flags = "flags : lm avx\n"
    machine = describe(plant({"proc/cpuinfo": f"vendor_id : VirtualApple\n{flags}"}).root)
    assert (machine.architecture, machine.native_architecture) == ("x86_64", "aarch64")
    assert "-x86-64-on-aarch64" in slug(machine)
    (warning,) = diagnostics.of_machine(machine)
    assert warning.startswith("This Python is built for x86_64 and runs through translation on aar")
