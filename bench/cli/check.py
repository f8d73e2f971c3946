"""`python -m bench check`."""

from collections.abc import Sequence
from pathlib import Path

import click

from bench.results import redact
from bench.results.store import BrokenRunFile, read_run
from bench.results.submission import findings


def check(files: Sequence[Path]) -> int:
    """Print for each run file whether it is accepted, and why not; return 1 if one is not."""
    wrong = 0
    for path in files:
        try:
            found = findings(read_run(path))
        except BrokenRunFile as error:
            found = [str(error)]
        wrong += bool(found)
        click.echo(f"{redact.printable(str(path))}: {'not accepted' if found else 'accepted'}")
        for finding in found:
            click.echo(f"  - {redact.printable(finding)}")
    return 1 if wrong else 0
