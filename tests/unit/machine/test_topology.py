"""Which processors a child is pinned to, and how many there are, from the files of Linux."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from unit.machine.fakes import Plant

from bench.machine import topology

SYS = "sys/devices/system/cpu"
FREQUENCY = "cpufreq/cpuinfo_max_freq"
SIBLINGS = "topology/core_cpus_list"
PACKAGE = "topology/physical_package_id"


def allowing(cpus: str) -> dict[str, str]:
    """Return the files of a process that may run on these CPUs of eight."""
    status = f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\n"
    return {"proc/self/status": status, f"{SYS}/online": "0-7\n"}


def of_cpus(name: str, *values: object) -> dict[str, str]:
    """Return the files of that name of eight CPUs; the values are repeated until all have one."""
    return {f"{SYS}/cpu{cpu}/{name}": f"{values[cpu % len(values)]}\n" for cpu in range(8)}


EIGHT = allowing("0-7")
PAIRED = ("0,4", "1,5", "2,6", "3,7")  # four cores: CPUs 0 and 4 share one, 1 and 5 …
NEIGHBOURS = ("0-1", "0-1", "2-3", "2-3", "4-5", "4-5", "6-7", "6-7")
SLOW_FIRST = (430,) * 4 + (1024,) * 4
INTEL_KINDS = {"sys/devices/cpu_core/cpus": "0-3\n", "sys/devices/cpu_atom/cpus": "4-7\n"}


@pytest.mark.parametrize(
    ("files", "best"),
    [
        # CPUs on a core of their own come before those that share one, however it is numbered.
        (EIGHT | of_cpus(SIBLINGS, *PAIRED), [0, 1, 2, 3, 4, 5, 6, 7]),
        (EIGHT | of_cpus("topology/thread_siblings_list", *NEIGHBOURS), [0, 2, 4, 6, 1, 3, 5, 7]),
        (EIGHT | of_cpus(SIBLINGS, *NEIGHBOURS), [0, 2, 4, 6, 1, 3, 5, 7]),
        # A sibling that this process may not use does not take its core's place.
        (allowing("2,6-7,9") | of_cpus(SIBLINGS, *PAIRED), [2, 7, 6]),
        (allowing("6-7"), [6, 7]),
        # Fast cores come first; older device trees call each cluster a package of its own.
        (EIGHT | of_cpus("cpu_capacity", *SLOW_FIRST) | of_cpus(PACKAGE, 0, 0, 0, 0, 1, 1, 1, 1),
         [4, 5, 6, 7, 0, 1, 2, 3]),
        # A core that may boost 2 % higher is no other kind.
        (EIGHT | of_cpus(FREQUENCY, *[5_100_000] * 5, 5_200_000, 5_100_000, 5_100_000),
         [0, 1, 2, 3, 4, 5, 6, 7]),
        # Where sockets take turns in the numbering, few threads stay on one of them.
        (EIGHT | of_cpus(PACKAGE, 0, 1), [0, 2, 4, 6, 1, 3, 5, 7]),
        *(({f"sys/fs/cgroup/{file}": "2-3\n", f"{SYS}/online": "0-7\n"}, [2, 3])
          for file in topology.CPUSETS),
    ],
)  # fmt: skip
def test_the_best_cpus_come_first(plant: Plant, files: dict[str, str], best: list[int]) -> None:
    source = plant(files)
    assert topology.usable_cores(8, source) == best
    assert topology.usable_cores(2, source) == best[:2]


@pytest.mark.parametrize(
    ("kinds", "fast"),
    [
        (of_cpus("cpu_capacity", *SLOW_FIRST), 4),
        (of_cpus(FREQUENCY, *[5_100_000] * 5, *[3_900_000] * 3), 5),
        (of_cpus(FREQUENCY, *[5_760_000] * 5, *[5_400_000] * 3), 8),
        (INTEL_KINDS, 4),
        (INTEL_KINDS | of_cpus(SIBLINGS, *NEIGHBOURS), 2),
        ({}, 8),
    ],
)
def test_only_fast_cores_get_a_thread_by_default(
    plant: Plant, kinds: dict[str, str], fast: int
) -> None:
    """A slow core would keep all others of a product waiting."""
    assert topology.fast_cores(plant(EIGHT | kinds)) == fast


def blocks(*cores: tuple[int, int], first: int = 0, siblings: int = 1) -> dict[str, str]:
    """Return a cpuinfo of processors, each with its package and core."""
    texts = (
        f"processor\t: {cpu}\nphysical id\t: {package}\ncore id\t: {core}\nsiblings\t: {siblings}\n"
        for cpu, (package, core) in enumerate(cores, first)
    )
    return {"proc/cpuinfo": "\n".join(texts)}


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        (EIGHT | of_cpus(SIBLINGS, *PAIRED), (4, 8, 8, 4)),
        (allowing("2,6-7,9") | of_cpus(SIBLINGS, *PAIRED), (4, 8, 3, 2)),
        # Without a map of cores Linux calls them all core -1 and siblings of each other.
        (EIGHT | of_cpus(SIBLINGS, "0-7") | of_cpus("topology/core_id", -1), (None, 8, 8, 8)),
        *((EIGHT | of_cpus(SIBLINGS, garbage), (None, 8, 8, 8))
          for garbage in ("", "zwei", "-", "3-1", "0-99999999999", ",,,", "-1")),
        # Without /sys cpuinfo tells, unless people quote the block of one processor only.
        (blocks((0, 0), (0, 0), (1, 0), (1, 0), siblings=2), (2, 4, 4, 2)),
        (blocks((0, 0)), (1, 1, 1, 1)),
        (blocks((0, 2), first=2, siblings=112), (None, None, None, 1)),
        ({"proc/cpuinfo": "processor : 0\nCPU part : 0xd0c\n"}, (None, None, None, 1)),
        ({"proc/cpuinfo": "processor : 0\n\nprocessor : 1\n"}, (None, 2, 2, 2)),
        ({}, (None, None, None, 1)),
    ],
)  # fmt: skip
def test_physical_logical_usable_and_fast_cores_are_counted(
    plant: Plant, files: dict[str, str], counts: tuple[int | None, ...]
) -> None:
    source = plant(files)
    count_of = (topology.physical_count, topology.logical_count, topology.usable_count)
    assert (*(count(source) for count in count_of), topology.fast_cores(source)) == counts


@pytest.mark.parametrize(("quota", "cores"), [(50_000, 1), (350_000, 3), (9_900_000, 8)])
def test_a_quota_limits_the_cores(plant: Plant, quota: int, cores: int) -> None:
    group = {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": f"{quota} 100000\n"}
    source = plant(EIGHT | group)
    assert topology.fast_cores(source) == topology.usable_count(source) == cores
    # The system places the threads: every container would take the first CPUs.
    assert topology.usable_cores(2, source) == ([0, 1] if cores == 8 else None)


def test_a_system_without_affinity_is_asked_how_many_there_are(plant: Plant) -> None:
    """Neither macOS nor Windows has such files, and children are not pinned there."""
    source = plant(system=SimpleNamespace(cpu_count=lambda logical=True: 8 if logical else 4))
    assert topology.usable_cores(2, source) is None
    assert topology.fast_cores(source) == topology.physical_count(source) == 4
    assert topology.usable_count(source) == topology.logical_count(source) == 8


has_affinity = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")


@has_affinity
def test_a_child_inherits_the_affinity() -> None:
    """A child that is started inside the block runs on these CPUs only."""
    if (cpus := topology.usable_cores(1)) is None:
        pytest.skip("affinity cannot be set here")
    program = "import os; print(sorted(os.sched_getaffinity(0)))"
    with topology.pinned(cpus):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(cpus)


@has_affinity
def test_pinning_is_undone() -> None:
    """The affinity is as before after the block, an error included; None changes nothing."""
    before = os.sched_getaffinity(0)
    with topology.pinned(None):
        assert os.sched_getaffinity(0) == before
    with pytest.raises(KeyError), topology.pinned(topology.usable_cores(1)):
        raise KeyError
    assert os.sched_getaffinity(0) == before


@has_affinity
def test_cpus_that_are_not_there_are_refused() -> None:
    with pytest.raises(OSError), topology.pinned([topology.MOST_CPUS]):  # noqa: PT011
        pass


@has_affinity
def test_a_sandbox_that_forbids_affinity_is_not_pinned() -> None:
    """A system that refuses to set the affinity leaves children where they are."""
    assert not topology._can_pin(frozenset({topology.MOST_CPUS}))
