"""The tables of one section, in plain text: for Markdown and for terminals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import mean, stdev
from typing import NamedTuple

from bench.report import efficiency, inference, numbers
from bench.report.efficiency import centre
from bench.report.sections import Section
from bench.results.cases import Row
from bench.results.quantities import counted
from bench.results.records import Trained

Cell = Callable[[Row], str]
Values = Callable[[Trained], Iterable[float | None]]
NAMES: dict[str, Cell] = {
    "backend": lambda row: row.case.backend,
    "device": lambda row: str(row.case.device),
}


class Table(NamedTuple):
    """A table of plain text."""

    title: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1  # columns that are aligned left; the others hold numbers
    flagged: Mapping[int, str] = {}  # row -> marks of its footnotes, " ¹ ²"; struck through
    notes: Sequence[str] = ()  # the footnotes


def _table(section: Section, rows: Sequence[Row], left: int, columns: Mapping[str, Cell]) -> Table:
    """Return a table of some rows of a section: `columns` are the cells of a row by header."""
    notes = section.notes
    marks = ["".join(notes[flag] for flag in row.flags) for row in rows]
    return Table(
        f"{section.work}, {section.kinds}",
        tuple(columns),
        [[cell(row) for cell in columns.values()] for row in rows],
        left,
        {number: mark for number, mark in enumerate(marks) if mark},
        [f"{mark.strip()} {flag}" for flag, mark in notes.items()],
    )


def speed(section: Section) -> Table:
    """Return how fast the rows are."""
    columns: dict[str, Cell] = {
        **NAMES,
        "version": lambda row: row.version or "",
        "verified": lambda row: "no" if "verification" in {f.check for f in row.flags} else "✓",
        "fastest": lambda row: "●" if row.case in section.fastest_group else "",
        "s per epoch [95 %]": seconds_per_epoch,
        "trials": lambda row: str(len(row.trials)),
        "relative": section.relative,
        "samples/s": lambda row: _follows(row, row.workload.train_samples / centre(row)),
        "GFLOP/s": lambda row: _follows(row, row.workload.epoch_flop / 1e9 / centre(row)),
        "× GEMM bound": partial(_times_bound, section),
        "µs/step": lambda row: _follows(row, 1e6 * centre(row) / row.workload.steps),
        "% of peak": partial(peak_percent, section),
    }
    return _table(section, section.rows, 4, columns)


def seconds_per_epoch(row: Row) -> str:
    """Return the seconds per epoch with their interval; without a trial why there are none."""
    if row.interval:
        return numbers.interval(row.interval)
    return "failed" if row.failures else "not measured"


def _follows(row: Row, value: float, least: float = 0.0) -> str:
    """Return what follows from a row's seconds, no digit finer than theirs (or a share of it)."""
    if row.interval is None:
        return ""
    spread = row.interval.half_width
    return numbers.with_spread(value, spread and max(spread, least) * value)


def _times_bound(section: Section, row: Row) -> str:
    bound = section.bounds.get(row.case.device)
    return numbers.interval(bound.ratio(row)) if bound and row.trials else ""


def peak_percent(section: Section, row: Row) -> str:
    """Return a row's share of the rate of one large product, in the precision of its section."""
    bound = section.bounds.get(row.case.device)
    rate = row.workload.epoch_flop / centre(row)
    return _follows(row, 100 * rate / bound.peak_flop_per_second, 0.01) if bound else ""


def cost(section: Section) -> Table:
    """Return what else a backend costs: medians over the trials."""
    columns: dict[str, Cell] = {
        **NAMES,
        "import s": _median(lambda trained: [trained.import_seconds]),
        "build s": _median(lambda trained: [trained.build_seconds]),
        "first epoch s": _median(lambda trained: [trained.epochs[0].seconds]),
        "compile s": lambda row: _shown(efficiency.compiling(row), unknown="–"),
        "pays off after": partial(_pays_off, section.sound),
        "evaluation s/epoch": _median(lambda one: [e.evaluation_seconds for e in one.epochs]),
        "total s": lambda row: _shown(row.typical(row.total_seconds.values())),
        "J/epoch": _median(lambda trained: [epoch.joules for epoch in trained.epochs[1:]]),
        "peak memory": _median(lambda trained: [trained.peak_memory_bytes], numbers.size),
        "device memory": _median(lambda trained: [trained.device_memory_bytes], numbers.size),
    }
    return _table(section, section.measured, 2, columns)


def _shown(value: float | None, unknown: str = "") -> str:
    return unknown if value is None else numbers.significant(value, 2)


def _median(values: Values, shown: Callable[[float | None], str] = _shown) -> Cell:
    return lambda row: shown(row.typical(v for one in row.trials.values() for v in values(one)))


def _pays_off(sound: Sequence[Row], row: Row) -> str:
    """Return the epochs after which compiling has paid off against the fastest that does not."""
    if efficiency.compiling(row) is None:
        return ""
    rivals = (one for one in sound if one.case.device == row.case.device)
    rival = next((one for one in rivals if efficiency.compiling(one) is None), None)
    if rival is None:
        return ""
    epochs = efficiency.epochs_to_pay_off(row, rival)
    return counted(epochs, "epoch") if epochs else f"never (against {rival.case.backend})"


def quality(section: Section) -> Table:
    """Return losses and accuracies after the last epoch, over the rounds."""
    columns: dict[str, Cell] = {
        **NAMES,
        "training loss": lambda row: mean_and_spread(losses(row)),
        "test accuracy": accuracy,
        "lowest": lambda row: f"{min(accuracies(row)):.4f}",
        "highest": lambda row: f"{max(accuracies(row)):.4f}",
    }
    for goal in efficiency.thresholds(section.workload):
        columns[f"s to {goal:.2f}"] = partial(_seconds_to, goal)
    return _table(section, section.measured, 2, columns)


def losses(row: Row) -> list[float]:
    """Return the mean training losses of the last epoch, one a trial."""
    return [trained.epochs[-1].loss for trained in row.trials.values()]


def accuracies(row: Row) -> list[float]:
    """Return the test accuracies after the last epoch, one a trial."""
    return [trained.epochs[-1].accuracy for trained in row.trials.values()]


def accuracy(row: Row) -> str:
    """Return the test accuracy after the last epoch, over the rounds."""
    return mean_and_spread(accuracies(row))


def predicting(section: Section) -> Table:
    """Return how fast the rows predict, from host memory to class indices; no rows if none did."""
    columns = inference.columns(section)
    return _table(section, section.measured if columns else (), 2, {**NAMES, **columns})


def mean_and_spread(values: Sequence[float]) -> str:
    """Return "0.8876 ± 0.0012": mean and standard deviation; the value alone if there is one."""
    if len(values) < 2:
        return numbers.significant(values[0], 4) if values else ""
    spread = stdev(values)
    places = min(6, numbers.decimals(spread))
    return f"{numbers.fixed(mean(values), places)} ± {numbers.fixed(spread, places)}"


def _seconds_to(goal: float, row: Row) -> str:
    return _shown(efficiency.seconds_to(row, goal), unknown="not reached")
