"""Which processors a child is pinned to, read from fake /proc and /sys trees."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import cores

SYS = "sys/devices/system/cpu"


class Affinity:
    """A fake of the system's calls for affinity that remembers what was set."""

    def __init__(self, allowed: set[int]) -> None:
        self.allowed = allowed
        self.history: list[set[int]] = []

    def get(self, _process: int) -> set[int]:
        """Return the CPUs allowed."""
        return self.allowed

    def set(self, _process: int, cpus: list[int]) -> None:
        """Remember the CPUs."""
        self.allowed = set(cpus)
        self.history.append(self.allowed)


def plant(root: Path, files: dict[str, str]) -> None:
    """Write files, path -> text, below the fake root."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def topology(siblings: dict[int, str], name: str = "core_cpus_list") -> dict[str, str]:
    """Return the files that say which CPUs share a core with each CPU."""
    return {f"{SYS}/cpu{cpu}/topology/{name}": f"{text}\n" for cpu, text in siblings.items()}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an empty folder in the place of the system's root."""
    monkeypatch.setattr("bench.sources.ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def affinity(monkeypatch: pytest.MonkeyPatch) -> Affinity:
    """Allow eight CPUs, in a fake that a test may change."""
    monkeypatch.setattr("sys.platform", "linux")
    fake = Affinity(set(range(8)))
    monkeypatch.setattr(os, "sched_getaffinity", fake.get, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", fake.set, raising=False)
    return fake


@pytest.mark.parametrize("name", ["core_cpus_list", "thread_siblings_list"])
def test_own_cores_come_before_shared_ones(root: Path, affinity: Affinity, name: str) -> None:
    """Four threads on four cores with two CPUs each get one CPU of each core."""
    plant(root, topology({cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)}, name))
    assert cores.usable_cores(4) == [0, 1, 2, 3]
    assert cores.usable_cores(6) == [0, 1, 2, 3, 4, 5]
    assert cores.physical_cores() == 4


def test_neighbouring_siblings_are_told_apart(root: Path, affinity: Affinity) -> None:
    """Where the CPUs of a core are numbered one after the other, every second one comes first."""
    plant(root, topology({cpu: f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}" for cpu in range(8)}))
    assert cores.usable_cores(4) == [0, 2, 4, 6]
    assert cores.usable_cores(5) == [0, 2, 4, 6, 1]


def test_only_allowed_cpus_count(root: Path, affinity: Affinity) -> None:
    """A sibling that this process may not use does not take its core's place."""
    plant(root, topology({cpu: f"{cpu % 4},{cpu % 4 + 4}" for cpu in range(8)}))
    affinity.allowed = {2, 6, 7}
    assert cores.usable_cores(8) == [2, 7, 6]
    assert cores.usable_cores(2) == [2, 7]
    assert cores.physical_cores() == 2
    assert cores.usable_count() == 3


def test_fast_cores_come_before_slow_ones(root: Path, affinity: Affinity) -> None:
    """A processor of two kinds gives its fast cores first, whichever numbers they have."""
    plant(root, {f"{SYS}/cpu{cpu}/cpu_capacity": "430" for cpu in range(4)})
    plant(root, {f"{SYS}/cpu{cpu}/cpu_capacity": "1024" for cpu in range(4, 8)})
    # Older device trees call each cluster a package of its own.
    path = f"{SYS}/cpu{{}}/topology/physical_package_id"
    plant(root, {path.format(cpu): str(cpu // 4) for cpu in range(8)})
    assert cores.usable_cores(5) == [4, 5, 6, 7, 0]


def test_a_slightly_higher_boost_is_no_other_kind(root: Path, affinity: Affinity) -> None:
    """A core that may run 2 % faster does not move before its neighbours."""
    kilohertz = {cpu: "5200000" if cpu == 5 else "5100000" for cpu in range(8)}
    path = f"{SYS}/cpu{{}}/cpufreq/cpuinfo_max_freq"
    plant(root, {path.format(cpu): text for cpu, text in kilohertz.items()})
    assert cores.usable_cores(3) == [0, 1, 2]


def test_cores_of_one_socket_stay_together(root: Path, affinity: Affinity) -> None:
    """Where sockets take turns in the numbering, few threads stay on one of them."""
    path = f"{SYS}/cpu{{}}/topology/physical_package_id"
    plant(root, {path.format(cpu): str(cpu % 2) for cpu in range(8)})
    assert cores.usable_cores(3) == [0, 2, 4]


@pytest.mark.parametrize("garbage", ["", "zwei", "-", "3-1", "0-99999999999", ",,,", "\0", "-1"])
def test_a_broken_topology_makes_every_cpu_a_core(
    root: Path, affinity: Affinity, garbage: str
) -> None:
    """Lists that cannot be read leave each CPU a core of its own."""
    plant(root, topology(dict.fromkeys(range(8), garbage)))
    assert cores.usable_cores(8) == list(range(8))
    assert cores.physical_cores() == 8


def test_a_missing_sys_makes_every_cpu_a_core(root: Path, affinity: Affinity) -> None:
    """Without /sys each CPU counts as a core of its own."""
    assert cores.usable_cores(3) == [0, 1, 2]
    assert cores.physical_cores() == 8


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "350000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/../x\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "1 0\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"}, 8),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/docker/5f\n2:memory:/x\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ({"proc/self/cgroup": "::::\nrubbish\n\n:"}, 8),
    ],
)
def test_a_quota_limits_the_cores(
    root: Path, affinity: Affinity, files: dict[str, str], expected: int
) -> None:
    """What the control groups grant, of either version, bounds the number of cores."""
    plant(root, files)
    assert cores.physical_cores() == expected
    assert cores.usable_count() == expected


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_systems_without_affinity_are_not_pinned(
    root: Path, affinity: Affinity, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    """Where affinity cannot be set there is nothing to pin to, and pinning does nothing."""
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("psutil.cpu_count", lambda logical=True: 8 if logical else 4)
    assert cores.usable_cores(2) is None
    assert cores.physical_cores() == 4
    assert cores.usable_count() == 8
    with cores.pinned([0]):
        assert affinity.history == []


def test_a_sandbox_that_forbids_affinity_is_not_pinned(
    root: Path, affinity: Affinity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that refuses to set the affinity leaves children where they are."""

    def refuse(_process: int, _cpus: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert cores.usable_cores(2) is None
    assert cores.physical_cores() == 8


def test_there_is_always_one_core(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that hides everything has one core."""
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(cores, "psutil", SimpleNamespace(cpu_count=lambda logical=True: None))
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores.physical_cores() == 1
    assert cores.usable_count() is None


def test_pinning_is_undone(affinity: Affinity) -> None:
    """The affinity is set inside the block and as before after it, an error included."""
    with pytest.raises(KeyError), cores.pinned([2, 3]):
        raise KeyError
    assert affinity.history == [{2, 3}, set(range(8))]


def test_pinning_to_nothing_in_particular_changes_nothing(affinity: Affinity) -> None:
    """None leaves the thread where it is."""
    with cores.pinned(None):
        pass
    assert affinity.history == []


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_child_inherits_the_affinity() -> None:
    """A child that is started inside the block runs on these CPUs only."""
    cpus = cores.usable_cores(1)
    program = "import os; print(sorted(os.sched_getaffinity(0)))"
    with cores.pinned(cpus):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    if cpus is None:
        pytest.skip("affinity cannot be set here")
    assert done.stdout.decode().strip() == str(cpus)
