"""Simulate fleets: false alarms, power, and how long the pages of a thousand machines take.

`python -m tests.benchmarks.fleet_simulation`, about three minutes.
"""

import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import click

sys.path.insert(0, str(Path(__file__).parent.parent))  # what tests make up

from made_fleets import make_fleet, make_machines

from bench.report.render import render
from bench.results.cases import rows_of
from bench.results.fleet_comparison import standings
from bench.results.fleets import write_fleet
from bench.results.store import write_run

SLOW = 1.1


def named(count: int, seed: int, slow: Mapping[int, float]) -> list[str]:
    """Return the machines of a simulated fleet that are said to deviate."""
    seconds = {
        str(run.label): {row.case: row.interval.centre for row in rows_of(run) if row.interval}
        for run in make_machines(count, seed, slow)
    }
    return [label for label, standing in standings(seconds).items() if standing.deviates]


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--fleets", default=1_000, show_default=True)
@click.option("--machines", default=40, show_default=True)
@click.option("--files", default=1_000, show_default=True, help="Machines of the large fleet.")
def main(fleets: int, machines: int, files: int) -> None:
    """Simulate and print."""
    alarms = sum(bool(named(machines, seed, {})) for seed in range(fleets))
    click.echo(f"{alarms} of {fleets} fleets of {machines} equal machines name one")
    found = sum("node-1" in named(machines, seed, {0: SLOW}) for seed in range(fleets))
    click.echo(f"{found} of {fleets} fleets name the one that is {SLOW - 1:.0%} slow")
    with TemporaryDirectory() as folder:
        reports = Path(folder)
        (reports / "runs").mkdir()
        fleet, runs = make_fleet(make_machines(files, slow={6: SLOW}))
        for name, run in runs.items():
            write_run(reports / "runs" / name, run)
        write_fleet(reports / "fleets" / "made.json", fleet)
        begun = time.monotonic()
        render(reports, with_page=True)
        seconds = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    click.echo(f"pages of {files} machines: {seconds:.1f} s, peak {peak / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
