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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from tabulate import tabulate

from bench.cli.options import Names, Stop
from bench.run.backends import discover
from bench.run.choices import Refused, choose_backends
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import threads_for
from bench.run.schedule import Awake
from tests.benchmarks.paired import compared, in_words

ALONE = "{}_alone"
SETTLES = 0.5  # seconds after which a worker that was suspended has made up for its ticks
# As docs/fleet.md has it.
WORKER = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--resources", "machine=1")
QUIET = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
         "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}  # fmt: skip


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", "asked", type=Names(), default="numpy,torch", show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=3, show_default=True)
@click.option("--turns", type=click.IntRange(3), default=30, show_default=True)
def main(asked: list[str], rounds: int, turns: int) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which ends the children as well
    try:
        backends = discover()
        names, _ = choose_backends(asked, backends)
        backends |= {ALONE.format(name): backends[name]._replace(name=ALONE.format(name))
                     for name in names}  # fmt: skip
        session = Session(backends, threads_for(None), 600.0)
        with only_run(), _worker() as process:
            rows = [_row(session, process, name, rounds, turns) for name in names]
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


def _row(session: Session, worker: int, backend: str, rounds: int, turns: int) -> list[str]:
    def before(awake: Awake) -> None:
        os.kill(worker, signal.SIGCONT if awake.who == backend else signal.SIGSTOP)
        time.sleep(SETTLES)

    *_, ratio = compared(session, (backend, ALONE.format(backend)), rounds, turns, before)
    return [backend, *in_words(ratio)]


if __name__ == "__main__":
    main()
