"""`python -m bench compare`."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from tabulate import tabulate

from bench.report import numbers
from bench.results import redact
from bench.results.comparison import Compared, Side, compare, differences
from bench.results.quantities import Record
from bench.results.store import read_run
from bench.run.choices import Refused, unknown


class Comparison(Record, frozen=True):
    """What `compare --json` prints."""

    compared: tuple[Compared, ...]
    differences: tuple[str, ...]  # between the two environments, in words
    slower_than_allowed: tuple[str, ...] | None = None  # rows, in words; None without --fail-above


def compare_files(base: str, new: str, fail_above: float | None, as_json: bool) -> int:
    """Print the comparison; return 1 if a row is significantly slower than allowed."""
    sides = _side(base), _side(new)
    compared = compare(*sides)
    if all(one.verdict == "not comparable" for one in compared):
        raise Refused(_nothing_compared(compared, base, new))
    slower = [
        f"{one.new} on {one.device}, {one.variant}" for one in compared
        if fail_above is not None and one.low is not None and one.low > 1 + fail_above
        and one.images is None
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


def _nothing_compared(refused: Sequence[Compared], base: str, new: str) -> str:
    if not refused:
        return (
            f"{base} and {new} have no row in common; expected the same backend, device and "
            "variant in both: name the backends to compare as FILE#BACKEND"
        )
    reasons = "; ".join(f"{one.new}: {one.reason}" for one in refused)
    return (
        f"nothing can be compared ({reasons}); expected two runs of the same workloads without "
        "flags: run both with the same options"
    )


def _side(text: str) -> Side:
    """Return the side that FILE or FILE#BACKEND names."""
    name, _, backend = text.partition("#")
    run = read_run(Path(name))
    backends = list(dict.fromkeys(case.backend for case in run.cases))
    if backend and backend not in backends:
        raise Refused(f"{name}: {unknown('backend', backend, backends)}")
    return Side(run, backend or None)


def _print(found: Comparison, fail_above: float | None, two_files: bool) -> None:
    headers = ["base", "new", "device", "variant", "what", "new / base [95 %]", "pairs", "verdict"]
    click.echo(tabulate([_row(one) for one in found.compared], headers, disable_numparse=True))
    if two_files:
        click.echo(
            "\nThe two runs were measured at different times, so changes in the machine's "
            "conditions are part of each ratio. Comparing two backends of one run is more precise."
        )
    if found.differences:
        click.echo("\nDifferences between the two environments:")
        for line in found.differences:
            click.echo(f"- {redact.printable(line)}")
    if fail_above is not None and not found.slower_than_allowed:
        click.echo(f"\nNo row is slower by significantly more than {fail_above:.1%}.")
    if fail_above is not None and found.slower_than_allowed:
        names = redact.printable("; ".join(found.slower_than_allowed))
        click.echo(f"\nslower by significantly more than {fail_above:.1%}: {names}", err=True)


def _row(one: Compared) -> list[str]:
    ratio = numbers.interval(one.interval) if one.interval else ""
    verdict = f"{one.verdict}: {one.reason}" if one.reason else one.verdict
    what = "an epoch" if one.images is None else f"{one.images:,} predicted"
    cells = [one.base, one.new, one.device, one.variant, what, ratio, str(one.pairs or ""), verdict]
    return [redact.printable(cell) for cell in cells]
