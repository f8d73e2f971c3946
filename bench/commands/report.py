"""`python -m bench report`."""

from pathlib import Path

import click

from bench.report import render


def report(reports: Path, with_page: bool = False) -> int:
    """Write the tables and name the files that were left out."""
    rendered = render.render(reports, with_page)
    for problem in rendered.problems:
        click.echo(f"left out: {problem}", err=True)
    for path in rendered.written:
        click.echo(f"wrote {path}")
    return 0
