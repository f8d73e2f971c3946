"""Does an adapter handicap its framework at inference? Its calls over those of a bare loop.

    python -m tests.benchmarks.bare_inference [--backend NAME] [--turns 20]

from the root of the repository prints a table, in a few minutes for all backends. In one process
with the environment of the harness, the calls of a trial (bench.trial.inference) and a loop around
what a practitioner would serve with (bare_serving.py) take turns. Above 1 the harness or the
backend's file costs something; the goal is 0.97 to 1.05, or 10 µs at one image. A line for each
backend says by how much inference makes a trial longer; the goal is at most 1.5 s.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import click
import msgspec
from tabulate import tabulate

from bench import ROOT, machine
from bench.cli.options import Names, Stop
from bench.results import statistics
from bench.results.statistics import Interval, Timings
from bench.run.backends import Backend, discover
from bench.run.choices import Refused, choose_backends
from bench.run.environment import environment
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import threads_for
from bench.workload import CPU, workload_for
from tests.benchmarks import bare_serving

HEADERS = ["backend", "images", "harness µs", "bare µs", "ratio", "95 % interval", "goal"]
CHILD = """import sys
from tests.benchmarks.bare_inference import measure
measure(*sys.argv[1:])
"""
TIMEOUT = 600.0
SIZES = (1, 128, workload_for("relu", CPU).test_samples)
LEAST, MOST, CLOSE_SECONDS = 0.97, 1.05, 10e-6


class Turns(NamedTuple):
    """The seconds of a call with so many images, the median of each turn."""

    images: int
    harness: list[float]
    bare: list[float]


class Measured(NamedTuple):
    """What a child found out."""

    trial_seconds: float  # by which inference makes a trial longer
    turns: list[Turns]


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option(
    "--backend", "asked", type=Names(), multiple=True, default=["all"],
    help="Backends, or all that have a function in bare_serving.py. [default: all]",
)  # fmt: skip
@click.option("--turns", type=click.IntRange(3), default=20, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="[default: the fast cores]")
def main(asked: list[list[str]], turns: int, threads: int | None) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the children as well
    rows: list[list[str]] = []
    try:
        chosen = _chosen([name for names in asked for name in names])
        with only_run():
            for backend in chosen:
                click.echo(f"{backend.name}: {turns} turns …", err=True)
                try:
                    found = _in_child(backend, turns, threads)
                    click.echo(f"{backend.name}: a trial is {found.trial_seconds:.2f} s longer")
                    rows += (_row(backend.name, one) for one in found.turns)
                except Refused as error:
                    click.echo(str(error))  # which costs its own rows only
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    click.echo(tabulate(rows, HEADERS, disable_numparse=True))


def _chosen(asked: list[str]) -> list[Backend]:
    """Return the backends asked for that can run here and have something to compare with."""
    backends = {name: one for name, one in discover().items()
                if hasattr(bare_serving, f"serve_{name}")}  # fmt: skip
    names, left_out = choose_backends(asked, backends)
    for name, reason in left_out.items():
        click.echo(f"skipped {name}: {reason}")
    return [backends[name] for name in names]


def _in_child(backend: Backend, turns: int, threads: int | None) -> Measured:
    """Let a process with the environment of the harness measure a backend."""
    threads = threads_for(threads)
    with tempfile.TemporaryDirectory() as folder, machine.pinned(machine.usable_cores(threads)):
        result = Path(folder) / "result"
        done = subprocess.run(
            [sys.executable, "-c", CHILD, backend.name, str(turns), str(result)],
            env=environment(backend.environment, CPU, threads) | {"TMPDIR": folder},
            cwd=ROOT, timeout=TIMEOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refused(f"{backend.name} failed: {done.stderr[-1_000:]}")
        return msgspec.json.decode(result.read_bytes(), type=Measured)


def measure(name: str, turns: str, result: str) -> None:
    """Let the harness's calls and those of a bare loop take turns; write what they took."""
    from bench.trial.inference import infer  # in the child only
    from bench.trial.worker import load_backend
    from bench.workload.inputs import read_raw, scale, start_parameters

    work, backend = workload_for("relu", CPU), discover()[name]
    module = load_backend(name, backend.path, backend.hides)
    train, test = scale(read_raw(work), work)
    model = module.Model(work, start_parameters(work), train, "cpu")
    serve = getattr(bare_serving, f"serve_{name}")(start_parameters(work))
    model.predict(test.images)  # as evaluation did
    begun = perf_counter()
    infer(model, work, test.images, lambda: None)
    trial_seconds = perf_counter() - begun
    found = [_measured(model, serve, test.images, size, int(turns)) for size in SIZES]
    Path(result).write_bytes(msgspec.json.encode(Measured(trial_seconds, found)))


def _measured(model, serve, images, size: int, turns: int) -> Turns:  # type: ignore[no-untyped-def]
    from bench.trial.inference import Calls

    found = Turns(size, [], [])
    assert (model.predict(images[:size]) == serve(images[:size])).mean() > 0.99
    calls = 1
    for turn in range(turns):
        for who in ("bare", "harness") if turn % 2 else ("harness", "bare"):
            if who == "bare":
                found.bare.append(median(_bare_loop(serve, images, size, calls)))
                continue
            one = Calls(model, images, size)
            one.take_turn()
            calls = len(one.turns[0])
            found.harness.append(median(one.turns[0]))
    return found


def _bare_loop(serve, images, size: int, calls: int) -> Iterator[float]:  # type: ignore[no-untyped-def]
    for number in range(-3, calls):  # the first three are not counted
        start = number % max(1, len(images) // size) * size
        batch = images[start : start + size].copy()
        started = perf_counter()
        serve(batch)
        seconds = perf_counter() - started
        if number >= 0:
            yield seconds


def _row(backend: str, turns: Turns) -> list[str]:
    mine, bare = (Timings({0: one}, backend) for one in (turns.harness, turns.bare))
    ratio = statistics.ratio(mine, bare)
    assert ratio is not None, "they took the same turns"
    harness, loop = median(turns.harness), median(turns.bare)
    return [
        backend,
        f"{turns.images:,}",
        f"{1e6 * harness:,.1f}",
        f"{1e6 * loop:,.1f}",
        f"{ratio.centre:.3f}",
        f"{ratio.low:.3f} to {ratio.high:.3f}",
        "met" if _is_met(turns, ratio) else "missed",
    ]


def _is_met(turns: Turns, ratio: Interval) -> bool:
    off = median(turns.harness) - median(turns.bare)
    close: Sequence[bool] = (LEAST <= ratio.centre <= MOST,
                             turns.images == 1 and abs(off) <= CLOSE_SECONDS)  # fmt: skip
    return any(close)


if __name__ == "__main__":
    main()
