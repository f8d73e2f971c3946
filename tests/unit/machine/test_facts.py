"""Facts of the machine as a whole, and its name for files."""

import platform
import re
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from unit.machine.fakes import Plant

from bench.machine import describe, facts, fast_cores, slug, usable_cores
from bench.machine.diagnostics import of_machine
from bench.machine.hypervisor import CLOCK_SOURCES
from bench.results.hardware import Gpu, Machine

CPU0 = "sys/devices/system/cpu/cpu0"
PATHS = [
    *("etc/os-release", "proc/cpuinfo", "proc/meminfo", "proc/self/cgroup", "proc/self/status"),
    *("proc/sys/kernel/osrelease", "proc/version", "sys/devices/system/cpu/online"),
    *("sys/class/dmi/id/product_name", "sys/class/dmi/id/sys_vendor", CLOCK_SOURCES),
    *(f"{CPU0}/{name}" for name in ("cache/index0/level", "cache/index0/size", "cpu_capacity")),
    *(f"{CPU0}/cpufreq/cpuinfo_{end}_freq" for end in ("max", "min")),
    *(f"{CPU0}/topology/{name}" for name in ("core_cpus_list", "physical_package_id")),
    *(f"sys/fs/cgroup/cpu{name}" for name in (".max", "/cpu.cfs_quota_us", "/cpu.cfs_period_us")),
]
KEYS = ["processor", "model name", "flags", "features", "CPU implementer", "CPU part", "siblings",
        "core id", "physical id", "MemTotal:", "PRETTY_NAME=", "Linux version", "isa", "vendor_id",
        "Cpus_allowed_list:", "0::", "cpu", "max", "hypervisor", "qemu", "xen", "kB"]  # fmt: skip
VALUES = ["0", "1", "-1", "0x41", "0xd0c", "9" * 20, "12345678901234567", "0-8191", "K", "M", "٣"]
garbage = some.text() | some.lists(
    some.sampled_from([*KEYS, *VALUES, *":,-/=\"'²é\0\t\n", "..", "\n\n"]), max_size=12
).map(" ".join)


def test_this_machine_has_facts() -> None:
    """The real machine tells at least what Python itself knows, and it can be written to a file."""
    found = describe()
    assert found.python == platform.python_version()
    assert found.logical_cores
    assert 1 <= fast_cores() <= (found.usable_cores or 0) <= found.logical_cores
    assert msgspec.json.decode(msgspec.json.encode(found), type=Machine) == found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such files")
def test_the_files_of_this_machine_tell_what_the_system_does(tmp_path: Path) -> None:
    """Only Python and the GPUs are no facts of files."""
    (tmp_path / "root").symlink_to("/")
    found, live = describe(tmp_path / "root"), describe()
    assert found == msgspec.structs.replace(live, python=None, gpus=())


def test_no_fact_names_the_machine_or_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in ("platform.node", "socket.gethostname", "getpass.getuser", "os.getlogin"):
        monkeypatch.setattr(asked, lambda: pytest.fail("a name was asked for"))
    describe()


def test_nothing_of_this_machine_is_a_fact_of_another(tmp_path: Path) -> None:
    assert describe(tmp_path) == Machine()
    assert slug(describe(tmp_path)) == "unknown-cpu-unknown-cores"


def test_facts_are_tidy_and_those_of_all_files_together(plant: Plant) -> None:
    files = {"proc/cpuinfo": "model name : Some  CPU\n", "proc/version": "Linux version 5.4.0 (x)"}
    found = describe(plant(files).root)
    assert (found.cpu_model, found.kernel, found.os) == ("Some CPU", "5.4.0", "Linux 5.4.0")


