"""The most memory that this process has used."""

import sys
from contextlib import suppress
from pathlib import Path

import psutil


def peak_memory_bytes() -> int | None:
    """Return the most memory that was resident in this process; None where nothing tells.

    On Linux from VmHWM: ru_maxrss would start at the size of the parent that forked us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def reset_peak_memory() -> None:
    """Count from now on, where the system allows it: Linux does, since 4.0 (proc(5))."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
