"""The record of a fleet: which machines one command measured, and what came of each.

It lies in `fleets/` of a reports folder, beside `runs/`; the addresses of machines are no part of
it. A machine has a run file, or a reason why it has none.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from bench.results.hardware import Machine
from bench.results.quantities import Label, Name, Record, Text
from bench.results.records import Time
from bench.results.store import BrokenRunFile, write_atomically

SCHEMA = 1
MOST_MACHINES = 10_000


class Member(Record, frozen=True, omit_defaults=True):
    """One machine of a fleet."""

    label: Label
    machine: Machine | None = None  # as it described itself before it began; None: it did not
    run: Text | None = None  # name of its file in runs/; None: there is none
    reason: Text | None = None  # why there is none, or none that is complete, in words


class Fleet(Record, frozen=True, kw_only=True):
    """One `python -m bench fleet`."""

    schema: Annotated[int, msgspec.Meta(ge=1, le=SCHEMA)] = SCHEMA
    name: Name  # unlike any other's: when it began, and something random
    bench: Name  # version of this program
    created: Time  # UTC, ISO 8601
    command: Text
    members: Annotated[tuple[Member, ...], msgspec.Meta(max_length=MOST_MACHINES)]


def read_fleet(path: Path) -> Fleet:
    """Read the record of a fleet; raise BrokenRunFile if it is damaged or of a newer schema."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Fleet)
    except (msgspec.MsgspecError, OSError, RecursionError, ValueError) as error:
        raise BrokenRunFile(
            f"{path.name} is no record of a fleet: {str(error)[:500]}; expected what "
            "`python -m bench fleet` writes: restore it, or move it away"
        ) from error


def write_fleet(path: Path, fleet: Fleet) -> None:
    """Save the record, atomically, as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(fleet), indent=1) + b"\n")