@given(files=some.dictionaries(some.sampled_from(PATHS), garbage, max_size=8))
def test_whatever_the_files_hold_the_facts_can_be_saved(files: dict[str, str]) -> None:
    """No content of any file raises, or becomes a fact that a run file may not hold."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / path).write_text(text, errors="replace")
        found = describe(Path(folder))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Machine) == found
    assert slug(found)


def test_where_only_a_quota_limits_a_warning_says_that_the_system_places_the_threads(
    plant: Plant,
) -> None:
    """As in a container with --cpus 2 on a machine with 64 processors."""
    allowed = {"sys/devices/system/cpu/online": "0-63\n",
               "proc/self/status": "Cpus_allowed_list:\t0-63\n"}  # fmt: skip
    quota = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}
    source = plant(allowed | quota)
    found = describe(source.root)
    assert (found.logical_cores, found.usable_cores, found.cpu_quota) == (64, 2, 2.0)
    assert usable_cores(2, source) is None
    (warning,) = of_machine(found)
    assert "granted the time of 2 cores" in warning and "not pinned" in warning
    unlimited = describe(plant(quota | {"sys/fs/cgroup/cpu.max": "max 100000\n"}).root)
    assert (unlimited.usable_cores, unlimited.cpu_quota, of_machine(unlimited)) == (64, None, [])


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
         "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME=Alpine\n", "Alpine"),
        ("PRETTY_NAME='Void Linux'\nX=1", "Void Linux"),
        *((nameless, "Linux 6.1.0") for nameless in ("", "PRETTY_NAME=", 'PRETTY_NAME=""', "\0é")),
    ],
)  # fmt: skip
def test_linux_is_called_by_its_distribution(plant: Plant, release: str, name: str) -> None:
    files = {"etc/os-release": release, "proc/sys/kernel/osrelease": "6.1.0\n"}
    assert facts.operating_system(plant(files)) == name


@pytest.mark.parametrize(
    ("maker", "model", "product"),
    [
        ("Amazon EC2", "c7g.large", "Amazon EC2 c7g.large"),
        ("Framework", "Framework 13", "Framework 13"),
        ("To Be Filled By O.E.M.", "B650", "B650"),
        ("System manufacturer", "System Product Name", None),
        ("", "", None),
    ],
)
def test_a_machine_is_called_as_its_firmware_calls_it(
    plant: Plant, maker: str, model: str, product: str | None
) -> None:
    tables = {"sys/class/dmi/id/sys_vendor": maker, "sys/class/dmi/id/product_name": model}
    assert facts.product(plant(tables)) == product


@pytest.mark.parametrize(
    ("text", "ram"),
    [("MemTotal:        2048 kB\nMemFree: 1 kB\n", 2_097_152), ("", 123), ("MemTotal:", 123),
     ("MemTotal: x kB", 123), ("MemTotal: -1 kB", 123)],
)  # fmt: skip
def test_where_no_file_tells_the_memory_the_system_is_asked(
    plant: Plant, text: str, ram: int
) -> None:
    system = SimpleNamespace(virtual_memory=lambda: SimpleNamespace(total=123))
    assert facts.ram_bytes(plant({"proc/meminfo": text}, system)) == ram


@pytest.mark.parametrize(
    ("model", "physical", "usable", "gpus", "name"),
    [
        ("AMD EPYC", 2, None, [], "amd-epyc-2-cores"),
        ("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", 6, 12, ["NVIDIA H200"],
         "intel-core-i7-8700-6-cores-nvidia-h200"),
        ("AMD Ryzen 7 7840U w/ Radeon 780M Graphics", 8, 16, [], "amd-ryzen-7-7840u-8-cores"),
        ("12th Gen Intel(R) Core(TM) i7-12700K", 12, 20, [], "intel-core-i7-12700k-12-cores"),
        ("AMD EPYC 7763 64-Core Processor", 64, 16, ["Tesla T4", "Tesla T4", "NVIDIA L4"],
         "amd-epyc-7763-16-cores-2x-tesla-t4-nvidia-l4"),
        ("Apple M2 Pro", 12, 12, ["Apple M2 Pro 19-core GPU"], "apple-m2-pro-12-cores-19-core-gpu"),
        (None, None, None, [], "unknown-cpu-unknown-cores"),
    ],
)  # fmt: skip
def test_machines_are_named_by_what_counts(
    model: str | None, physical: int | None, usable: int | None, gpus: list[str], name: str
) -> None:
    cores = {"physical_cores": physical, "usable_cores": usable}
    assert slug(Machine(cpu_model=model, **cores, gpus=tuple(map(Gpu, gpus)))) == name


@given(cpu=some.none() | some.text(), gpus=some.lists(some.builds(Gpu, some.text()), max_size=5))
def test_a_slug_is_a_harmless_file_name(cpu: str | None, gpus: list[Gpu]) -> None:
    """It is neither empty nor long, whatever the machine says."""
    name = slug(Machine(cpu_model=cpu, gpus=tuple(gpus)))
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,118}[a-z0-9])?", name)
