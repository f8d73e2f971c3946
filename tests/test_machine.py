"""Facts of the machine as a whole, and its name for files."""

import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import machine, nvidia
from bench.records import Gpu, Machine

DMI = "sys/class/dmi/id"
CLOCKS = "sys/devices/system/clocksource/clocksource0/available_clocksource"


def plant(root: Path, files: dict[str, str]) -> None:
    """Write files, path -> text, below the fake root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty folder in the place of the root of a Linux system without GPUs."""
    monkeypatch.setattr("bench.sources.ROOT", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(nvidia, "gpus", tuple)
    return tmp_path


def test_this_machine_has_facts() -> None:
    """The real machine tells at least what Python itself knows, and it can be written to a file."""
    found = machine.facts()
    assert found.python == platform.python_version()
    assert found.logical_cores
    assert 1 <= machine.physical_cores() <= (found.usable_cores or 0) <= found.logical_cores
    assert msgspec.json.decode(msgspec.json.encode(found), type=Machine) == found


def test_no_fact_names_the_machine_or_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Host name and user name are never asked for."""
    for asked in ("platform.node", "socket.gethostname", "getpass.getuser", "os.getlogin"):
        monkeypatch.setattr(asked, lambda: pytest.fail("a name was asked for"))
    machine.facts()


def test_a_system_that_hides_everything_has_facts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all sources gone the facts are absent, and nothing is raised."""

    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise PermissionError

    monkeypatch.setattr(psutil, "cpu_count", refuse)
    monkeypatch.setattr(psutil, "virtual_memory", refuse)
    found = machine.facts()
    assert (found.cpu_model, found.ram_bytes, found.physical_cores) == (None, None, None)
    assert (found.virtual_machine, found.hypervisor, found.gpus) == (None, None, ())


@pytest.mark.parametrize(
    ("release", "name"),
    [
        (
            'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "Debian GNU/Linux 12 (bookworm)",
        ),
        ("PRETTY_NAME=Alpine\n", "Alpine"),
        ("PRETTY_NAME='Void Linux'\nX=1", "Void Linux"),
    ],
)
def test_linux_is_called_by_its_distribution(root: Path, release: str, name: str) -> None:
    """The name is the distribution's own."""
    plant(root, {"etc/os-release": release})
    assert machine.operating_system() == name


@pytest.mark.parametrize("release", ["", "PRETTY_NAME=", 'PRETTY_NAME=""', "\0\ufffd"])
def test_a_linux_without_a_name_is_called_linux(
    root: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    """Without a distribution's name the kernel's name stands in."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "release", lambda: "6.1.0")
    plant(root, {"etc/os-release": release})
    assert machine.operating_system() == "Linux 6.1.0"


@pytest.mark.parametrize(
    ("files", "virtual", "name"),
    [
        ({}, None, None),
        ({"proc/cpuinfo": "flags : fpu avx\n"}, False, None),
        ({"proc/cpuinfo": "flags : fpu hypervisor\n"}, True, None),
        ({"proc/cpuinfo": "flags : hypervisor\n", CLOCKS: "tsc kvm-clock acpi_pm"}, True, "KVM"),
        ({CLOCKS: "arch_sys_counter"}, None, None),
        ({f"{DMI}/sys_vendor": "QEMU", f"{DMI}/product_name": "Standard PC"}, True, "QEMU"),
        (
            {f"{DMI}/sys_vendor": "Microsoft Corporation", f"{DMI}/product_name": "Surface Pro"},
            None,
            None,
        ),
        (
            {
                f"{DMI}/sys_vendor": "Microsoft Corporation",
                f"{DMI}/product_name": "Virtual Machine",
            },
            True,
            "Hyper-V",
        ),
        ({f"{DMI}/sys_vendor": "Amazon EC2", f"{DMI}/product_name": "c7g.large"}, True, "Nitro"),
        ({f"{DMI}/sys_vendor": "Amazon EC2", f"{DMI}/product_name": "c7g.metal"}, None, None),
    ],
)
def test_virtual_machines_are_known_by_their_traces(
    root: Path, files: dict[str, str], virtual: bool | None, name: str | None
) -> None:
    """The processor's flag, clocks and firmware tell; where all are silent it is unknown."""
    plant(root, files)
    found = machine.facts()
    assert (found.virtual_machine, found.hypervisor) == (virtual, name)


def test_apple_gpus_are_named_with_their_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of GPU cores tells chips of one name apart."""
    text = '+-o AGXAcceleratorG14X\n  {\n    "model" = "Apple M2 Pro"\n    "gpu-core-count" = 19\n'
    monkeypatch.setattr(machine, "output", lambda *_command: text)
    assert machine.apple_gpus() == () or sys.platform == "darwin"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.apple_gpus() == (Gpu(name="Apple M2 Pro 19-core GPU"),)
    monkeypatch.setattr(machine, "output", lambda *_command: "")
    assert machine.apple_gpus() == ()


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (Machine(cpu_model="AMD EPYC", physical_cores=2), "amd-epyc-2-cores"),
        (
            Machine(
                cpu_model="Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz",
                physical_cores=6,
                usable_cores=12,
                gpus=(Gpu(name="NVIDIA H200"),),
            ),
            "intel-core-i7-8700-6-cores-nvidia-h200",
        ),
        (
            Machine(cpu_model="AMD Ryzen 7 7840U w/ Radeon 780M Graphics", physical_cores=8),
            "amd-ryzen-7-7840u-8-cores",
        ),
        (
            Machine(cpu_model="12th Gen Intel(R) Core(TM) i7-12700K", physical_cores=12),
            "intel-core-i7-12700k-12-cores",
        ),
        (
            Machine(
                cpu_model="AMD EPYC 7763 64-Core Processor",
                physical_cores=64,
                usable_cores=16,
                gpus=(Gpu(name="Tesla T4"),) * 2 + (Gpu(name="NVIDIA L4"),),
            ),
            "amd-epyc-7763-16-cores-2x-tesla-t4-nvidia-l4",
        ),
        (
            Machine(
                cpu_model="Apple M2 Pro",
                physical_cores=12,
                gpus=(Gpu(name="Apple M2 Pro 19-core GPU"),),
            ),
            "apple-m2-pro-12-cores-19-core-gpu",
        ),
        (Machine(), "unknown-cpu-unknown-cores"),
    ],
)
def test_machines_are_named_by_what_counts(facts: Machine, name: str) -> None:
    """The name holds the model without its decoration, the cores and the GPUs."""
    assert machine.slug(facts) == name


@given(
    cpu=st.none() | st.text(),
    cores=st.none() | st.integers(),
    names=st.lists(st.text(), max_size=5),
)
def test_a_slug_is_a_harmless_file_name(
    cpu: str | None, cores: int | None, names: list[str]
) -> None:
    """A name has a-z, 0-9 and "-" only and is neither empty nor long, whatever the machine says."""
    gpus = tuple(Gpu(name=name) for name in names)
    name = machine.slug(Machine(cpu_model=cpu, physical_cores=cores, gpus=gpus))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,78}[a-z0-9])?", name)


def test_importing_is_light() -> None:
    """The parent loads neither NumPy nor SciPy nor NVIDIA's package for this module."""
    program = "import sys, bench.machine; print({'numpy', 'scipy', 'pynvml'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout.decode().strip() == "set()"
