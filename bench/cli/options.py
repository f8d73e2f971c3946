"""The options that commands share, and what they take."""

import math
import os
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from bench import ROOT
from bench.results import redact
from bench.results.quantities import LABEL
from bench.workload import VARIANTS, Axis
from bench.workload.axes import FIELDS, THREADS, THREADS_FIELD, Field, Value

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

TITLE = b"# Results"  # how our README.md begins: another one is somebody's own


class Stop(click.ClickException):
    """What was asked for cannot be done."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the message without control characters, which may come from a file."""
        click.echo(f"error: {redact.printable(self.message)}", err=True)


class Names(click.ParamType[Any]):
    """A name, or several separated by commas."""

    name = "name[,name…]"

    def convert(self, value: Any, param: Any, ctx: Any) -> list[str]:
        """Split at commas."""
        return [name.strip() for name in value.split(",") if name.strip()]


class Percent(click.ParamType[Any]):
    """A fraction, given as 5%, 5 % or 0.05; a bare 5 might mean either and is refused."""

    name = "percent"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the fraction."""
        text = str(value).strip()
        whole, most = (100, 10) if text.endswith("%") else (1, 1)
        try:
            share = float(text.rstrip("% ")) / whole
        except ValueError:
            share = -1.0
        if not 0 < share < most:
            self.fail(
                f"{value!r} is not a percentage; expected something like 5% or 0.05", param, ctx
            )
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


def reports_here(here: Path, checkout: Path = ROOT) -> Path:
    """Return the folder for reports: of the checkout, if started in it, else in this folder."""
    is_checkout = (checkout / "pyproject.toml").exists() and here.is_relative_to(checkout)
    return (checkout if is_checkout else here) / "reports"


def _reports(ctx: Any, param: Any, value: Path | None) -> Path:
    """Return the folder; raise Stop if we would overwrite a README.md that we did not write."""
    value = value or reports_here(Path.cwd().resolve())
    try:
        with (value / "README.md").open("rb") as file:
            is_ours = file.readline().strip() in (b"", TITLE)
    except OSError:
        return value  # there is none, or writing it will say what is wrong
    if not is_ours:
        raise Stop(
            f"{value / 'README.md'} is not a page of results and would be overwritten; expected a "
            "folder for reports alone: name another one with --reports"
        )
    return value


def names(*flags: str, default: str | None, **rest: Any) -> Decorator:
    """Return an option that takes names: several at once, or one after the other."""
    defaults = [] if default is None else [default]
    return click.option(
        *flags, type=Names(), multiple=True, default=defaults, callback=_flat, **rest
    )


def _label(ctx: Any, param: Any, value: str | None) -> Any:
    if value is not None and not re.fullmatch(LABEL, value):
        raise Stop(
            f"--label {value!r} cannot be part of a file's name; expected 1 to 40 letters, digits "
            "and . _ -, the first a letter or digit: give another one"
        )
    return value


def _labels(ctx: Any, param: Any, value: tuple[str, ...]) -> dict[str, str]:
    """Return names of machines by address."""
    labels = {}
    for text in value:
        address, _, name = text.rpartition("=")
        if not address:
            raise Stop(
                f"--label {text!r} names no machine; expected ADDRESS=NAME: see the addresses that "
                "the fleet prints"
            )
        labels[address] = _label(ctx, param, name)
    return labels


label_option = click.option(
    "--label", callback=_label, metavar="NAME",
    help="Name of this machine, to tell it from others of its kind.",
)  # fmt: skip
labels_option = click.option(
    "--label", "labels", multiple=True, callback=_labels, metavar="ADDRESS=NAME",
    help="What to call a machine.",
)  # fmt: skip


def count(flag: str, text: str, most: int | None = None) -> Decorator:
    """Return an option that takes a whole number from 1 to `most`."""
    return click.option(flag, type=click.IntRange(1, most), help=text)


backend_option = names("--backend", default="all", help="Backends, or all. [default: all]")
device_option = names(
    "--device", default="all",
    help="Devices: cpu, cuda (every one), cuda:1, mps … or all. [default: all]",
)  # fmt: skip


def variant_option(default: str) -> Decorator:
    """Return the option for variants."""
    known = ", ".join(VARIANTS)
    return names("--variant", default=default, help=f"{known}, or all. [default: {default}]")


threads_option = count("--threads", "CPU threads. [default: the fast cores]")


def _axis(name: str, field: Field) -> Decorator:
    def parsed(ctx: Any, param: Any, value: tuple[str, ...]) -> list[Value]:
        try:
            return field.values(",".join(value)) if value else []
        except ValueError as error:
            raise Stop(f"{flag}: {error}") from error

    flag = f"--{name.replace('_', '-')}"
    return click.option(
        flag, multiple=True, callback=parsed, metavar="VALUE[,VALUE…]", help=field.help
    )


def axes_options(*, with_threads: bool) -> Decorator:
    """Return the options for the axes; what they take is handed on as `axes`.

    With threads also as `threads`: the number, if there is one, else None.
    """

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def collected(**given: Any) -> Any:
            axes = [Axis(name, tuple(values)) for name in FIELDS if (values := given.pop(name))]
            if with_threads:
                threads = given.pop(THREADS)
                axes += [Axis(THREADS, tuple(threads))] if len(threads) > 1 else []
                given[THREADS] = threads[0] if len(threads) == 1 else None
            return function(axes=axes, **given)

        command: Callable[..., Any] = collected
        fields = FIELDS | ({THREADS: THREADS_FIELD} if with_threads else {})
        for name, field in reversed(fields.items()):
            command = _axis(name, field)(command)
        return command

    return decorated


timeout_option = click.option(
    "--timeout", type=Duration(), default=1800.0, show_default=True,
    help="Seconds that a trial may take before it is ended and counts as failed.",
)  # fmt: skip
python_option = click.option(
    "--python", "pythons", multiple=True, callback=_python, metavar="BACKEND=PATH",
    help="Use another interpreter for a backend.",
)  # fmt: skip
reports_option = click.option(
    "--reports", type=click.Path(path_type=Path, file_okay=False), callback=_reports,
    help="Folder for tables and run files. [default: reports/ of the checkout, or here]",
)  # fmt: skip
