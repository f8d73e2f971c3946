"""The tables and sentences of one sweep, in plain text: for Markdown, terminals and the page."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeVar

from bench.report import numbers, tables
from bench.report.sections import DIGITS
from bench.report.sweep_sections import SweepSection
from bench.report.tables import Table
from bench.results.cases import Row
from bench.results.crossovers import Contest, contests_of
from bench.results.overhead import Fit, fitted
from bench.results.statistics import Interval
from bench.results.sweeps import Contender, Sweep, rate
from bench.workload.axes import THREADS, Value

Line = TypeVar("Line")
Cell = Callable[[Contender], str]
MISSING = "–"
FEW = 4  # pairs or values that are named one by one


def value_in_words(value: Value) -> str:
    """Return a value of an axis, thousands told apart."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(title: str, section: SweepSection, columns: Mapping[str, Cell]) -> Table:
    """Return a table of the contenders: `columns` are the cells of each by header."""
    rows = [[section.name(one), *(cell(one) for cell in columns.values())]
            for one in section.contenders]  # fmt: skip
    return Table(title, ("backend", *columns), rows)


def _pivot(
    title: str,
    sweep: Sweep,
    what: str,
    lines: Mapping[str, Line],
    cell: Callable[[Value, Line], str],
) -> Table:
    """Return a table of lines × values; the many points of several axes go down the page."""
    values = {value_in_words(value): value for value in sweep.axis.values}
    if sweep.is_joint:
        rows = [[point, *(cell(value, line) for line in lines.values())]
                for point, value in values.items()]  # fmt: skip
        return Table(title, (sweep.words, *lines), rows)
    rows = [[name, *(cell(value, line) for value in values.values())]
            for name, line in lines.items()]  # fmt: skip
    return Table(title, (what, *values), rows)


def _by_contender(
    title: str, section: SweepSection, cell: Callable[[Value, Contender], str]
) -> Table:
    contenders = {section.name(one): one for one in section.contenders}
    return _pivot(title, section.sweep, "backend", contenders, cell)


def speed(section: SweepSection, intervals: bool = True) -> Table:
    """Return the samples per second of every contender at every value, the fastest marked."""
    doubts = dict.fromkeys(filter(None, map(_doubt, section.rows)))
    marks = {doubt: f"{number}".translate(DIGITS) for number, doubt in enumerate(doubts, 1)}

    def cell(value: Value, contender: Contender) -> str:
        row = section.sweep.rows[contender].get(value)
        if row is None or not (row.is_sound or _doubt(row)):
            return MISSING
        if not row.is_sound:
            return f"{'flagged' if row.flags else 'failed'} {marks[_doubt(row)]}"
        sign = "● " if contender in section.sweep.fastest[value] else ""
        return sign + _rate(row, intervals)

    table = _by_contender(f"{section.title}, samples/s", section, cell)
    return table._replace(notes=[f"{mark} {doubt}" for doubt, mark in marks.items()])


def _doubt(row: Row) -> str:
    """Return why a row is no measurement, "" if it is one or was not begun."""
    if row.flags:
        return "; ".join(map(str, row.flags))
    return "" if row.trials else "; ".join(dict.fromkeys(map(str, row.failures.values())))


def _rate(row: Row, interval: bool) -> str:
    found = rate(row)
    assert found is not None, "sound rows have trials"
    if interval:
        return numbers.interval(found)
    return numbers.with_spread(found.centre, (found.half_width or 0) * found.centre)


def beside_speed(section: SweepSection) -> dict[str, Table]:
    """Return the other tables that there are of a sweep, by title."""
    some = {"Overhead and cost": overhead(section), "Scaling": scaling(section),
            "Lower precision": lower_precision(section), "Accuracy": accuracy(section)}  # fmt: skip
    return {title: table for title, table in some.items() if table and table.rows}


def overhead(section: SweepSection) -> Table | None:
    """Return what a step and a sample cost every contender; None if too little was measured."""
    fits = {one: fitted({value: row for value, row in rows.items() if row.is_sound})
            for one, rows in section.sweep.rows.items()}  # fmt: skip
    if section.sweep.axis.name != "batch_size" or not any(fits.values()):
        return None

    def cell(shown: Callable[[Fit], str], contender: Contender) -> str:
        fit = fits[contender]
        return shown(fit) if fit else MISSING

    columns: dict[str, Cell] = {
        "overhead, ms/step [95 %]": partial(cell, lambda fit: _spent(fit.overhead, 1e3)),
        "cost, µs/sample [95 %]": partial(cell, lambda fit: _spent(fit.cost, 1e6)),
        "fit": partial(cell, _fit),
    }
    return _table(f"{section.title}, overhead and cost", section, columns)


def _spent(seconds: Interval, unit: float) -> str:
    """Return seconds in a unit; of what cannot be told from nothing only the upper bound."""
    if seconds.low is None or seconds.high is None:
        return numbers.significant(unit * seconds.centre, 2) if seconds.centre > 0 else "none shown"
    if seconds.low > 0:
        return numbers.interval(seconds, unit)
    return (
        f"under {numbers.significant(unit * seconds.high, 2)}" if seconds.high > 0 else "none shown"
    )


def _fit(fit: Fit) -> str:
    if fit.misfit is None:
        return "good"
    than = "slower" if fit.misfit.share > 0 else "faster"
    share = f"{100 * abs(fit.misfit.share):.0f} %"
    return f"poor: {share} {than} than it at {value_in_words(fit.misfit.value)}"


