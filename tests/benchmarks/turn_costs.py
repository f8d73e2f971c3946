"""Does taking turns cost anything? The first epoch after coming awake over the one after it.

    python -m tests.benchmarks.turn_costs [--turns 12] [--device cuda:0]

from the root of the repository prints a table, in under ten minutes for all backends. All of them
are alive and suspended but one, which does two epochs in a turn: the first as in a run, the second
as if it were alone. The goal is a ratio of 0.98 to 1.02.
"""

import random
import signal
from collections.abc import Sequence
from contextlib import ExitStack

import click
from tabulate import tabulate

from bench.cli.options import Stop
from bench.results import statistics
from bench.results.jobs import Job, Message, Waiting
from bench.results.records import MOST_CASES, Case
from bench.results.statistics import Timings
from bench.run.backends import discover
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import Request, plan, threads_for
from bench.run.process import Child
from bench.workload import workload_for

TIMEOUT = 600.0


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", default="all", show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--turns", type=click.IntRange(3), default=12, show_default=True)
def main(backend: str, device: str, turns: int) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session = Session(discover(), threads_for(None), TIMEOUT, together=MOST_CASES)
    try:
        with only_run():
            cases = plan(session, Request(backend.split(","), [device], ["relu"])).cases
            seconds = _seconds(session, cases, turns)
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    rows = []
    for name, found in seconds.items():
        first, second = (Timings({0: found[start::2]}, name) for start in (2, 3))
        ratio = statistics.ratio(first, second)
        assert ratio is not None, "both are of one round"
        rows.append(
            [name, f"{ratio.centre:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}", turns - 1]
        )
    headers = ["backend", "first / second", "95 % interval", "turns"]
    click.echo(tabulate(rows, headers, disable_numparse=True))


def _seconds(session: Session, cases: Sequence[Case], turns: int) -> dict[str, tuple[float, ...]]:
    """Return the seconds of all epochs of each backend, which all compute on one device."""
    with ExitStack() as alive:
        children: dict[str, Child] = {}
        for case in cases:
            backend, name = session.backends[case.backend], case.backend
            workload = workload_for("relu", case.device, epochs=1, test_samples=1)
            job = Job(
                "train", name, str(backend.path), backend.hides, case.device.in_child, (workload,),
                extra_epochs=2 * turns - 1,
            )  # fmt: skip
            children[name] = alive.enter_context(session.child(job, case.device, name))
            _wait(children[name], name)
            children[name].suspend()
        for _ in range(turns - 1):
            for name in random.sample([*children], len(children)):
                children[name].resume()
                for _ in range(2):
                    children[name].go()
                    _wait(children[name], name)
                children[name].suspend()
        found = {}
        for name, child in children.items():
            child.resume()
            child.go()
            _wait(child, name)
            result: Message = Waiting()
            while isinstance(result, Waiting):  # the last epoch, then inference
                child.go()
                result = child.receive(TIMEOUT)
            epochs = [epoch.seconds for epoch in result.epochs]  # type: ignore[union-attr]
            found[name] = (*epochs, *result.extra_seconds)  # type: ignore[union-attr]
        return found


def _wait(child: Child, name: str) -> None:
    message = child.receive(TIMEOUT)
    if not isinstance(message, Waiting):
        raise Refused(f"{name} failed: {message}")


if __name__ == "__main__":
    main()
