"""The log of a child: a file in a folder that is the child's own, and may be gone or huge."""

from contextlib import suppress
from pathlib import Path

from bench.results import redact
from bench.results.jobs import LINE

LINES = 20  # that a failed trial keeps
TAIL_BYTES = 20_000  # in which the last lines are looked for
LIMIT_BYTES = 1_000_000_000  # a child that prints more would fill the disk
KEPT_BYTES = 10_000_000  # of the log of a failed child


def size(log: Path) -> int:
    """Return its bytes, 0 if there is none."""
    try:
        return log.stat().st_size
    except OSError:
        return 0


def tail(log: Path) -> tuple[str, ...]:
    """Return the last lines, printable and without names of people and machines."""
    text = _last_bytes(log, TAIL_BYTES).decode(errors="replace")
    lines = [redact.clean(line)[:LINE] for line in text.splitlines() if line.strip()]
    return tuple(lines[-LINES:])


def keep(log: Path, place: Path) -> None:
    """Copy the end of a log to a place, if it can be."""
    with suppress(OSError):  # its end is in the run file; saving that says what is wrong
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_last_bytes(log, KEPT_BYTES))


def _last_bytes(log: Path, count: int) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - count))
            return file.read(count)
    except OSError:
        return b""
