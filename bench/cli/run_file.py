"""Where a run is kept: its file, and the command in it."""

import shlex
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench import machine
from bench.results import redact
from bench.results.hardware import Machine
from bench.results.store import CannotSave, candidates

ROOM_BYTES = 20_000_000  # that must be free: run file, tables and charts are far below


def stem_of(created: str, facts: Machine, label: str | None = None) -> str:
    """Return what a run file is called, given when the run began, and the machine."""
    name = "-".join(filter(None, [machine.slug(facts), label]))
    return f"{created[:19].replace(':', '')}Z-{name}"


def new_path(folder: Path, stem: str, room_bytes: int = ROOM_BYTES) -> Path:
    """Make a new, empty run file in a folder that has room and return its path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        for path in candidates(folder, stem) if free >= room_bytes else ():
            with suppress(FileExistsError):  # another machine may start a run in the same second
                path.open("x").close()
                return path
    except OSError as error:
        raise CannotSave(
            f"{folder} cannot be used: {error}; expected a folder that can be written to: name "
            "another reports folder with --reports"
        ) from error
    raise CannotSave(
        f"{folder} has {free:,} bytes left; expected {room_bytes:,}: make room, or name "
        "another folder with --reports"
    )


def command_line(arguments: Iterable[str]) -> str:
    """Return how to measure the same again; where the reports go is no part of that."""
    words = iter(arguments)
    kept = [word for word in words if not (word == "--reports" and next(words, ""))]
    kept = [word for word in kept if not word.startswith("--reports=")]
    return redact.clean(shlex.join(["python", "-m", "bench", *kept]))
