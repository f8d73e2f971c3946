"""Take the names of people and machines out of text that goes into a run file."""

import getpass
import platform
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


def clean(text: str) -> str:
    """Return the text, printable, with home, project, user and host replaced."""
    for pattern, replacement in _replacements():
        text = pattern.sub(replacement, text)
    return printable(text)


def printable(text: str) -> str:
    """Return the text on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


@cache
def _replacements() -> list[tuple[re.Pattern[str], str]]:
    """Return what to replace: longer paths first, names as whole words only."""
    paths = {str(ROOT): ".", sys.prefix: "<python>", sys.base_prefix: "<python>"}
    paths[str(Path.home())] = "~"
    by_length = sorted(paths.items(), key=lambda item: -len(item[0]))
    found = [(re.compile(re.escape(path)), short) for path, short in by_length if len(path) > 1]
    host = platform.node()
    names = {_user(): "<user>", host: "<host>", host.partition(".")[0]: "<host>"}
    for name, short in names.items():
        if name and len(name) > 2 and name not in ("root", "localhost"):
            found.append((re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"), short))
    return found


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None  # no entry for this user: nothing to take out
