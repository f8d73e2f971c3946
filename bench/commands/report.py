"""`python -m bench report`."""

from pathlib import Path

import click

from bench.report import render


def report(reports: Path) -> int:
    """Write the tables and name the files that were left out."""
    rendered = render.render(reports)
    for problem in rendered.problems:
        click.echo(f"left out: {problem}", err=True)
    for path in rendered.written:
        click.echo(f"wrote {path}")
    return 0
