"""Is an honest backend ever flagged because the machine is busy?

    python -m tests.benchmarks.false_flags [--minutes 10] [--backend all]

from the root of the repository. Does small runs, every second one beside as many busy loops as
there are cores, and prints how many verifications and trials of each kind ended, and every flag.
"""

import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

import click
import psutil

from bench import ROOT
from bench.results.records import Run
from bench.results.store import read_run
from bench.results.validity import flags

# Ten epochs are enough for the strict limits (bench.results.validity); two rounds are compared.
OPTIONS = ("--train-samples", "1000", "--epochs", "10", "--test-samples", "1000", "--rounds", "2",
           "--device", "cpu", "--yes")  # fmt: skip


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--minutes", type=click.FloatRange(0.0), default=10.0, show_default=True)
@click.option("--backend", default="all", show_default=True)
def main(minutes: float, backend: str) -> None:
    """Run and count, until that much time is over or nearly."""
    done: Counter[str] = Counter()
    start, longest = time.monotonic(), 0.0
    for moment in cycle(["beside busy loops", "without load of ours"]):
        began = time.monotonic()
        with _busy(psutil.cpu_count() or 1 if "busy" in moment else 0):
            run = _measured(backend)
        for case, found in flags(run).items():
            done["flagged"] += 1
            click.echo(f"flagged {moment}: {case.backend}: {'; '.join(map(str, found))}")
        done[f"verifications {moment}"] += len(run.verifications)
        done[f"trials {moment}"] += len(run.trials)
        longest = max(longest, time.monotonic() - began)
        if time.monotonic() - start + longest > 60 * minutes:
            break
    click.echo(", ".join(f"{count} {what}" for what, count in sorted(done.items())))
    sys.exit(1 if done["flagged"] else 0)


def _measured(backend: str) -> Run:
    """Return what a small run brought."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", *OPTIONS]
        subprocess.run([*command, "--backend", backend, "--reports", folder], cwd=ROOT,
                       stdout=subprocess.DEVNULL, check=False)  # fmt: skip
        files = list((Path(folder) / "runs").glob("*.json"))
        if not files:
            sys.exit("the run left no file; expected one: see above for the reason")
        return read_run(files[0])


@contextmanager
def _busy(cores: int) -> Iterator[None]:
    """Keep so many cores busy meanwhile."""
    loops = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(cores)]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    main()
