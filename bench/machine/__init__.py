"""The machine: its facts, its conditions while trials run, and what distorts the numbers."""

from bench.machine.accelerators import with_accelerators
from bench.machine.control_groups import available_memory_bytes
from bench.machine.facts import describe, slug
from bench.machine.monitor import Monitor
from bench.machine.topology import fast_cores, pinned, usable_cores

__all__ = [
    "Monitor",
    "available_memory_bytes",
    "describe",
    "fast_cores",
    "pinned",
    "slug",
    "usable_cores",
    "with_accelerators",
]