def scaling(section: SweepSection) -> Table | None:
    """Return how many times as fast more threads are, with their efficiency; None off threads."""
    fewest = section.sweep.axis.values[0]
    if section.sweep.axis.name != THREADS:
        return None

    def cell(value: Value, contender: Contender) -> str:
        found = section.sweep.speed_up(contender, value, fewest)
        if found is None or value == fewest:
            return MISSING if found is None else "1"
        share = found.centre * float(fewest) / float(value)
        return f"{numbers.interval(found)}, {100 * share:.0f} %"

    return _by_contender(f"{section.title}, speed-up and efficiency", section, cell)


def lower_precision(section: SweepSection) -> Table | None:
    """Return what lower precisions bring over the same backend's float32; None off precision."""
    sweep, base = section.sweep, "float32"
    lower = [value for value in sweep.axis.values if value != base]
    if sweep.axis.name != "precision" or base not in sweep.axis.values:
        return None
    points = {row.case: point for point in section.points for row in point.rows}

    def cell(value: Value, shown: Callable[[Row], str], contender: Contender) -> str:
        row = sweep.columns[value].get(contender)
        return (shown(row) if row else "") or MISSING

    def faster(value: Value, contender: Contender) -> str:
        found = sweep.speed_up(contender, value, base)
        return f"{numbers.interval(found)} ×" if found else MISSING

    columns: dict[str, Cell] = {}
    for value in (base, *lower):
        if value != base:
            columns[f"{value} over float32 [95 %]"] = partial(faster, value)
        columns[f"{value} accuracy"] = partial(cell, value, tables.accuracy)
        columns[f"% of {value} peak"] = partial(
            cell, value, lambda row: tables.peak_percent(points[row.case], row)
        )
    return _table(f"{section.title}, against float32", section, columns)


def accuracy(section: SweepSection) -> Table:
    """Return the test accuracy at every value over backends and rounds, a line for each size."""
    lines: dict[str, dict[Value, list[float]]] = {}
    for value, column in section.sweep.columns.items():
        for row in column.values():
            size = f"{row.workload.train_samples:,} images, {row.workload.epochs} epochs"
            if section.sweep.axis.name == "train_samples":
                size = f"{row.workload.epochs} epochs"
            lines.setdefault(size, {}).setdefault(value, []).extend(tables.accuracies(row))

    def cell(value: Value, found: Mapping[Value, list[float]]) -> str:
        return tables.mean_and_spread(found.get(value, [])) or MISSING

    return _pivot(f"{section.title}, test accuracy", section.sweep, "trained with", lines, cell)


def crossovers(section: SweepSection) -> list[str]:
    """Return in sentences who overtakes whom, and between devices who is faster where."""
    contests = contests_of(section.sweep)
    found = sorted((one for contest in contests for one in contest.crossovers),
                   key=lambda one: one.at.centre)  # fmt: skip
    spoken = partial(section.name, spoken=True)
    lines = [f"{spoken(one.overtaking)} overtakes {spoken(one.overtaken)} at "
             f"{section.sweep.words} {numbers.interval(one.at)}." for one in found]  # fmt: skip
    lines += [line for contest in contests for line in _sides(section, contest)]
    alike = ["{} and {}".format(*map(spoken, contest.pair))
             for contest in contests if not any(contest.faster.values())]  # fmt: skip
    if alike:
        many = f"{len(alike)} of the {len(contests)} pairs that are compared"
        named = "; ".join(alike) if len(alike) <= FEW else many
        lines.append(f"~ No difference is shown anywhere between {named}.")
    return lines


def _sides(section: SweepSection, contest: Contest) -> Iterator[str]:
    """Yield which device of a backend is faster, where none overtakes the other."""
    one, other = contest.pair
    signs = {sign for sign in contest.faster.values() if sign}
    if one.backend == other.backend and len(signs) == 1:
        faster, slower = contest.pair if signs == {1} else contest.pair[::-1]
        where = [value_in_words(value) for value, sign in contest.faster.items() if sign]
        places = f"{section.sweep.words} {', '.join(where)}, elsewhere ~"
        if len(where) == len(contest.faster):
            places = f"every measured {section.sweep.words}"
        names = f"{section.name(faster, True)} is faster than {section.name(slower, True)}"
        yield f"{names} at {places}; no crossover is shown."


def winners(section: SweepSection) -> str:
    """Return who is the fastest where: "8, 32: numpy; 128: numpy, torch"."""
    groups: list[tuple[str, list[str]]] = []
    for value, column in section.sweep.columns.items():
        fastest = section.sweep.fastest[value] if len(column) > 1 else column
        names = ", ".join(section.name(one) for one in section.contenders if one in fastest)
        if not groups or groups[-1][0] != names:
            groups.append((names, []))
        groups[-1][1].append(value_in_words(value))
    return "; ".join(f"{_places(values, section)}: {names or 'none shown'}"
                     for names, values in groups)  # fmt: skip


def _places(values: list[str], section: SweepSection) -> str:
    """Return where something holds: the values unless they are all, or points of several axes."""
    if len(values) == len(section.sweep.axis.values) > FEW:
        return "everywhere"
    if section.sweep.is_joint and len(values) > FEW:
        return f"at {len(values)} points"
    return ", ".join(values)
