"""`python -m bench compare`."""

from pathlib import Path

import click
import msgspec
from tabulate import tabulate

from bench import scrub
from bench.comparison import Compared, Side, compare, differences
from bench.records import Record, read_run
from bench.report import numbers
from bench.selection import Refused, unknown


class Comparison(Record, frozen=True):
    """What `compare --json` prints."""

    compared: tuple[Compared, ...]
    differences: tuple[str, ...]  # between the two environments, in words
    slower_than_allowed: tuple[str, ...] | None = None  # rows; None without --fail-above


def compare_files(base: str, new: str, fail_above: float | None, as_json: bool) -> int:
    """Print the comparison; return 1 if a row is slower than allowed beyond doubt."""
    sides = _side(base), _side(new)
    compared = compare(*sides)
    if not compared:
        raise Refused(
            f"{base} and {new} have no row in common; expected the same backend, device and "
            "variant in both, or FILE#BACKEND on both sides"
        )
    if all(one.verdict == "not comparable" for one in compared):
        reasons = "; ".join(f"{one.new}: {one.reason}" for one in compared)
        raise Refused(f"nothing can be compared ({reasons}): run both with the same options")
    slower = [
        f"{one.new} on {one.device}, {one.variant}" for one in compared
        if fail_above is not None and one.is_slower_by_more_than(fail_above)
    ]  # fmt: skip
    found = Comparison(
        compared=tuple(compared),
        differences=tuple(differences(sides[0].run, sides[1].run)),
        slower_than_allowed=None if fail_above is None else tuple(slower),
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        _print(found, fail_above, two_files=sides[0].run != sides[1].run)
    return 1 if slower else 0


def _side(text: str) -> Side:
    """Return the side that FILE or FILE#BACKEND names."""
    name, _, backend = text.partition("#")
    run = read_run(Path(name))
    backends = list(dict.fromkeys(cell.backend for cell in run.cells))
    if backend and backend not in backends:
        raise Refused(f"{name}: {unknown('backend', backend, backends)}")
    return Side(run, backend or None)


def _print(found: Comparison, fail_above: float | None, two_files: bool) -> None:
    headers = ["base", "new", "device", "variant", "new / base [95 %]", "trials", "verdict"]
    click.echo(tabulate([_row(one) for one in found.compared], headers, disable_numparse=True))
    if two_files:
        click.echo(
            "\nTwo runs, two moments: what the machine was like then is part of the ratio. Two "
            "backends of one run are compared more sharply."
        )
    if found.differences:
        click.echo("\nWhat differs between the two environments:")
        for line in found.differences:
            click.echo(f"- {scrub.printable(line)}")
    if fail_above is not None and found.slower_than_allowed:
        names = scrub.printable("; ".join(found.slower_than_allowed))
        click.echo(f"\nslower by more than {fail_above:.1%}, beyond doubt: {names}", err=True)


def _row(one: Compared) -> list[str]:
    ratio = numbers.interval(one.interval) if one.interval else ""
    verdict = f"{one.verdict}: {one.reason}" if one.reason else one.verdict
    cells = [one.base, one.new, one.device, one.variant, ratio, str(one.trials or ""), verdict]
    return [scrub.printable(cell) for cell in cells]
