"""The options that commands share, and what they take."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench import scrub
from bench.report import TITLE
from bench.workload import VARIANTS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
REPORTS = Path(__file__).parent.parent / "reports"


class Stop(click.ClickException):
    """What was asked for cannot be done."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message without control characters, which may come from a file."""
        click.echo(f"error: {scrub.printable(self.message)}", err=True)


class Names(click.ParamType[Any]):
    """A name, or several separated by commas."""

    name = "name[,name…]"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """Split at commas."""
        return [name.strip() for name in value.split(",") if name.strip()]


class Percent(click.ParamType[Any]):
    """A share, as 5%, 5 % or 0.05; a bare 5 might mean either and is refused."""

    name = "percent"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the share as a fraction."""
        text = str(value).strip()
        whole, most = (100, 10) if text.endswith("%") else (1, 1)
        try:
            share = float(text.rstrip("% ")) / whole
        except ValueError:
            share = -1.0
        if not 0 < share < most:
            self.fail(f"{value!r} is no share; expected something like 5% or 0.05", param, ctx)
        return share


class Duration(click.FloatRange):
    """A number above 0, which rules out what is not a number."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number; expected one above 0", param, ctx)
        return number


def _flat(ctx: Any, param: Any, value: tuple[list[str], ...]) -> list[str]:
    return [name for names in value for name in names]


def _python(ctx: Any, param: Any, value: tuple[str, ...]) -> dict[str, str]:
    pythons = {}
    for text in value:
        name, separator, path = text.partition("=")
        file = Path(path).expanduser()
        if not name or not separator or not file.is_file() or not os.access(file, os.X_OK):
            raise Stop(
                f"--python {text!r} names no interpreter; expected BACKEND=PATH: give the path of "
                "a python that has the backend's framework"
            )
        pythons[name] = str(file.absolute())
    return pythons


def _reports(ctx: Any, param: Any, value: Path) -> Path:
    """Return the folder; raise Stop if we would overwrite a README.md that we did not write."""
    try:
        with (value / "README.md").open("rb") as file:
            is_ours = file.readline().strip() in (b"", TITLE.encode())
    except OSError:
        return value  # there is none, or writing it will say what is wrong
    if not is_ours:
        raise Stop(
            f"{value / 'README.md'} is not a page of results and would be overwritten; expected a "
            "folder for reports alone: name another one with --reports"
        )
    return value


def names(*flags: str, default: str, **rest: Any) -> Decorator:
    """Return an option that takes names: several at once, or one after the other."""
    return click.option(
        *flags, type=Names(), multiple=True, default=[default], callback=_flat, **rest
    )


def count(flag: str, text: str, most: int | None = None) -> Decorator:
    """Return an option that takes a whole number from 1 to `most`."""
    return click.option(flag, type=click.IntRange(1, most), help=text)


backend_option = names("--backend", default="all", help="Backends, or all. [default: all]")
device_option = names(
    "--device", default="all",
    help="Devices: cpu, cuda (every one), cuda:1, mps … or all. [default: all]",
)  # fmt: skip
variant_option = names(
    "--variant", default="relu", help=f"Of {', '.join(VARIANTS)}, or all. [default: relu]"
)
threads_option = count("--threads", "CPU threads. [default: the physical cores]")
timeout_option = click.option(
    "--timeout", type=Duration(), default=1800.0, show_default=True,
    help="Seconds after which a trial is ended and counts as failed.",
)  # fmt: skip
python_option = click.option(
    "--python", "pythons", multiple=True, callback=_python, metavar="BACKEND=PATH",
    help="Run a backend's children with another interpreter.",
)  # fmt: skip
reports_option = click.option(
    "--reports", type=click.Path(path_type=Path, file_okay=False),
    default=REPORTS, callback=_reports,
    help="Folder of tables and run files. [default: the project's reports/]",
)  # fmt: skip
