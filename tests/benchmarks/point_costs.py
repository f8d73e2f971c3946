"""Does a process that has trained one workload train the next as fast as a fresh one?

    python -m tests.benchmarks.point_costs [--rounds 2] [--turns 15]

from the root of the repository prints a table, in under ten minutes for all backends. Of each
backend two processes take turns on `relu`: one has just been started, the other has trained with
batches of 512 before, as within a sweep. The goal is a ratio of 0.98 to 1.02.
"""

from collections.abc import Iterator, Sequence

import click
import msgspec
from tabulate import tabulate

from bench.cli.options import Stop
from bench.results import statistics
from bench.results.records import Case, Failed, Trained, Trial
from bench.results.statistics import Timings
from bench.run.backends import discover
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.groups import Group
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import Request, plan, threads_for
from bench.workload import CPU, workload_for

TIMEOUT = 600.0


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", default="all", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
@click.option("--turns", type=click.IntRange(3), default=15, show_default=True)
def main(backend: str, rounds: int, turns: int) -> None:
    """Measure and print."""
    session = Session(discover(), threads_for(None), TIMEOUT)
    try:
        with only_run():
            cases = plan(session, Request(backend.split(","), ["cpu"], ["relu"])).cases
            rows = [_row(session, case.backend, rounds, turns) for case in cases]
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    headers = ["backend", "second / first of its process", "95 % interval", "turns"]
    click.echo(tabulate(rows, headers, disable_numparse=True))


def _row(session: Session, backend: str, rounds: int, turns: int) -> list[str]:
    fresh: dict[int, Sequence[float]] = {}
    second: dict[int, Sequence[float]] = {}
    for number in range(rounds):
        fresh[number], second[number] = _pair(session, backend, number, turns)
    ratio = statistics.ratio(Timings(second, backend), Timings(fresh, backend))
    assert ratio is not None, "both are of the same rounds"
    interval = f"{ratio.low:.3f} to {ratio.high:.3f}"
    return [backend, f"{ratio.centre:.3f}", interval, str(ratio.values)]


def _pair(session: Session, backend: str, number: int, turns: int) -> list[Sequence[float]]:
    """Return the epochs of the fresh process and of the one that has trained before."""
    work = workload_for("relu", CPU, epochs=1, test_samples=1)
    before = msgspec.structs.replace(work, batch_size=512)
    first, case = (Case(backend, CPU, one.fingerprint) for one in (before, work))
    groups = [
        Group(before, (first,), number, 0, extra_epochs=turns - 1),
        Group(work, (case, case), number, 1, extra_epochs=turns - 1),
    ]
    warm_up, *both = _trained(session, groups)
    # One process has one time of its start.
    both.sort(key=lambda trained: trained.start_seconds == warm_up.start_seconds)
    return [one.timed_seconds for one in both]


def _trained(session: Session, groups: Sequence[Group]) -> Iterator[Trained]:
    for event in session.take_turns(groups):
        if isinstance(event, Trial):
            if isinstance(event.result, Failed):
                raise Refused(f"{event.case.backend} failed: {event.result}")
            yield event.result


if __name__ == "__main__":
    main()
