"""`python -m bench fleet`: the same run on every machine that can be reached."""

import datetime
import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from bench import __version__
from bench.cli.run import write_tables
from bench.cli.run_file import command_line
from bench.results.fleets import Fleet, Member, read_fleet, write_fleet
from bench.results.store import CannotSave, write_atomically
from bench.run import node
from bench.run.choices import Refused
from bench.run.dask_cluster import connected
from bench.run.fleet import Cluster, Place, carry_out, differences, discover

KEPT = "machines.json"  # in the state folder: what is no part of the reports


class Kept(NamedTuple):
    """What is kept of a fleet at home, outside the reports."""

    arguments: Sequence[str]  # of `bench run`
    labels: dict[str, str]  # by the machine's token


class Settings(NamedTuple):
    """How a fleet is measured."""

    scheduler: str | None
    ssh: Sequence[str]  # hosts on which workers are started
    reports: Path
    resume: str | None
    labels: Mapping[str, str]  # by address


def fleet(arguments: Sequence[str], settings: Settings) -> int:
    """Measure on every machine, bring the files home and write the tables."""
    with connected(settings.scheduler, settings.ssh) as cluster:
        if settings.resume is None:
            record = _new(arguments)
            kept = Kept(arguments, {})
        else:
            record, kept = _begun(settings)
        return _measure(record, kept, cluster, settings)


def _new(arguments: Sequence[str]) -> Fleet:
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    name = f"{created[:19].replace(':', '')}Z-{secrets.token_hex(2)}"
    command = command_line(["fleet", *arguments])
    return Fleet(name=name, bench=__version__, created=created, command=command, members=())


def _begun(settings: Settings) -> tuple[Fleet, Kept]:
    """Return what is to be resumed; raise Refused if it was not begun here."""
    name = Path(str(settings.resume)).stem
    file = _state(name) / KEPT
    try:
        kept = Kept(**json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise Refused(
            f"there is no fleet {name!r} that was begun here ({error}); expected the name that "
            "`python -m bench fleet` printed: start a new one, or resume it where it was begun"
        ) from error
    return read_fleet(_record(settings, name)), kept


def _measure(record: Fleet, kept: Kept, cluster: Cluster, settings: Settings) -> int:
    places, problems = _reached(cluster)
    labelled, kept = _labelled(places, kept, settings.labels)
    members = _members(record, labelled)
    if settings.resume is None:  # they had no machine to be told apart by
        members += tuple(Member(f"unknown-{number}", reason=problem)
                         for number, problem in enumerate(problems.values(), 1))  # fmt: skip
    record = msgspec.structs.replace(record, members=members)
    missing = {one.label for one in members if one.run is None or one.reason}
    left = {label: place for label, place in labelled.items() if label in missing}
    _keep(record.name, kept)
    _save(settings, record)
    _say_what(record, labelled, left, kept.arguments)
    try:
        record = carry_out(
            record, left, kept.arguments, cluster, settings.reports / "runs",
            lambda changed: _save(settings, changed), _say,
        )  # fmt: skip
    except KeyboardInterrupt:
        _say("runs under way continue on their machines; stop them there if they are not needed")
        raise
    finally:
        if any(one.reason or not one.run for one in record.members):
            _say(f"go on with what is missing: python -m bench fleet --resume {record.name}")
        if has_runs := any((settings.reports / "runs").glob("*.json")):
            write_tables(settings.reports)
    for member in record.members:
        click.echo(f"{member.label}: {member.reason or member.run}")
    if has_runs:
        click.echo(f"tables and charts: {settings.reports / 'README.md'}")
    return 1 if any(member.reason for member in record.members) else 0


def _reached(cluster: Cluster) -> tuple[list[Place], dict[str, str]]:
    """Return the machines and why others cannot take part; raise Refused if there is none."""
    places, problems = discover(cluster, _say)
    for address, problem in problems.items():
        _say(f"{address}: cannot take part: {problem}")
    if not places:
        raise Refused(
            "no machine can take part; expected a worker on each: start them with "
            "`dask worker`, see docs/fleet.md"
        )
    return places, problems


def _labelled(
    places: Sequence[Place], kept: Kept, asked: Mapping[str, str]
) -> tuple[dict[str, Place], Kept]:
    """Return the machines by label: the one that they had, the one asked for, or the next."""
    labels = dict(kept.labels)
    for place in places:
        host = place.address.rpartition("/")[2].rpartition(":")[0]
        wanted = asked.get(place.address) or asked.get(host)
        taken = set(labels.values())
        free = (name for number in range(1, 10**5) if (name := f"node-{number}") not in taken)
        labels.setdefault(place.facts.token, wanted or next(free))
    if len(set(labels.values())) < len(labels):
        raise Refused("two machines have one label; expected one each: give them others")
    return {labels[place.facts.token]: place for place in places}, kept._replace(labels=labels)


def _members(record: Fleet, labelled: Mapping[str, Place]) -> tuple[Member, ...]:
    """Return the machines of a fleet, with those that are new."""
    there = {member.label for member in record.members}
    new = (Member(label, place.machine) for label, place in labelled.items() if label not in there)
    known = (one for one in record.members if not one.label.startswith("unknown-"))
    return (*known, *new)


def _say_what(
    record: Fleet, labelled: Mapping[str, Place], left: Mapping[str, Place],
    arguments: Sequence[str],
) -> None:  # fmt: skip
    """Say which machines there are, what differs between them, and what will run where."""
    _say(f"fleet {record.name}")
    for label, place in labelled.items():
        found = place.machine
        facts = (found.cpu_model, f"{found.usable_cores} cores", *(gpu.name for gpu in found.gpus))
        done = "" if label in left else " (done)"
        _say(f"  {label}  {place.address}  {', '.join(map(str, facts))}{done}")
    for line in differences(list(labelled.values())):
        _say(f"! different versions: {line}")
    _say(f"on each: python -m bench run {shlex.join(arguments)}".rstrip())


def _state(name: str) -> Path:
    return node.state_folder() / "fleets" / name


def _keep(name: str, kept: Kept) -> None:
    folder = _state(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / KEPT, json.dumps(kept._asdict()).encode())
    except OSError as error:
        raise CannotSave(
            f"{folder} cannot be written: {error}; name another folder in {node.VARIABLE}"
        ) from error


def _record(settings: Settings, name: str) -> Path:
    return settings.reports / "fleets" / f"{name}.json"


def _save(settings: Settings, record: Fleet) -> None:
    path = _record(settings, record.name)
    try:
        write_fleet(path, record)
    except OSError as error:  # the machines have their files: --resume fetches them
        _say(f"{path} cannot be saved: {error}: make room, then go on with --resume")


def _say(text: str) -> None:
    click.echo(text, err=True)


def check_arguments(run: click.Command, arguments: Sequence[str]) -> None:
    """Raise what `bench run` would raise of these options, before they are sent anywhere."""
    own = ("--reports", "--resume", "--label", "--fleet")
    for name in own:
        if any(one == name or one.startswith(f"{name}=") for one in arguments):
            raise Refused(f"{name} is the fleet's to set on each machine: leave it out")
    run.make_context("python -m bench run", list(arguments))
