"""Where facts of a machine are read: files of Linux, sysctl of macOS, the registry of Windows.

Every reader is silent: what cannot be had is None or empty, never an error and never a guess.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path("/")  # tests put a folder of their own in its place
CPUS = "sys/devices/system/cpu"

T = TypeVar("T")


def attempt(ask: Callable[[], T]) -> T | None:
    """Return the answer, or None if the system refuses it or lacks it."""
    try:
        return ask()
    except (OSError, ValueError, LookupError, AttributeError, RuntimeError):
        return None


def read(path: str) -> str | None:
    """Return the text of a file below ROOT without spaces at its ends; None if there is none."""
    try:
        return (ROOT / path).read_text(errors="replace").strip(" \t\r\n\0") or None
    except (OSError, ValueError):  # ValueError: a null character in the path
        return None


def read_number(path: str) -> int | None:
    """Return the number that a file below ROOT holds, if it holds one that is not negative."""
    return number(read(path))


def number(text: str | None) -> int | None:
    """Return the number that the text is; None for all else: signs, units, nonsense, length."""
    if text is None or len(text) > 20 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)


def matches(pattern: str) -> list[str]:
    """Return the paths below ROOT that match a pattern, sorted, to be read by `read`."""
    try:
        return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
    except OSError:
        return []


def cpuinfo() -> list[dict[str, str]]:
    """Return the blocks of /proc/cpuinfo, one a processor, with the keys in lower case."""
    blocks = []
    for text in (read("proc/cpuinfo") or "").split("\n\n"):
        pairs = (line.partition(":") for line in text.splitlines())
        block = {key.strip().lower(): value.strip() for key, colon, value in pairs if colon}
        if block:
            blocks.append(block)
    return blocks


@cache
def sysctl() -> dict[str, str]:
    """Return what macOS says of its hardware, name -> value; empty on other systems."""
    if sys.platform != "darwin":
        return {}
    lines = output("sysctl", "hw", "machdep.cpu", "kern.hv_vmm_present").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def output(*command: str) -> str:
    """Return what a command of the system prints; nothing if it fails or takes over 5 seconds."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def registry(key: str, name: str) -> str | None:
    """Return a text of HKEY_LOCAL_MACHINE of the registry; None where there is no registry."""
    if sys.platform != "win32":
        return None
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as handle:
            value, _ = winreg.QueryValueEx(handle, name)
    except OSError:
        return None
    return str(value).strip() or None
