"""A fleet: one `bench run` on each of several machines, and their files brought home.

Whoever carries tasks to machines is a parameter (bench.run.dask_cluster, or a fake in tests). What
comes home is saved at once; a machine that is lost, or brings no file, becomes a row with a reason.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec

from bench.results import redact
from bench.results.fleets import Fleet, Member
from bench.results.hardware import Machine
from bench.results.store import candidates, write_atomically
from bench.run import node

PATIENCE_SECONDS = 20.0  # for a machine that Dask has given up, which takes it 30 s
FACTS_SECONDS = 60.0  # for all machines to describe themselves
POLL_SECONDS = 1.0
ADDRESS = re.compile(r"\b(tcp|tls|ucx|inproc)://[^\s'\"]+")  # of a worker, as Dask names it
INSTALL = "python -m pip install 'mlp-bench[fleet]'"

Outcome = Any  # of a task: what it returned, or the exception that it raised
Say = Callable[[str], object]


class Cluster(Protocol):
    """Whoever carries tasks to machines."""

    def addresses(self) -> list[str] | None:
        """Return the workers that answer now; None if nobody can tell."""

    def submit(self, address: str, function: Callable[..., Any], *arguments: Any) -> object:
        """Let a worker call a function, it alone and once; return a ticket."""

    def done(self, seconds: float) -> Iterator[tuple[object, Outcome]]:
        """Wait so long at most; yield the tickets that are done, with what came of them."""


class Place(NamedTuple):
    """A machine that can be reached."""

    address: str
    facts: node.Facts

    @property
    def machine(self) -> Machine:
        """What it is."""
        return msgspec.json.decode(self.facts.machine, type=Machine)


def discover(cluster: Cluster, say: Say) -> tuple[list[Place], dict[str, str]]:
    """Return the machines, one worker each, and the reasons of workers that cannot take part."""
    tickets = {cluster.submit(one, node.facts): one for one in cluster.addresses() or ()}
    places: dict[str, Place] = {}
    problems: dict[str, str] = {}
    deadline = time.monotonic() + FACTS_SECONDS
    while tickets and time.monotonic() < deadline:
        for ticket, outcome in cluster.done(POLL_SECONDS):
            address = tickets.pop(ticket)
            if isinstance(outcome, BaseException):
                problems[address] = in_words(outcome)
            elif (other := places.setdefault(outcome.token, Place(address, outcome))) and (
                other.address != address
            ):
                say(f"{address} is on the machine of {other.address}: left out")
    problems |= dict.fromkeys(tickets.values(), "it did not answer")
    return sorted(places.values()), problems


def differences(places: Sequence[Place]) -> list[str]:
    """Return which versions differ between machines, a line each."""
    names = dict.fromkeys(name for place in places for name in place.facts.versions)
    lines = []
    for name in names:
        found: dict[str, list[str]] = {}
        for place in places:
            found.setdefault(place.facts.versions.get(name, "none"), []).append(place.address)
        if len(found) > 1:
            some = (f"{version} on {', '.join(who)}" for version, who in found.items())
            lines.append(f"{name}: {'; '.join(some)}")
    return lines


def carry_out(
    fleet: Fleet,
    places: Mapping[str, Place],
    arguments: Sequence[str],
    cluster: Cluster,
    runs: Path,
    save: Callable[[Fleet], object],
    say: Say,
    clock: Callable[[], float] = time.monotonic,
) -> Fleet:
    """Let each machine measure, by label; save what comes of each at once."""
    tickets = {cluster.submit(place.address, node.measure, fleet.name, label, list(arguments)):
               label for label, place in places.items()}  # fmt: skip
    missed: dict[str, float] = {}  # since when a machine does not answer
    while tickets:
        for ticket, outcome in cluster.done(POLL_SECONDS):
            if (label := tickets.pop(ticket, None)) is None:
                continue  # it was given up
            fleet = _with(fleet, _come_home(_member(fleet, label), outcome, runs))
            save(fleet)
            say(f"{label}: {_member(fleet, label).reason or 'complete'}")
        there = cluster.addresses()
        for ticket, label in list(tickets.items()):
            if there is not None and places[label].address in there:
                missed.pop(label, None)
            elif clock() - missed.setdefault(label, clock()) > PATIENCE_SECONDS:
                del tickets[ticket]
                fleet = _with(fleet, _lost(_member(fleet, label)))
                save(fleet)
                say(f"{label}: {_member(fleet, label).reason}")
    return fleet


def _member(fleet: Fleet, label: str) -> Member:
    return next(member for member in fleet.members if member.label == label)


def _with(fleet: Fleet, changed: Member) -> Fleet:
    members = tuple(changed if one.label == changed.label else one for one in fleet.members)
    return msgspec.structs.replace(fleet, members=members)


def _lost(member: Member) -> Member:
    reason = "no answer any more: the machine, its worker or the network is gone"
    return msgspec.structs.replace(member, reason=reason)


def _come_home(member: Member, outcome: Outcome, runs: Path) -> Member:
    """Return a machine with what it brought, saved; or with the reason why there is nothing."""
    if isinstance(outcome, BaseException):
        return msgspec.structs.replace(member, reason=in_words(outcome))
    said = outcome.said[-1] if outcome.said else "it printed nothing"
    if outcome.name is None:
        return msgspec.structs.replace(member, reason=f"no run file: {said}")
    try:
        runs.mkdir(parents=True, exist_ok=True)
        path = runs / member.run if member.run else _free(runs, outcome.name, outcome.content)
        write_atomically(path, outcome.content)  # over what it brought before, incomplete
    except OSError as error:
        why = f"not saved: {in_words(error)}; it is safe on the machine"
        return msgspec.structs.replace(member, reason=why)
    reason = None if outcome.is_complete else f"incomplete: {said}"
    return msgspec.structs.replace(member, run=path.name, reason=reason)


def _free(folder: Path, name: str, content: bytes) -> Path:
    """Return where to write a file: where it is already, or where there is none."""
    return next(
        path
        for path in candidates(folder, Path(name).stem)
        if not path.exists() or path.read_bytes() == content
    )


def in_words(error: BaseException) -> str:
    """Return why a task failed on a machine, in one line."""
    if isinstance(error, ImportError) or "deserialization" in str(error):
        why = " ".join(str(error).split())[:80]
        return f"the suite is not installed there, or where the scheduler is ({why}): {INSTALL}"
    named = "" if isinstance(error, node.Trouble) else f"{type(error).__name__}: "
    text = ADDRESS.sub("<address>", f"{named}{error}")
    return " ".join(redact.clean(text).split())[:500]
