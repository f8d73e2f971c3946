"""`python -m bench list`."""

import click
from tabulate import tabulate

from bench import machine
from bench.results.records import Failed
from bench.run.backends import Backend, discover
from bench.run.choices import check_pythons
from bench.run.executor import Session


def list_backends(devices: bool, pythons: dict[str, str]) -> int:
    """Print every backend with its state; ask the children for devices if wanted."""
    backends = discover()
    check_pythons(pythons, backends)
    session = Session(backends, machine.fast_cores(), timeout=300, pythons=pythons)
    return print_backends(session, devices)


def print_backends(session: Session, devices: bool) -> int:
    """Print the backends of a session with their states."""
    if devices:
        click.echo("asking each backend in a child …", err=True)
    rows = [[name, *_row(session, backend, devices)] for name, backend in session.backends.items()]
    click.echo(tabulate(rows, ["backend", "state", "what it is, what to do"], tablefmt="simple"))
    return 0


def _row(session: Session, backend: Backend, devices: bool) -> tuple[str, str]:
    own_python = backend.name in session.pythons
    if backend.broken:
        return "broken", backend.broken
    if backend.missing and not own_python:
        return "not installed", backend.install_command
    purpose = backend.purpose
    if not backend.is_default:
        purpose += f"; part of all on {', '.join(backend.only_on)}, here only by name"
    if not devices:
        return "ready", purpose
    found = session.describe(backend.name)
    if isinstance(found, Failed):
        return "broken", str(found)
    return "ready", f"{', '.join(map(str, found.devices)) or 'no device here'} ({purpose})"
