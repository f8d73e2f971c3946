"""What control groups leave: the least of the machine's and every group's own."""

import pytest
from unit.machine.fakes import Plant

from bench.machine.control_groups import available_memory_bytes, cpu_quota

NESTED = {"proc/self/cgroup": "0::/a/b",
          "sys/fs/cgroup/a/memory.max": "3000000", "sys/fs/cgroup/a/memory.current": "1000000",
          "sys/fs/cgroup/a/b/memory.max": "max", "sys/fs/cgroup/a/b/memory.current": "900000",
          }  # fmt: skip
FIRST_VERSION = {"proc/self/cgroup": "4:memory:/docker/x",
                 "sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000",
                 "sys/fs/cgroup/memory/memory.usage_in_bytes": "4000000"}  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), [(NESTED, 2_000_000), (FIRST_VERSION, 0)])
def test_the_group_with_the_least_left_limits_the_memory(
    plant: Plant, files: dict[str, str], expected: int
) -> None:
    assert available_memory_bytes(plant(files)) == expected


@pytest.mark.parametrize(
    ("files", "stat", "expected"),
    [
        (NESTED, {"sys/fs/cgroup/a/memory.stat": "anon 9\ninactive_file 500000"}, 2_500_000),
        (FIRST_VERSION, {"sys/fs/cgroup/memory/memory.stat":
                         "inactive_file 1\ntotal_inactive_file 1600000"}, 600_000),
        (NESTED, {"sys/fs/cgroup/a/memory.stat": "nonsense\ninactive_file -1"}, 2_000_000),
        (NESTED, {"sys/fs/cgroup/a/memory.stat": "inactive_file 9999999"}, 3_000_000),
    ],
)  # fmt: skip
def test_files_in_the_cache_give_way(
    files: dict[str, str], stat: dict[str, str], expected: int, plant: Plant
) -> None:
    """A container that has just installed something has its memory full of them."""
    assert available_memory_bytes(plant(files | stat)) == expected


def test_without_groups_the_machine_limits_the_memory(plant: Plant) -> None:
    assert available_memory_bytes(plant())


def grants(cgroup: str, folder: str, quota: str, period: str = "100000") -> dict[str, str]:
    """Return the files of a process in these control groups, one of which grants CPU time."""
    files = {"proc/self/cgroup": f"{cgroup}\n"}
    if cgroup.startswith("0::"):
        return {**files, f"sys/fs/cgroup/{folder}cpu.max": f"{quota} {period}\n"}
    path = f"sys/fs/cgroup/{folder}cpu.cfs_{{}}_us"
    return {**files, path.format("quota"): quota, path.format("period"): period}


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        (grants("0::/", "", "200000"), 2),
        (grants("0::/a/b", "a/", "350000"), 3.5),
        (grants("0::/../x", "", "50000"), 0.5),
        (grants("0::/", "", "max"), None),
        (grants("0::/", "", "1", "0"), None),
        (grants("3:cpu,cpuacct:/docker/5f\n2:memory:/x", "cpu,cpuacct/", "400000"), 4),
        (grants("3:cpuacct,cpu:/docker/5f", "cpu,cpuacct/", "400000"), 4),
        (grants("3:cpu,cpuacct:/docker/5f", "cpuacct,cpu/", "400000"), 4),
        (grants("3:cpuacct,cpu:/docker/5f", "cpu/docker/", "400000"), 4),
        (grants("3:cpuset:/docker/5f", "cpuset/", "400000"), None),
        (grants("1:cpu:/", "cpu/", "-1"), None),
        ({"proc/self/cgroup": "::::\nrubbish\n\n:"}, None),
    ],
)
def test_groups_of_either_version_grant_time_of_processors(
    plant: Plant, files: dict[str, str], quota: float | None
) -> None:
    assert cpu_quota(plant(files)) == quota
