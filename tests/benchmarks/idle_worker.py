"""Does an idle worker of Dask slow down what is measured beside it? A backend with and without one.

    python -m tests.benchmarks.idle_worker [--backend numpy,torch] [--rounds 3] [--turns 30]

from the root of the repository prints a table, in a few minutes. Each backend takes turns with
itself: one copy trains beside the worker, the other while the worker is suspended. The goal is 1.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from tabulate import tabulate

from bench.cli.options import Stop
from bench.results import statistics
from bench.results.cases import timed
from bench.results.records import Case, Trained, Trial
from bench.results.statistics import Timings
from bench.run.backends import discover
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.groups import Group
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import threads_for
from bench.run.schedule import Awake
from bench.workload import CPU, workload_for

ALONE = "{}_alone"
SETTLES = 0.5  # seconds after which a worker that was suspended has made up for its ticks
# As docs/fleet.md has it.
WORKER = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--resources", "machine=1")
QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
         "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}  # fmt: skip


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", default="numpy,torch", show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=3, show_default=True)
@click.option("--turns", type=click.IntRange(3), default=30, show_default=True)
def main(backend: str, rounds: int, turns: int) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the children as well
    backends = discover()
    named = backend.split(",")
    backends |= {ALONE.format(name): backends[name]._replace(name=ALONE.format(name))
                 for name in named}  # fmt: skip
    session = Session(backends, threads_for(None), 600.0)
    try:
        with only_run(), _worker() as process:
            rows = [_row(session, process, name, rounds, turns) for name in named]
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    headers = ["backend", "beside / alone", "95 % interval", "turns"]
    click.echo(tabulate(rows, headers, disable_numparse=True))


@contextmanager
def _worker() -> Iterator[int]:
    """Start a scheduler and a worker; yield the worker's process."""
    from distributed import Client

    with tempfile.TemporaryDirectory() as folder, ExitStack() as ended:
        address = str(Path(folder) / "scheduler.json")
        for command in (("scheduler", "--no-dashboard", "--port", "0"), ("worker", *WORKER)):
            process = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:],
                 "--scheduler-file", address],
                cwd=folder, env=os.environ | QUIET,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            ended.callback(process.wait)
            ended.callback(process.kill)
        with Client(scheduler_file=address, timeout="30s") as client:
            client.wait_for_workers(1, timeout=30)
        yield process.pid
        process.send_signal(signal.SIGCONT)


def _row(session: Session, worker: int, backend: str, rounds: int, turns: int) -> Sequence[str]:
    workload = workload_for("relu", CPU, epochs=2, test_samples=1)
    cases = tuple(
        Case(name, CPU, workload.fingerprint) for name in (backend, ALONE.format(backend))
    )
    seconds: dict[str, dict[int, Sequence[float]]] = {case.backend: {} for case in cases}
    for number in range(rounds):
        for event in session.take_turns([Group(workload, cases, number, extra_epochs=turns - 1)]):
            if isinstance(event, Awake):
                os.kill(worker, signal.SIGCONT if event.who == backend else signal.SIGSTOP)
                time.sleep(SETTLES)
            elif isinstance(event, Trial):
                if not isinstance(event.result, Trained):
                    raise Refused(f"a trial of {event.case.backend} failed: {event.result}")
                seconds[event.case.backend][number] = timed(event.result)
    beside, alone = (Timings(found, backend) for found in seconds.values())
    ratio = statistics.ratio(beside, alone)
    assert ratio is not None, "they have all rounds in common"
    interval = f"{ratio.low:.3f} to {ratio.high:.3f}"
    return [backend, f"{ratio.centre:.3f}", interval, str(ratio.values)]


if __name__ == "__main__":
    main()
