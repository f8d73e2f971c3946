"""What the charts of a section show, in the order of its tables; how they look is in `chart_spec`.

The page shows the same data: nothing is computed there.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from statistics import median
from typing import Any, NamedTuple

from bench.report import efficiency, inference, numbers, tables
from bench.report.inference import Contest
from bench.report.published import NOTEBOOK_SECONDS
from bench.report.sections import Section
from bench.results import redact
from bench.results.cases import Row
from bench.results.records import Trained

Record = dict[str, str | float | int]
Records = list[Record]
Rows = Mapping[str, Row]  # with trials, by their names in the charts

PHASES = ("start", "import", "data", "build", "compile", "epochs", "evaluation")
DIGITS = 5  # of a number that is drawn: finer than a pixel, coarser than a processor's rounding
FITS = 1.6  # times the largest value that a reference line may lie beyond it, on a linear scale
WIDE_RANGE = 8.0  # largest over smallest value from which a scale is logarithmic
LINE, PLOT = 28, 330  # pixels of a row in charts with one line a row, and of the other chart
LETTER = 5.6  # pixels of a letter in the labels of bars
CUT = 4.0  # times the median total: longer bars are cut, so that the others can be read


class Chart(NamedTuple):
    """One chart: its template and scale, its data sets by name, and what it shows in words."""

    name: str
    log: bool
    height: int  # pixels of its plot
    words: str
    data: dict[str, Records]
    axis: Mapping[str, Any] = {}  # of its horizontal axis, what the template does not know


def of_section(section: Section) -> dict[str, Chart]:
    """Return the charts of a section by name, none if no trial of it succeeded."""
    rows = named_rows(section)
    charts = [seconds(section, rows), accuracy(section, rows), phases(rows)] if rows else []
    if contests := inference.contests(section):
        charts.append(predicting(contests, rows))
    return {chart.name: chart for chart in charts}


def named_rows(section: Section) -> dict[str, Row]:
    """Return the rows with trials, the fastest first, by their names in the charts."""
    several = len(section.devices) > 1
    names = (f"{row.case.backend} {row.case.device}" if several else row.case.backend
             for row in section.measured)  # fmt: skip
    return dict(zip(map(redact.printable, names), section.measured, strict=True))


def stable(records: Iterable[Record]) -> Records:
    """Return records whose numbers are the same on every processor."""
    return [
        {name: numbers.rounded(value, DIGITS) if isinstance(value, float) else value
         for name, value in record.items()}
        for record in records
    ]  # fmt: skip


def is_wide(values: Sequence[float]) -> bool:
    """Return whether values span so much that their scale is logarithmic."""
    return max(values) > WIDE_RANGE * min(values)


def seconds(section: Section, rows: Rows) -> Chart:
    """Return seconds per epoch: trials, rows with their intervals, and lines to compare with."""
    trials: Records = [
        {"row": name, "seconds": value, "round": number + 1, "flagged": int(bool(row.flags))}
        for name, row in rows.items()
        for number, value in sorted(row.seconds.items())
    ]
    values = [value for row in rows.values() for value in row.seconds.values()]
    lines = {name: value for name, value in _references(section).items()
             if value <= FITS * max(values)}  # fmt: skip
    data = {
        "trials": stable(trials),
        "rows": stable(_interval(name, row) for name, row in rows.items()),
        "lines": stable({"name": name, "seconds": value} for name, value in lines.items()),
    }
    figures = [f"{one['row']} {one['label']}" for one in data["rows"]]
    figures += [f"{name} {numbers.significant(value, 2)}" for name, value in lines.items()]
    words = f"Seconds per epoch with 95 % interval, every trial a dot: {'; '.join(figures)}."
    return Chart("seconds", is_wide(values), LINE * len(rows), words, data)


def _interval(name: str, row: Row) -> Record:
    assert row.interval is not None, "rows without a trial are left out"
    low, centre, high, _ = row.interval
    return {
        "row": name,
        "low": centre if low is None else low,
        "centre": centre,
        "high": centre if high is None else min(high, 10 * centre),
        "flagged": int(bool(row.flags)),
        "label": tables.seconds_per_epoch(row) + (" (flagged)" if row.flags else ""),
    }


def _references(section: Section) -> dict[str, float]:
    several = len(section.devices) > 1
    found = {f"GEMM bound {device}" if several else "GEMM bound": bound.seconds
             for device, bound in section.bounds.items() if device in section.devices}  # fmt: skip
    work = (section.workload.variant, section.workload.train_samples)
    return found | ({"notebook": NOTEBOOK_SECONDS[work]} if work in NOTEBOOK_SECONDS else {})


def accuracy(section: Section, rows: Rows) -> Chart:
    """Return accuracy against seconds since the start of the process, medians over the trials."""
    curves = {name: curve(row) for name, row in rows.items()}
    best = max(reached for points in curves.values() for _, reached in points)
    goals = [goal for goal in efficiency.thresholds(section.workload) if goal <= best]
    keys = {name: _key(name, row, goals) for name, row in rows.items()}
    points: Records = [
        {"row": name, "label": keys[name], "epoch": epoch, "seconds": when, "accuracy": reached}
        for name, points in curves.items()
        for epoch, (when, reached) in enumerate(points, start=1)
    ]
    words = f"Test accuracy against seconds since the process started: {'; '.join(keys.values())}."
    wide = is_wide([points[-1][0] for points in curves.values()])
    data = {"points": stable(points), "goals": stable({"accuracy": goal} for goal in goals)}
    return Chart("accuracy", wide, PLOT, words, data)


def _key(name: str, row: Row, goals: Sequence[float]) -> str:
    """Return the name in the key, with the seconds to the highest accuracy that a row reached."""
    taken = efficiency.seconds_to(row, goals[-1]) if goals else None
    return f"{name}: {numbers.significant(taken, 2)} s to {goals[-1]}" if taken else name


def curve(row: Row) -> list[tuple[float, float]]:
    """Return the seconds and the accuracy at the end of each epoch, medians over the trials."""
    trials = row.trials.values()
    ends = map(median, zip(*map(efficiency.epoch_ends, trials), strict=True))
    accuracies = ([epoch.accuracy for epoch in trained.epochs] for trained in trials)
    reached = map(median, zip(*accuracies, strict=True))
    return list(zip(ends, reached, strict=True))


def phases(rows: Rows) -> Chart:
    """Return where the time of a trial goes, medians over the trials, the shortest first."""
    spent = {name: typical_phases(row) for name, row in rows.items()}
    totals = {name: numbers.rounded(sum(parts.values())) for name, parts in spent.items()}
    end = scale_end(list(totals.values()))
    labels = {name: f"{numbers.significant(total, 3)} s{', cut' if total > end else ''}"
              for name, total in sorted(totals.items(), key=lambda item: item[1])}  # fmt: skip
    figures = "; ".join(f"{name} {label}, most of it {max(PHASES, key=lambda p: spent[name][p])}"
                        for name, label in labels.items())  # fmt: skip
    words = f"Where the time of a whole trial goes, in seconds: {figures}."
    data: dict[str, Records] = {
        "parts": stable(part for name in labels for part in _stacked(name, spent[name], end)),
        "totals": [{"row": name, "label": label} for name, label in labels.items()],
    }
    return Chart("phases", False, LINE * len(rows), words, data)


def scale_end(totals: Sequence[float]) -> float:
    """Return where the scale of the stacked bars ends: outliers are cut there."""
    limit = CUT * median(totals)
    return max(totals) if max(totals) <= limit else 1.1 * max(t for t in totals if t <= limit)


def _stacked(name: str, spent: Mapping[str, float], end: float) -> Iterable[Record]:
    """Yield a record for each phase of a row that begins before the scale ends.

    `fits` is the width of the plot in pixels from which its label has room.
    """
    starts = accumulate(spent.values(), initial=0.0)
    for start, (phase, length) in zip(starts, spent.items(), strict=False):
        stop = min(start + length, end)
        label = f"{phase} {numbers.significant(length, 2)}"
        if start < stop:
            fits = round((len(label) * LETTER + 6) * end / (stop - start))
            yield {"row": name, "phase": phase, "seconds": length, "from": start, "to": stop,
                   "label": label, "fits": fits}  # fmt: skip


def typical_phases(row: Row) -> dict[str, float]:
    """Return the seconds of each phase, medians over the trials, in the order of PHASES."""
    columns = zip(*map(_phases, row.trials.values()), strict=True)
    return dict(zip(PHASES, map(median, columns), strict=True))


def predicting(contests: Sequence[Contest], rows: Rows) -> Chart:
    """Return images predicted in a second, one at a time and several at once."""
    points: Records = [
        {"row": name, "calls": contest.name, "rate": contest.images / found.centre,
         "microseconds": 1e6 * found.centre}
        for contest in contests
        for name, row in rows.items()
        if (found := contest.seconds.get(row.case))
    ]  # fmt: skip
    labels: Records = [
        {"row": name, "label": " · ".join(contest.rate(row) or "–" for contest in contests)}
        for name, row in rows.items()
    ]
    rates = [float(point["rate"]) for point in points]
    figures = "; ".join(f"{one['row']} {one['label']}" for one in labels)
    sizes = " · ".join(contest.name for contest in contests)
    words = f"Images predicted in a second, in calls of {sizes}: {figures}."
    data = {"points": stable(points), "labels": labels}
    return Chart("inference", is_wide(rates), LINE * len(rows), words, data)


def _phases(trained: Trained) -> tuple[float, ...]:
    compiling = efficiency.compile_seconds(trained) or 0.0  # one epoch alone shows none
    training = sum(epoch.seconds for epoch in trained.epochs) - compiling
    evaluation = sum(epoch.evaluation_seconds for epoch in trained.epochs)
    return *efficiency.before_epochs(trained), compiling, training, evaluation
