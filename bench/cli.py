"""The commands. The only place that prints or exits.

Exit status: 0 done; 1 something failed (a trial, a proof, a limit); 2 what was asked for cannot
be done; 130 interrupted.
"""

import errno
import io
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from bench import __version__, idx
from bench.options import (
    Duration,
    Percent,
    Stop,
    backend_option,
    count,
    device_option,
    names,
    python_option,
    reports_option,
    threads_option,
    timeout_option,
    variant_option,
)
from bench.records import MOST_ROUNDS
from bench.workload import VARIANTS

MOST_EPOCHS = 1_000  # a typing error beyond: nobody could wait for it
TRAIN, TEST = idx.TRAIN_IMAGES.shape[0], idx.TEST_IMAGES.shape[0]  # as many as there are
BESIDE_RESUME = ("timeout", "python", "until", "max-minutes")
NOT_IN_A_RUN = ("resume", "timeout", "pythons", "until", "max_minutes")

WORDS = """
\b
backend   one way to train the network: a file in backends/ (numpy, torch …)
device    where it computes: cpu, cuda:0, mps …
variant   a named workload: sigmoid, relu, relu-dropout, keras-example
workload  everything that defines the work; only equal ones are compared
epoch     one pass over the training images, in batches of 128
trial     one fresh process that builds the model and trains it
round     one trial of every backend × device × variant, in shuffled order
run       one `python -m bench run`; one JSON file in reports/runs/
proof     a check, before anything is timed, that a backend computes the
          specified network
floor     the matrix products of one epoch alone: what no backend can avoid
"""


@click.group(epilog=WORDS)
@click.version_option(__version__, prog_name="bench")
def main() -> None:
    """Compare deep-learning backends on one exactly specified piece of work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # no run shall end for want of a × on a terminal


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end_cleanly_on_sigterm() -> None:
    signal.signal(signal.SIGTERM, _interrupt)


@main.command(epilog=WORDS)
@backend_option
@device_option
@variant_option
@count("--rounds", "Trials of every backend × device × variant. [default: 5]", MOST_ROUNDS)
@count("--epochs", "Epochs. [default: 10 on the CPU, 20 on accelerators]", MOST_EPOCHS)
@count("--train-samples", "Training images. [default: 6,000 on the CPU, else 60,000]", TRAIN)
@count("--test-samples", "Test images. [default: 5,000 on the CPU, else 10,000]", TEST)
@threads_option
@timeout_option
@python_option
@click.option(
    "--until", type=Percent(), metavar="PERCENT",
    help="Add rounds until every interval is that tight, as 2%, or --max-minutes are over.",
)  # fmt: skip
@click.option(
    "--max-minutes", type=Duration(), default=60.0, show_default=True,
    help="Begin no further round after that, with --until.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="A first look: relu, 1 round, 3 epochs.")
@click.option(
    "--resume", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Do only what is missing of this run file; all else comes from it.",
)  # fmt: skip
@reports_option
def run(**asked: Any) -> None:
    """Train with every backend on every device and write the tables."""
    from bench.commands import run as command

    if asked["resume"]:
        _refuse_beside_resume(asked)
    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command.run, **asked))


def _refuse_beside_resume(asked: dict[str, Any]) -> None:
    """Raise Stop if an option says otherwise what a resumed run has decided already."""
    for parameter in click.get_current_context().command.params:
        given = parameter.name and asked[parameter.name]
        if parameter.name not in NOT_IN_A_RUN and given and given != parameter.default:
            raise Stop(
                f"{parameter.opts[0]} cannot go with --resume: a resumed run keeps its own; "
                f"expected {', '.join(f'--{name}' for name in BESIDE_RESUME)} at most: leave it "
                "out, or start a new run"
            )


@main.command(epilog=WORDS)
@backend_option
@device_option
@names("--variant", default="all", help=f"Of {', '.join(VARIANTS)}, or all. [default: all]")
@threads_option
@timeout_option
@python_option
def verify(**given: Any) -> None:
    """Prove that backends compute the specified network."""
    from bench.commands.verify import verify as command

    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command, **given))


@main.command()
@click.option("--noise", is_flag=True, help="Measure a backend against itself: the noise floor.")
@click.option("--backend", default="numpy", show_default=True, help="Which backend, with --noise.")
@click.option(
    "--rounds", type=click.IntRange(2), default=5, show_default=True, help="Rounds, with --noise."
)
@threads_option
def doctor(**given: Any) -> None:
    """Print the machine's facts and what endangers its numbers."""
    from bench.commands.doctor import doctor as command

    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command, **given))


@main.command()
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option("--fail-above", type=Percent(), help="Exit 1 if slower by more, as 5%, beyond doubt.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(base: str, new: str, fail_above: float | None, as_json: bool) -> None:
    """Compare two run files, or two backends of one.

    BASE and NEW are run files, or FILE#BACKEND for one backend of a file.
    """
    from bench.commands.compare import compare_files as command

    arguments = {"base": base, "new": new, "fail_above": fail_above, "as_json": as_json}
    sys.exit(_guarded(command, **arguments))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check run files that somebody sent: proved, possible?"""
    from bench.commands.check import check as command

    sys.exit(_guarded(command, files=files))


@main.command("list")
@click.option("--devices", is_flag=True, help="Ask each backend, in a child, where it can compute.")
@python_option
def list_backends(devices: bool, pythons: dict[str, str]) -> None:
    """Show every backend: ready, or what to do about it."""
    from bench.commands import listing as command

    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command.list_backends, devices=devices, pythons=pythons))


@main.command()
@reports_option
@click.option(
    "--page", "with_page", is_flag=True, help="Write index.html, too: one page to explore."
)
def report(reports: Path, with_page: bool) -> None:
    """Write tables and charts from the run files alone."""
    from bench.commands import report as command

    sys.exit(_guarded(command.report, reports=reports, with_page=with_page))


def _guarded(command: Any, **arguments: Any) -> int:
    """Run a command; turn what it raises on purpose into a message and an exit status."""
    from bench.commands import EXPECTED

    try:
        return int(command(**arguments))
    except EXPECTED as error:
        raise Stop(str(error)) from error
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return 130


def start() -> None:
    """Run the command line; say so if there is no room for what it prints."""
    try:
        main(prog_name="python -m bench")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to print would raise again
        click.echo(
            f"error: what is printed cannot be written: {error.strerror}; expected a terminal, or "
            "a disk with room: make some, or let it print elsewhere",
            err=True,
        )
        sys.exit(2)
