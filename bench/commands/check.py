"""`python -m bench check`."""

from collections.abc import Sequence
from pathlib import Path

import click

from bench import scrub
from bench.admission import findings
from bench.records import BrokenRunFile, read_run


def check(files: Sequence[Path]) -> int:
    """Print what speaks against each run file; return 1 if anything does."""
    wrong = 0
    for path in files:
        try:
            found = findings(read_run(path))
        except BrokenRunFile as error:
            found = [str(error)]
        wrong += bool(found)
        click.echo(f"{scrub.printable(str(path))}: {'not accepted' if found else 'accepted'}")
        for finding in found:
            click.echo(f"  - {scrub.printable(finding)}")
    return 1 if wrong else 0
