"""Where facts of a machine are read: files below a root folder, and what the system itself answers.

Every reader is silent: what cannot be had is None or empty, never an error and never a guess.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

CPUS = "sys/devices/system/cpu"

T = TypeVar("T")


@dataclass(frozen=True)
class Source:
    """A root folder with the `proc` and `sys` of a machine.

    Only this machine's own root has a `system` beside it, which answers as psutil does: nothing of
    this machine becomes a fact of another one.
    """

    root: Path
    system: Any | None = None

    @property
    def is_live(self) -> bool:
        """Whether this is the machine that asks."""
        return self.root == LIVE.root

    def ask(self, function: str, *arguments: Any) -> Any | None:
        """Return what the running system answers; None if there is none or it refuses."""
        return attempt(lambda: getattr(self.system, function)(*arguments))

    def read(self, path: str) -> str | None:
        """Return the text of a file without spaces at its ends; None if there is none."""
        return attempt(lambda: self._text(self.root / path).strip(" \t\r\n\0")) or None

    def _text(self, file: Path) -> str:
        # A link with an absolute target would lead out of a copied tree; a pipe would never end.
        if self.is_live or (file.is_file() and file.resolve().is_relative_to(self.root.resolve())):
            return file.read_text(errors="replace")
        return ""

    def first(self, *paths: str) -> str | None:
        """Return the text of the first of the files that has any."""
        return next(filter(None, map(self.read, paths)), None)

    def read_number(self, path: str) -> int | None:
        """Return the number that a file holds, if it holds one that is not negative."""
        return number(self.read(path))

    def matches(self, pattern: str) -> list[str]:
        """Return the paths that match a pattern, sorted, to be read by `read`."""
        found = attempt(lambda: sorted(self.root.glob(pattern))) or []
        return [path.relative_to(self.root).as_posix() for path in found]

    def cpuinfo(self) -> list[dict[str, str]]:
        """Return the blocks of /proc/cpuinfo, one a processor, with the keys in lower case."""
        texts = (self.read("proc/cpuinfo") or "").split("\n\n")
        return list(filter(None, map(_block, texts)))


LIVE = Source(Path("/"), psutil)


def _block(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, colon, value in pairs if colon}


def output(*command: str) -> str:
    """Return what a command of the system prints; nothing if it fails or takes over 5 seconds."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def attempt(ask: Callable[[], T]) -> T | None:
    """Return the answer, or None if the system refuses it or lacks it."""
    try:
        return ask()
    except (OSError, ValueError, LookupError, AttributeError, RuntimeError):
        return None


def number(text: str | None) -> int | None:
    """Return the number that the text is; None for all else: signs, units, nonsense, length."""
    if text is None or len(text) > 20 or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
