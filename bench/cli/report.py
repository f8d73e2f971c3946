"""`python -m bench report`."""

import gc
from pathlib import Path

import click

from bench.report.render import Rendered, render
from bench.results.quantities import counted
from bench.run.choices import Refused


def report(reports: Path, page: bool, verbose: bool) -> int:
    """Write pages and charts, say how many, and name the run files that were left out."""
    if not any((reports / "runs").glob("*.json")):
        raise Refused(
            f"there is no run file in {reports / 'runs'}; expected at least one: measure with "
            "`python -m bench run`, or name another folder with --reports"
        )
    gc.disable()  # runs are many objects and none is in a cycle: collecting doubles the time
    rendered = render(reports, page)
    for problem in rendered.problems:
        click.echo(f"left out: {problem}", err=True)
    if verbose:
        for path in (*rendered.pages, *rendered.charts):
            click.echo(f"wrote {path}")
    click.echo(_summary(reports, rendered))
    return 0


def _summary(reports: Path, rendered: Rendered) -> str:
    counts = {"page": len(rendered.pages), "chart": len(rendered.charts)}
    written = [counted(count, name) for name, count in counts.items() if count]
    if not written:
        return f"nothing has changed in {reports}"
    return f"wrote {' and '.join(written)} to {reports}"
