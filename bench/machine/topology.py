"""Which processors a child runs on: one logical CPU of each physical core first.

Two threads on one physical core share its arithmetic units, and a child that wanders between
cores loses its caches; so the harness pins. What a control group grants counts too: in a
container with a quota of two CPUs the other sixty only seem to be there.
"""

import math
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager

from bench.machine.control_groups import cpu_quota
from bench.machine.sources import CPUS, LIVE, Source, attempt, number, output

MOST_CPUS = 1 << 13  # that Linux can be built for
CPUSETS = ("cpuset.cpus.effective", "cpuset/cpuset.effective_cpus", "cpuset/cpuset.cpus")
FAST = 0.8  # of the fastest core's speed: Intel's E cores have 0.74 to 0.8 of the frequency of P


def usable_cores(threads: int, source: Source = LIVE) -> list[int] | None:
    """Return the logical CPUs to pin a child with that many threads to.

    At most `threads` (1 or more) of them, each of a physical core of its own as long as there are
    enough, fast cores before slow ones; None where affinity cannot be set, or where only a quota
    limits: every container would take the same ones.
    """
    cpus = preferred(source)
    if not cpus or limiting_quota(source):
        return None
    return None if source.is_live and not _can_pin(cpus) else cpus[:threads]


def limiting_quota(source: Source) -> float | None:
    """Return how many CPUs' time is granted, if that is less than those that may be run on."""
    quota = cpu_quota(source)
    return quota if quota and quota < len(preferred(source)) else None


def _can_pin(allowed: Iterable[int]) -> bool:
    """Return whether affinity may be set: some sandboxes forbid it."""
    try:
        os.sched_setaffinity(0, allowed)
    except OSError:
        return False
    return True


@contextmanager
def pinned(cpus: list[int] | None) -> Iterator[None]:
    """Keep this thread, and children that it starts, on the CPUs meanwhile (None: where it is).

    Raises OSError if the CPUs are not this process's to use.
    """
    if cpus is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def fast_cores(source: Source = LIVE) -> int:
    """Return how many fast physical cores this process may keep busy: at least 1.

    Slow cores would keep the others of a matrix product waiting.
    """
    cores = _cores(source)
    fast = len({cores.get(cpu, cpu) for cpu, speed in _speeds(source).items() if speed >= FAST})
    if not fast and source.is_live:  # macOS
        fast = number(output("sysctl", "-n", "hw.perflevel0.physicalcpu").strip()) or 0
    count = fast or physical_count(source) or 1
    return max(1, int(min(count, cpu_quota(source) or math.inf)))


def physical_count(source: Source) -> int | None:
    """Return how many physical cores the machine has."""
    cpus, cores = online(source), _cores(source)
    if cpus and cpus <= cores.keys():
        return len({cores[cpu] for cpu in cpus})
    return source.ask("cpu_count", False)


def logical_count(source: Source) -> int | None:
    """Return how many logical CPUs the machine has."""
    return len(online(source)) or source.ask("cpu_count")


def usable_count(source: Source) -> int | None:
    """Return how many logical CPUs this process may keep busy; None if the system hides it."""
    counts = (len(_allowed(source)) or logical_count(source), cpu_quota(source))
    return min((max(1, int(count)) for count in counts if count), default=None)


def preferred(source: Source) -> list[int]:
    """Return the CPUs that the thread may run on, best first.

    Own core before shared core, fast before slow, near together.
    """
    cores = _cores(source)
    earlier: Counter[Hashable] = Counter()  # CPUs of each core that have a lower number
    ranks = {}
    for cpu, speed in _speeds(source).items():
        # In tenths: a core that may boost 2 % higher than its neighbours is not another kind.
        slowness = -round(10 * speed)
        socket = source.read_number(f"{CPUS}/cpu{cpu}/topology/physical_package_id") or 0
        core = cores.get(cpu, cpu)
        ranks[cpu] = (earlier[core], slowness, socket, cpu)
        earlier[core] += 1
    return sorted(ranks, key=ranks.__getitem__)


def online(source: Source) -> frozenset[int]:
    """Return the logical CPUs of the machine; none where that is not known."""
    if listed := _cpu_list(source.read(f"{CPUS}/online")):
        return listed
    text = source.read("proc/cpuinfo") or ""
    processors = re.findall(r"^processor\s*:?\s*([0-9]{1,4})\b", text, re.MULTILINE)
    siblings = [found for block in source.cpuinfo() if (found := number(block.get("siblings")))]
    # People quote the first processor only: one is all there are if it says so itself.
    is_excerpt = len(processors) < max(siblings, default=2)
    return frozenset(() if is_excerpt else map(int, processors))


def _allowed(source: Source) -> frozenset[int]:
    """Return the CPUs that the thread may run on; none where there is no such thing."""
    if source.is_live:
        return attempt(lambda: frozenset(os.sched_getaffinity(0))) or frozenset()
    status = source.read("proc/self/status") or ""
    listed = re.search(r"^Cpus_allowed_list:\s*(.*)$", status, re.MULTILINE)
    by_group = source.first(*(f"sys/fs/cgroup/{file}" for file in CPUSETS))
    allowed = _cpu_list(listed[1] if listed else by_group)
    return allowed & online(source) or online(source)


def _cores(source: Source) -> dict[int, Hashable]:
    """Return what names the physical core of each logical CPU, where that is known."""
    named: dict[int, Hashable] = {}
    for block in source.cpuinfo():
        if (cpu := number(block.get("processor"))) is not None and "core id" in block:
            named[cpu] = (block.get("physical id"), block["core id"])
    for cpu in online(source):
        folder = f"{CPUS}/cpu{cpu}/topology"
        # The second list is that of Linux before 5.3; firmware that tells no cores has core -1.
        lists = (f"{folder}/core_cpus_list", f"{folder}/thread_siblings_list")
        siblings = _cpu_list(source.first(*lists))
        if siblings and source.read(f"{folder}/core_id") != "-1":
            named[cpu] = siblings | {cpu}
    return named


def _speeds(source: Source) -> dict[int, float]:
    """Return the speeds, 1 the highest, of the CPUs that the thread may run on, by number."""
    intel_fast = _cpu_list(source.read("sys/devices/cpu_core/cpus"))
    speeds = {}
    for cpu in sorted(_allowed(source)):
        files = (f"{CPUS}/cpu{cpu}/{name}" for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"))
        speeds[cpu] = 1 + (cpu in intel_fast) if intel_fast else number(source.first(*files)) or 1
    fastest = max(speeds.values(), default=1)
    return {cpu: speed / fastest for cpu, speed in speeds.items()}


def _cpu_list(text: str | None) -> frozenset[int]:
    """Return the CPUs of a list as Linux writes it: "0-3,8"; what is not one is left out."""
    cpus: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        low, high = number(first), number(last or first)
        if low is not None and high is not None and high < MOST_CPUS:
            cpus.update(range(low, high + 1))
    return frozenset(cpus)
