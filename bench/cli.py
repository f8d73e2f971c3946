"""The commands. The only place that prints or exits.

Exit status: 0 done; 1 something failed (a trial, a proof, a limit); 2 what was asked for cannot
be done; 130 interrupted.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from bench import __version__
from bench.workload import VARIANTS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
REPORTS = Path(__file__).parent.parent / "reports"

WORDS = """
\b
backend   one way to train the network: a file in backends/ (numpy, torch …)
device    where it computes: cpu, cuda:0, mps …
variant   a named workload: sigmoid, relu, relu-dropout, keras-example
workload  everything that defines the work; only equal ones are compared
trial     one fresh process that builds the model and trains it
round     one trial of every backend × device × variant, in shuffled order
run       one `python -m bench run`; one JSON file in reports/runs/
proof     a check, before anything is timed, that a backend computes the
          specified network
"""


class Stop(click.ClickException):
    """What was asked for cannot be done."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message as it is: it says what to do."""
        click.echo(f"error: {self.message}", err=True)


class Names(click.ParamType[Any]):
    """A name, or several separated by commas."""

    name = "name[,name…]"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """Split at commas."""
        return [name.strip() for name in value.split(",") if name.strip()]


class Percent(click.ParamType[Any]):
    """A share, as 5%, 5 % or 0.05."""

    name = "percent"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the share as a fraction."""
        text = str(value).strip()
        try:
            share = float(text.rstrip("% ")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 < share < 10:
            self.fail(f"{value!r} is no share; expected something like 5% or 0.05", param, ctx)
        return share


def _flat(ctx: Any, param: Any, value: tuple[list[str], ...]) -> list[str]:
    return [name for names in value for name in names]


def _python(ctx: Any, param: Any, value: tuple[str, ...]) -> dict[str, str]:
    pythons = {}
    for text in value:
        name, separator, path = text.partition("=")
        if not separator or not Path(path).expanduser().is_file():
            raise Stop(
                f"--python {text!r} names no interpreter; expected BACKEND=PATH with the path of "
                "a python that has the backend's framework"
            )
        pythons[name] = str(Path(path).expanduser().absolute())
    return pythons


def _names(*flags: str, default: str, **rest: Any) -> Decorator:
    return click.option(
        *flags, type=Names(), multiple=True, default=[default], callback=_flat, **rest
    )


def _count(flag: str, text: str, most: int | None = None) -> Decorator:
    return click.option(flag, type=click.IntRange(1, most), help=text)


backend_option = _names("--backend", default="all", help="Backends, or all. [default: all]")
device_option = _names(
    "--device", default="all",
    help="Devices: cpu, cuda (every one), cuda:1, mps … or all. [default: all]",
)  # fmt: skip
variant_option = _names(
    "--variant", default="relu", help=f"Of {', '.join(VARIANTS)}, or all. [default: relu]"
)
threads_option = _count("--threads", "CPU threads. [default: the physical cores]")
timeout_option = click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=1800.0, show_default=True,
    help="Seconds after which a trial is ended and counts as failed.",
)  # fmt: skip
python_option = click.option(
    "--python", "pythons", multiple=True, callback=_python, metavar="BACKEND=PATH",
    help="Run a backend's children with another interpreter.",
)  # fmt: skip
reports_option = click.option(
    "--reports", type=click.Path(path_type=Path, file_okay=False), default=REPORTS,
    help="Folder of tables and run files. [default: the project's reports/]",
)  # fmt: skip


@click.group(epilog=WORDS)
@click.version_option(__version__, prog_name="bench")
def main() -> None:
    """Compare deep-learning backends on one exactly specified piece of work."""


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end_cleanly_on_sigterm() -> None:
    signal.signal(signal.SIGTERM, _interrupt)


@main.command(epilog=WORDS)
@backend_option
@device_option
@variant_option
@_count("--rounds", "Trials of every backend × device × variant. [default: 5]")
@_count("--epochs", "Epochs. [default: 10 on the CPU, 20 on accelerators]")
@_count("--train-samples", "Training images. [default: 6,000 on the CPU, else 60,000]", 60_000)
@_count("--test-samples", "Test images. [default: 5,000 on the CPU, else 10,000]", 10_000)
@threads_option
@timeout_option
@python_option
@click.option(
    "--until", type=Percent(), metavar="PERCENT",
    help="Add rounds until every interval is that tight, as 2%, or --max-minutes are over.",
)  # fmt: skip
@click.option(
    "--max-minutes", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True,
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

    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command.run, **asked))


@main.command()
@backend_option
@device_option
@_names("--variant", default="all", help=f"Of {', '.join(VARIANTS)}, or all. [default: all]")
@threads_option
@timeout_option
@python_option
def verify(**given: Any) -> None:
    """Prove that backends compute the specified network; measure nothing."""
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
    """Print the machine's facts and what endangers numbers measured now."""
    from bench.commands.doctor import doctor as command

    _end_cleanly_on_sigterm()
    sys.exit(_guarded(command, **given))


@main.command()
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option("--fail-above", type=Percent(), help="Exit 1 if slower by more, beyond doubt.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compare(base: str, new: str, fail_above: float | None, as_json: bool) -> None:
    """Compare two run files, or two backends of one: FILE#BACKEND FILE#BACKEND."""
    from bench.commands.compare import compare_files as command

    arguments = {"base": base, "new": new, "fail_above": fail_above, "as_json": as_json}
    sys.exit(_guarded(command, **arguments))


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check run files that somebody sent: complete, proved, and possible?"""
    from bench.commands.check import check as command

    sys.exit(_guarded(command, files=files))


@main.command("list")
@click.option("--devices", is_flag=True, help="Ask each backend, in a child, where it can compute.")
@python_option
def list_backends(devices: bool, pythons: dict[str, str]) -> None:
    """Show every backend: ready, not installed and how to install it, broken and why."""
    from bench.commands import listing as command

    sys.exit(_guarded(command.list_backends, devices=devices, pythons=pythons))


@main.command()
@reports_option
def report(reports: Path) -> None:
    """Write the tables from the run files alone."""
    from bench.commands import report as command

    sys.exit(_guarded(command.report, reports=reports))


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
