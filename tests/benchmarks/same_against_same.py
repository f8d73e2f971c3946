"""How often is a backend called different from itself?

    python -m tests.benchmarks.same_against_same [--backend numpy,torch] [--times 20]

from the root of the repository. Two copies of a backend take turns, as with `doctor --noise`, so
many times for each. Prints every ratio and how many were called different, in about ten minutes;
one in twenty is to be expected.
"""

import signal

import click

from bench.cli.doctor import twins
from bench.cli.options import Stop
from bench.results import statistics
from bench.run.backends import discover
from bench.run.choices import Refused, choose_backends
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import threads_for

TIMEOUT = 600.0


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", default="numpy,torch", show_default=True)
@click.option("--times", type=click.IntRange(1), default=20, show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=2, show_default=True)
def main(backend: str, times: int, rounds: int) -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session = Session(discover(), threads_for(None), TIMEOUT)
    different = 0
    try:
        names, _ = choose_backends(backend.split(","), session.backends)
        with only_run():
            for name in names * times:
                first, second = twins(session, name, rounds)
                ratio = statistics.ratio(second, first)
                assert ratio is not None, "they have all rounds in common"
                verdict = statistics.verdict(ratio)
                different += verdict != "~"
                click.echo(f"{name}: {ratio.centre:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
                           f" {verdict}")  # fmt: skip
    except (Busy, CannotLock, Refused) as error:
        raise Stop(str(error)) from error
    click.echo(f"{len(names) * times} comparisons of a backend with itself: {different} different")


if __name__ == "__main__":
    main()
