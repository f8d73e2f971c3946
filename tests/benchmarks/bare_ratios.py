"""Does an adapter handicap its framework? Epochs of every backend over those of its bare loop.

    python -m tests.benchmarks.bare_ratios [--backend NAME] [--rounds 2] [--turns 24]

from the root of the repository prints a table, in under ten minutes for all backends. A backend and
the loop that a practitioner would write for it (bare.py) each have a process of their own, with the
environment of the harness, and take turns, epoch by epoch, as contenders of a run do. Above 1 the
harness or the backend's file costs something; the goal is 0.98 to 1.02, and at most 1.05 for Keras,
whose bare loop is its own `fit` on arrays. Run it for a new backend and on a new kind of machine.
"""

import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from tabulate import tabulate

from bench.cli.options import Names, Stop
from bench.results import statistics
from bench.run.backends import Backend, discover
from bench.run.choices import Refused, choose_backends
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import threads_for
from tests.benchmarks import bare
from tests.benchmarks.paired import compared, in_words

HEADERS = ["backend", "harness s", "bare s", "ratio", "95 % interval", "turns", "goal"]
LOOP = """from tests.benchmarks.bare import bare_{name} as loop
from tests.benchmarks.bare_backend import devices, model_of, versions
Model = model_of(loop)
"""


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option(
    "--backend", "asked", type=Names(), multiple=True, default=["all"],
    help="Backends, or all that have a loop in bare.py. [default: all]",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
@click.option("--turns", type=click.IntRange(3), default=24, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="[default: the fast cores]")
def main(asked: list[list[str]], rounds: int, turns: int, threads: int | None) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the children as well
    try:
        chosen = _chosen([name for names in asked for name in names])
        with only_run(), tempfile.TemporaryDirectory() as folder:
            session = Session(_with_loops(chosen, Path(folder)), threads_for(threads), 600.0)
            rows = [_row(session, backend.name, rounds, turns) for backend in chosen]
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    click.echo(tabulate(rows, HEADERS, disable_numparse=True))


def _chosen(asked: list[str]) -> list[Backend]:
    """Return the backends asked for that can run here and have a bare loop."""
    backends = {name: one for name, one in discover().items() if hasattr(bare, f"bare_{name}")}
    names, left_out = choose_backends(asked, backends)
    for name, reason in left_out.items():
        click.echo(f"skipped {name}: {reason}")
    return [backends[name] for name in names]


def _with_loops(chosen: Sequence[Backend], folder: Path) -> dict[str, Backend]:
    """Return the backends and, as backends of their own, their bare loops."""
    found = {backend.name: backend for backend in chosen}
    for backend in chosen:
        path = folder / f"bare_{backend.name}.py"
        path.write_text(LOOP.format(name=backend.name))
        found[path.stem] = backend._replace(name=path.stem, path=path)
    return found


def _row(session: Session, backend: str, rounds: int, turns: int) -> list[str]:
    """Let a backend and its bare loop take turns and return a row of the table."""
    click.echo(f"{backend}: {rounds} rounds of {turns} turns …", err=True)
    mine, loop, ratio = compared(session, (backend, f"bare_{backend}"), rounds, turns)
    return [
        backend,
        *(f"{statistics.centre(list(one.seconds.values())).centre:.4f}" for one in (mine, loop)),
        *in_words(ratio),
        "≤ 1.05" if backend.startswith("keras") else "0.98 to 1.02",
    ]


if __name__ == "__main__":
    main()
