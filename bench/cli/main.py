"""The commands. The only place that prints or exits.

Exit status: 0 done; 1 something failed (a trial, a verification, a limit); 2 what was asked for
cannot be done; 130 interrupted.
"""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from bench import ROOT, __version__
from bench.cli import options, outside
from bench.cli.words import WORDS
from bench.results.records import MOST_CASES, MOST_ROUNDS
from bench.workload import Axis, mnist

MOST_EPOCHS = 1_000  # a typing error beyond: nobody could wait for it
TEST = mnist.TEST_IMAGES.shape[0]  # as many as there are


@click.group(epilog=WORDS)
@click.version_option(__version__, prog_name="bench")
def main() -> None:
    """Compare deep-learning backends on one exactly specified piece of work."""
    if not str(ROOT).isprintable():  # messages between processes, and pages, are Unicode
        folder = os.fsencode(ROOT).decode(errors="replace")
        raise options.Stop(
            f"the program is in {folder}, a name that is not Unicode text; expected one that is: "
            "rename the folder, or move the program"
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # no run shall end for want of a × on a terminal


@main.command(epilog=WORDS)
@options.backend_option
@options.device_option
@options.variant_option("relu")
@options.count("--rounds", "Trials of every case. [default: 4, of a sweep 3]", MOST_ROUNDS)
@options.count("--epochs", "Epochs. [default: 10 on the CPU, 20 on accelerators]", MOST_EPOCHS)
@options.count("--test-samples", "Test images. [default: 5,000 on the CPU, else 10,000]", TEST)
@options.axes_options(with_threads=True)
@options.timeout_option
@options.python_option
@click.option(
    "--until", type=options.Percent(), metavar="PERCENT",
    help="Add rounds until every ratio to the fastest row is that precise, e.g. 3%.",
)  # fmt: skip
@click.option(
    "--max-minutes", type=options.Duration(), default=60.0, show_default=True,
    help="With --until, start no new round after this many minutes.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Start even if the run will take more than an hour.")
@click.option("--quick", is_flag=True, help="A first look: 1 round, 3 epochs.")
@options.names("--keep-env", default=None, help="Variables of this shell to pass on to trials.")
@options.count(
    "--together", "Cases that take turns at once. [default: all on the CPU, else 1]", MOST_CASES
)
@click.option(
    "--resume", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Finish an interrupted run.",
)  # fmt: skip
@options.label_option
@click.option("--fleet", hidden=True, metavar="NAME", help="The fleet that this is measured for.")
@options.reports_option
def run(
    backend: list[str], device: list[str], variant: list[str], axes: list[Axis], quick: bool,
    rounds: int | None, file: Path | None, epochs: int | None, test_samples: int | None,
    keep_env: list[str], **settings: Any,
) -> None:  # fmt: skip
    """Train with every backend on every device and write the tables.

    Options of the workload take several values, separated by commas: the run then sweeps over
    them, starting from the variant.
    """
    if file is not None:
        _refuse_beside_resume()
    from bench.cli import run as command
    from bench.run.plan import Request

    changes = {"epochs": epochs or (3 if quick else None), "test_samples": test_samples}
    usual, extra = command.usual(quick=quick, sweep=any(len(axis.values) > 1 for axis in axes))
    given = command.Settings(rounds=rounds or usual, extra_epochs=extra, keep=keep_env, **settings)
    if file is not None:
        _finish(lambda: command.finish(file, given))
    _finish(lambda: command.run(Request(backend, device, variant, changes, axes), given))


def _refuse_beside_resume() -> None:
    """Raise Stop if an option contradicts what a resumed run has decided already."""
    from bench.run.resume import OPTIONS

    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        is_given = source is click.core.ParameterSource.COMMANDLINE
        if is_given and parameter.opts[0] not in (*OPTIONS, "--resume"):
            raise options.Stop(
                f"{parameter.opts[0]} cannot go with --resume: a resumed run keeps its own; "
                f"expected {', '.join(OPTIONS)} at most: leave it out, or start a new run"
            )


@main.command(epilog=WORDS)
@options.backend_option
@options.device_option
@options.variant_option("all")
@options.axes_options(with_threads=False)
@options.threads_option
@options.timeout_option
@options.python_option
def verify(
    backend: list[str], device: list[str], variant: list[str], axes: list[Axis], **settings: Any
) -> None:
    """Verify that backends compute the specified network."""
    from bench.cli.verify import verify as command
    from bench.run.plan import Request

    _finish(lambda: command(Request(backend, device, variant, axes=axes), **settings))


@main.command()
@click.option("--noise", is_flag=True, help="Measure a backend against itself.")
@click.option("--backend", default="numpy", show_default=True, help="Which backend, with --noise.")
@click.option(
    "--rounds", type=click.IntRange(2), default=5, show_default=True, help="Rounds, with --noise."
)
@options.threads_option
def doctor(**given: Any) -> None:
    """Show facts about the machine and what could distort its numbers."""
    from bench.cli.doctor import doctor as command

    _finish(lambda: command(**given))


@main.command()
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option(
    "--fail-above", type=options.Percent(), metavar="PERCENT",
    help="Exit 1 if an epoch is significantly slower by more than this, as 5%.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(**given: Any) -> None:
    """Compare two run files, or two backends of one.

    BASE and NEW are run files, or FILE#BACKEND for one backend of a file.
    """
    from bench.cli.compare import compare_files as command

    _finish(lambda: command(**given))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Validate submitted run files: complete, verified, plausible?"""
    from bench.cli.check import check as command

    _finish(lambda: command(files=files))


@main.command("list")
@click.option("--devices", is_flag=True, help="Ask each backend, in a child, where it can compute.")
@options.python_option
def list_backends(**given: Any) -> None:
    """Show every backend: ready, or how to install it, or what is wrong with it."""
    from bench.cli.list import list_backends as command

    _finish(lambda: command(**given))


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--scheduler", metavar="ADDRESS|FILE", help="Of Dask; without it: this machine.")
@options.names("--ssh", default=None, help="Hosts on which to start workers over ssh.")
@click.option("--resume", metavar="NAME", help="Go on with a fleet that was begun.")
@options.labels_option
@options.reports_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[RUN OPTIONS]")
def fleet(arguments: tuple[str, ...], **settings: Any) -> None:
    """Do the same run on every machine that a Dask scheduler reaches."""
    from bench.cli import fleet as command

    def measure() -> int:
        command.check_arguments(run, arguments)
        return command.fleet(arguments, command.Settings(**settings))

    _finish(measure)


@main.command()
@options.reports_option
@click.option("--page", is_flag=True, help="Write index.html, too: all results on one page.")
@click.option("--verbose", is_flag=True, help="Name every file that was written.")
def report(**given: Any) -> None:
    """Regenerate tables and charts from the run files alone."""
    from bench.cli.report import report as command

    _finish(lambda: command(**given))


def _finish(command: Callable[[], int]) -> NoReturn:
    """Run a command; turn what it raises on purpose into a message and an exit status."""
    from bench.results.store import BrokenRunFile, CannotSave
    from bench.run.backends import NoFolder
    from bench.run.choices import Refused
    from bench.run.lock import Busy, CannotLock

    outside.end_in_order()
    try:
        sys.exit(command())
    except (
        mnist.BrokenData, BrokenRunFile, Busy, CannotLock, CannotSave, NoFolder, Refused
    ) as error:  # fmt: skip
        raise options.Stop(str(error)) from error
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)


def start() -> None:
    """Run the command line; say so if there is no room for what it prints."""
    outside.outlive_terminal()
    try:
        sys.exit(main(prog_name="python -m bench", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:  # Ctrl-C before the command itself has begun
        click.echo("interrupted", err=True)
        sys.exit(130)
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
