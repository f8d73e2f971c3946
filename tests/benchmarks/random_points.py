"""Do correct backends verify whatever the workload? At points drawn at random, on the CPU.

    python -m tests.benchmarks.random_points [--points 40] [--seed 0] [--backend NAME[,NAME…]]

from the root of the repository prints a line for each failure and the total, in under an hour. A
learning rate that lets NumPy diverge, too, is no failure.
"""

import random
import signal
import time

import click

from bench.cli.options import Stop
from bench.results.records import Case, Failed, Verification
from bench.run.backends import discover
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import Request, plan, threads_for
from bench.workload import CPU, Workload
from tests.drawn import draw_workload

TIMEOUT = 900.0  # seconds, for all that a point needs
DIVERGES = "NumPy's training diverges"


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--points", type=click.IntRange(1), default=40, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--backend", default="all", show_default=True)
def main(points: int, seed: int, backend: str) -> None:
    """Verify and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rng, begun = random.Random(seed), time.monotonic()
    workloads = {one.fingerprint: one for one in (draw_workload(rng) for _ in range(points))}
    session = Session(discover(), threads_for(None), TIMEOUT)
    try:
        with only_run():
            planned = plan(session, Request(backend.split(","), ["cpu"], ["relu"])).cases
            cases = [Case(one.backend, CPU, name) for one in planned for name in workloads]
            found = [event for event in session.verify(workloads, cases)
                     if isinstance(event, Verification)]  # fmt: skip
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    failures = [one for one in found if _failure(one) and DIVERGES not in _failure(one)]
    for one in failures:
        click.echo(f"{one.case.backend}: {_in_words(workloads[one.case.workload])}\n"
                   f"    {_failure(one)}")  # fmt: skip
    diverging = {one.case.workload for one in found if DIVERGES in _failure(one)}
    click.echo(
        f"{len(found)} verifications of {len(workloads)} points, {len(failures)} failed; "
        f"{len(diverging)} points diverge; {time.monotonic() - begun:.0f} s"
    )


def _failure(one: Verification) -> str:
    """Return what speaks against a backend; "" if nothing does."""
    if isinstance(one.result, Failed):
        return str(one.result)
    return "; ".join(map(str, one.result.flags))


def _in_words(workload: Workload) -> str:
    return f"{workload.variant}, {workload.train_samples} images"


if __name__ == "__main__":
    main()
