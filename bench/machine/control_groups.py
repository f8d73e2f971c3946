"""What the control groups of this process grant it: time of processors, and memory."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import psutil

from bench.machine.sources import LIVE, Source, attempt, number

UNIFIED = ("sys/fs/cgroup", "sys/fs/cgroup/unified")  # where version 2 is mounted


def cpu_quota(source: Source = LIVE) -> float | None:
    """Return how many processors' worth of time is granted; None if it is not limited."""
    found = []
    for folder in _folders(source, "cpu"):
        words = (source.read(f"{folder}/cpu.max") or "").split()
        if not words:
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")  # of version 1
            words = [source.read(f"{folder}/{name}") or "" for name in names]
        quota, period = (number(word) for word in [*words, "", ""][:2])
        if quota and period:
            found.append(quota / period)
    return min(found, default=None)


def available_memory_bytes(source: Source = LIVE) -> int | None:
    """Return the memory that new processes may use: what the machine and every group have left."""
    found = [attempt(lambda: int(psutil.virtual_memory().available))]
    for folder in _folders(source, "memory"):
        for names in (("max", "current"), ("limit_in_bytes", "usage_in_bytes")):
            limit, used = (source.read_number(f"{folder}/memory.{name}") for name in names)
            if limit is not None and used is not None:
                found.append(max(0, limit - max(0, used - _cached_bytes(source, folder))))
    return min((count for count in found if count is not None), default=None)


def _cached_bytes(source: Source, folder: str) -> int:
    """Return what a group holds of files that nobody has read lately: it gives way to programs."""
    lines = (source.read(f"{folder}/memory.stat") or "").splitlines()
    values = dict(line.split()[:2] for line in lines if len(line.split()) > 1)
    return number(values.get("total_inactive_file") or values.get("inactive_file")) or 0


def _folders(source: Source, controller: str) -> Iterator[str]:
    """Yield the folders of the groups that this process is in, up to the root."""
    mounts = source.matches("sys/fs/cgroup/*")  # "cpu,cpuacct" or "cpuacct,cpu" …
    first = [mount for mount in mounts if controller in mount.split("/")[-1].split(",")]
    for line in (source.read("proc/self/cgroup") or "").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and controller not in controllers.split(","):
            continue
        # Inside a container the path may be the host's: then only the mount's own root exists.
        inside = PurePosixPath("/", *(part for part in path.split("/") if part != ".."))
        for mount in first if controllers else UNIFIED:
            yield from (f"{mount}{folder}" for folder in (inside, *inside.parents))
