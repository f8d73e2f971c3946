"""Take the names of people and machines out of text that goes into a run file."""

import getpass
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from bench import ROOT

Replacements = Sequence[tuple[re.Pattern[str], str]]
TELLING_NOTHING = ("root", "localhost")


def clean(text: str, replacements: Replacements | None = None) -> str:
    """Return the text, printable, with home, project, user and host of this machine replaced."""
    for pattern, short in replacements or _of_this_machine():
        text = pattern.sub(short, text)
    return printable(text)


def printable(text: str) -> str:
    """Return the text on one line, without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def replacements_for(paths: Mapping[str, str], user: str, host: str) -> Replacements:
    """Return what to replace: longer paths first, names as whole words only."""
    by_length = sorted(paths.items(), key=lambda item: -len(item[0]))
    found = [(re.compile(re.escape(path)), short) for path, short in by_length if len(path) > 1]
    names = {user: "<user>", host: "<host>", host.partition(".")[0]: "<host>"}
    for name, short in names.items():
        if len(name) > 2 and name not in TELLING_NOTHING:
            found.append((re.compile(rf"(?<!\w){re.escape(name)}(?!\w)"), short))
    return found


@cache
def _of_this_machine() -> Replacements:
    paths = {str(ROOT): ".", sys.prefix: "<python>", sys.base_prefix: "<python>"}
    paths[known(lambda: str(Path.home()))] = "~"
    return replacements_for(paths, user=known(getpass.getuser), host=platform.node())


def known(ask: Callable[[], str]) -> str:
    """Return the answer, "" if there is none: a user may have no entry and no home."""
    try:
        return ask()
    except (OSError, KeyError, ImportError, RuntimeError):
        return ""
