"""Which processors a child runs on: one logical CPU of each physical core first.

Two threads on one physical core share its arithmetic units, and a child that wanders between
cores loses its caches; so the harness pins. What a control group grants counts too: in a
container with a quota of two CPUs the other sixty only seem to be there.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

import psutil

from bench.sources import CPUS, attempt, number, read, read_number


def usable_cores(threads: int) -> list[int] | None:
    """Return the logical CPUs to pin a child with that many threads to.

    At most `threads` (1 or more) of them, each of a physical core of its own as long as there are
    enough, fast cores before slow ones; None where affinity cannot be set.
    """
    allowed = _affinity()
    if allowed is None or not _can_pin(allowed):
        return None
    return _preferred(allowed)[:threads]


def physical_cores() -> int:
    """Return how many physical cores this process may keep busy: at least 1."""
    allowed = _affinity()
    if allowed is None:
        cores = attempt(lambda: psutil.cpu_count(logical=False)) or logical_cores() or 1
    else:
        cores = len({_siblings(cpu, allowed) for cpu in allowed})
    return max(1, min(cores, int(_quota() or cores)))


def usable_count() -> int | None:
    """Return how many logical CPUs this process may keep busy; None if the system hides it."""
    allowed = _affinity()
    count = logical_cores() if allowed is None else len(allowed)
    quota = _quota()
    return count if count is None or quota is None else max(1, min(count, int(quota)))


def logical_cores() -> int | None:
    """Return how many logical CPUs the machine has."""
    return attempt(psutil.cpu_count) or os.cpu_count()


@contextmanager
def pinned(cpus: list[int] | None) -> Iterator[None]:
    """Keep this thread, and children that it starts, on the CPUs meanwhile (None: where it is).

    Raises OSError if the CPUs are not this process's to use.
    """
    if cpus is None or sys.platform in ("darwin", "win32"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _affinity() -> frozenset[int] | None:
    """Return the CPUs that this thread may run on; None where there is no such thing."""
    if sys.platform in ("darwin", "win32"):
        return None
    return attempt(lambda: frozenset(os.sched_getaffinity(0))) or None


def _can_pin(allowed: frozenset[int]) -> bool:
    """Return whether affinity may be set: some sandboxes forbid it."""
    if sys.platform in ("darwin", "win32"):
        return False
    try:
        os.sched_setaffinity(0, allowed)
    except OSError:
        return False
    return True


def _preferred(allowed: frozenset[int]) -> list[int]:
    """Return the CPUs, best first: own core before shared core, fast before slow, near together."""
    speeds = {cpu: _speed(cpu) for cpu in allowed}
    fastest = max(speeds.values())

    def rank(cpu: int) -> tuple[int, int, int, int]:
        shared = sorted(_siblings(cpu, allowed)).index(cpu)
        # In tenths: a core that may boost 2 % higher than its neighbours is not another kind.
        slowness = -round(10 * speeds[cpu] / fastest)
        socket = read_number(f"{CPUS}/cpu{cpu}/topology/physical_package_id") or 0
        return shared, slowness, socket, cpu

    return sorted(allowed, key=rank)


def _speed(cpu: int) -> int:
    """Return a measure of the CPU's kind, comparable between CPUs of one machine; at least 1."""
    capacity = read_number(f"{CPUS}/cpu{cpu}/cpu_capacity")
    return capacity or read_number(f"{CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq") or 1


def _siblings(cpu: int, allowed: frozenset[int]) -> frozenset[int]:
    """Return the allowed CPUs of one physical core, the CPU itself among them."""
    topology = f"{CPUS}/cpu{cpu}/topology"
    names = ("core_cpus_list", "thread_siblings_list")  # the second one before Linux 5.3
    listed = next(filter(None, (read(f"{topology}/{name}") for name in names)), None)
    return (_cpu_list(listed) & allowed) | {cpu}


def _cpu_list(text: str | None) -> frozenset[int]:
    """Return the CPUs of a list as Linux writes it: "0-3,8"; what is not one is left out."""
    cpus: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        low, high = number(first), number(last or first)
        if low is not None and high is not None and high < 1 << 16:
            cpus.update(range(low, high + 1))
    return frozenset(cpus)


def _quota() -> float | None:
    """Return how many CPUs' worth of time the control groups grant; None if they do not limit."""
    found = []
    for line in (read("proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Inside a container the path may be the host's: then only the mount's own root exists.
        inside = PurePosixPath("/", *(part for part in path.split("/") if part != ".."))
        for folder in (inside, *inside.parents):
            found.append(_quota_of(f"sys/fs/cgroup/{controllers}{folder}"))
    return min(filter(None, found), default=None)


def _quota_of(folder: str) -> float | None:
    """Return the CPUs that one control group grants, of version 2 or 1."""
    words = (read(f"{folder}/cpu.max") or "").split()
    if not words:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [read(f"{folder}/{name}") or "" for name in names]
    quota, period = (number(word) for word in [*words, "", ""][:2])
    return quota / period if quota and period else None
