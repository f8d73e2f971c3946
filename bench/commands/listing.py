"""`python -m bench list`."""

import click
from tabulate import tabulate

from bench import machine
from bench.discovery import Backend, discover
from bench.records import Failed
from bench.selection import check_pythons
from bench.session import Session, describe


def list_backends(devices: bool, pythons: dict[str, str]) -> int:
    """Print every backend with its state; ask the children for devices if wanted."""
    backends = discover()
    check_pythons(pythons, backends)
    if devices:
        click.echo("asking each backend in a child …", err=True)
    session = Session(backends, machine.physical_cores(), timeout=300, pythons=pythons)
    rows = [[name, *_row(session, backend, devices)] for name, backend in backends.items()]
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
        purpose += f"; on {', '.join(backend.only_on)} part of all, here only by name"
    if not devices:
        return "ready", purpose
    result = describe(session, backend.name)
    if isinstance(result, Failed):
        return "broken", f"{result.kind}: {result.reason}"
    return "ready", f"{', '.join(result.devices) or 'no device here'} ({purpose})"
