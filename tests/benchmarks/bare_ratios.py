"""Does the clock tell the truth? Epoch seconds of every backend over those of its bare loop.

    python -m tests.benchmarks.bare_ratios [--backend NAME] [--pairs 10] [--epochs 6]

from the root of the repository prints a table. For each backend one child process trains with the
backend's Model under the clock of `bench run` and with the loop in bare.py, an epoch of the one
after an epoch of the other; every pair builds both anew. A pair's ratio is the median over its
epochs, the first of which, which compiles, is left out. Above 1 the harness or the backend's file
costs something; the goal is at most 1.03, and 1.05 for Keras, whose bare loop is its own `fit` on
arrays. It runs on the CPU, takes half a minute or so a backend, and fails only if a child does: on
a busy machine, or with few pairs, the interval says how little is known.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import click
import msgspec
from tabulate import tabulate

from bench import machine, statistics
from bench.commands import EXPECTED
from bench.discovery import Backend, discover
from bench.lock import only_run
from bench.options import Names, Stop
from bench.selection import choose_backends
from bench.surroundings import environment
from bench.workload import Workload, workload_for
from tests.benchmarks import bare
from tests.benchmarks.bare_pairs import Pair, Pairs

ROOT = Path(__file__).parent.parent.parent
HEADERS = ["backend", "harness s", "bare s", "pairs", "median ratio", "95 % interval", "goal"]


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option(
    "--backend", "asked", type=Names(), multiple=True, default=["all"],
    help="Backends, or all that have a loop in bare.py. [default: all]",
)  # fmt: skip
@click.option("--pairs", type=click.IntRange(2), default=10, show_default=True)
@click.option("--epochs", type=click.IntRange(2), default=6, show_default=True, help="Of each.")
@click.option("--threads", type=click.IntRange(1), help="[default: the physical cores]")
def main(asked: list[list[str]], pairs: int, epochs: int, threads: int | None) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the child as well
    try:
        with only_run():
            chosen = _chosen([name for names in asked for name in names])
            workload = workload_for("relu", "cpu", epochs=epochs)
            rows, failures = _measured(chosen, workload, pairs, threads)
    except EXPECTED as error:
        raise Stop(str(error)) from error
    click.echo(tabulate(rows, HEADERS, disable_numparse=True))
    if failures:
        raise click.ClickException("\n".join(failures))


def _measured(
    chosen: Sequence[Backend], workload: Workload, pairs: int, threads: int | None
) -> tuple[list[list[str]], list[str]]:
    """Return a row for each backend and, of those whose child failed, what it said."""
    rows, failures = [], []
    for backend in chosen:
        try:
            rows.append(row(backend.name, in_child(backend, workload, pairs, threads, click.echo)))
        except click.ClickException as error:
            failures.append(error.message)
    return rows, failures


def _chosen(asked: list[str]) -> list[Backend]:
    """Return the backends asked for that can run here and have a bare loop."""
    backends = {name: one for name, one in discover().items() if hasattr(bare, f"bare_{name}")}
    names, left_out = choose_backends(asked, backends)
    for name, reason in left_out.items():
        click.echo(f"skipped {name}: {reason}")
    return [backends[name] for name in names]


def in_child(
    backend: Backend,
    workload: Workload,
    count: int,
    threads: int | None,
    say: Callable[[str], object] = lambda text: None,
) -> list[Pair]:
    """Carry out the pairs of one backend in a child; raise ClickException if it fails."""
    say(f"{backend.name}: {count} pairs of {workload.epochs} epochs each …")
    used = threads or machine.physical_cores()
    with tempfile.TemporaryDirectory() as name:
        plan, result = Path(name, "plan.json"), Path(name, "result.json")
        asked = Pairs(backend.name, str(backend.path), workload, count)
        plan.write_bytes(msgspec.json.encode(asked))
        with machine.pinned(machine.usable_cores(used)):
            child = subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.bare_pairs", str(plan), str(result)],
                env=environment(backend.environment, "cpu", used), cwd=ROOT,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )  # fmt: skip
        if child.returncode:
            raise click.ClickException(
                f"the child of {backend.name} ended with {child.returncode}; expected 0 and its "
                f"times: see what it printed last, or leave it out:\n{child.stdout[-3000:]}"
            )
        return msgspec.json.decode(result.read_bytes(), type=list[Pair])


def row(backend: str, pairs: Sequence[Pair]) -> list[str]:
    """Return a row of the table."""
    ratios = [
        median(one / other for one, other in zip(pair.harness[1:], pair.bare[1:], strict=True))
        for pair in pairs
    ]
    interval = statistics.ratio(ratios, [1.0] * len(ratios))
    return [
        backend,
        f"{median(median(pair.harness[1:]) for pair in pairs):.4f}",
        f"{median(median(pair.bare[1:]) for pair in pairs):.4f}",
        str(len(pairs)),
        f"{median(ratios):.3f}",
        f"{interval.low:.3f} to {interval.high:.3f}",
        "1.05" if backend.startswith("keras") else "1.03",
    ]


if __name__ == "__main__":
    main()
