"""What the charts of a section show, in the order of its tables; how it looks is in `chart_spec`.

Every function returns the data sets of one chart, by name: lists of flat records, texts cleaned.
"""

from collections.abc import Sequence
from itertools import accumulate
from statistics import median

import numpy as np

from bench.records import Trained
from bench.report import numbers
from bench.report.chart_rows import Named, shown
from bench.report.efficiency import compile_seconds, floors_of
from bench.report.published import seconds_of_same_work
from bench.report.sections import Section
from bench.report.time_to_accuracy import thresholds, trained_seconds, typical_seconds

Value = str | float | int | bool
Records = list[dict[str, Value]]
Data = dict[str, Records]

PHASES = ("start", "import", "data", "build", "compile", "epochs", "evaluation")
FITS = 1.6  # times the largest value that a reference line may lie beyond it, on a linear scale
WIDE_RANGE = 8.0  # largest over smallest value from which a scale is logarithmic
SLOT = 20  # pixels from one line of a key to the next
BARS, LETTER = 506, 5.6  # pixels of the bars in all, and of a letter of their labels
CUT = 4.0  # times the median total: longer bars are cut, so that the others can be read


def seconds(section: Section, rows: Sequence[Named]) -> Data:
    """Return trials, rows with centre and interval, and lines to compare with, in seconds."""
    trials: Records = []
    summary: Records = []
    for name, row, sound in rows:
        assert row.interval is not None, "rows without a trial are left out"
        low, centre, high, _ = row.interval
        trials += [{"row": name, "seconds": value, "sound": sound, "round": number + 1}
                   for number, value in sorted(row.seconds.items())]  # fmt: skip
        summary.append({
            "row": name,
            "low": centre if low is None else low,
            "centre": centre,
            "high": centre if high is None else min(high, 10 * centre),
            "sound": sound,
            "label": numbers.interval(row.interval) + ("" if sound else " (marked)"),
        })  # fmt: skip
    largest = max(max(row.seconds.values()) for _, row, _ in rows)
    return {"trials": trials, "rows": summary, "lines": lines(section, largest)}


def lines(section: Section, largest: float) -> Records:
    """Return the floors and the notebook's figure, those that fit a scale up to the largest."""
    workload = section.workload
    floors = floors_of(section.run, section.key.workload)
    shown_devices = {row.cell.device for row in section.rows}
    found: Records = [
        {"name": "floor" if len(shown_devices) == 1 else f"floor {shown(device, 10)}",
         "seconds": floor.seconds}
        for device, floor in sorted(floors.items())
        if device in shown_devices
    ]  # fmt: skip
    theirs = seconds_of_same_work(workload.variant, workload.train_samples)
    if theirs is not None:
        found.append({"name": "notebook", "seconds": theirs})
    return [line for line in found if 0 < float(line["seconds"]) <= FITS * largest]


def accuracy(section: Section, rows: Sequence[Named]) -> Data:
    """Return accuracy against seconds since the start of the process, medians over the trials."""
    points: Records = [
        {"row": name, "epoch": epoch + 1, "seconds": when, "accuracy": reached}
        for name, row, _ in rows
        for epoch, (when, reached) in enumerate(curve(list(row.trials.values())))
    ]
    best = max(float(point["accuracy"]) for point in points)
    goals = [goal for goal in thresholds(section.workload) if goal <= best]
    return {
        "points": points,
        "goals": [{"accuracy": goal} for goal in goals],
        "names": names_with_times(rows, goals[-1] if goals else None),
        "heading": [{"slot": 4, "label": f"seconds to {goals[-1]}" if goals else ""}],
    }


def names_with_times(rows: Sequence[Named], goal: float | None) -> Records:
    """Return the key to the lines, in pixels from the top: names, and seconds to the goal."""
    keys: Records = []
    for number, (name, row, _) in enumerate(rows):
        taken = typical_seconds(row, goal) if goal else None
        figure = f", {numbers.significant(taken, 2)} s" if taken else ""
        keys.append({"row": name, "slot": 24 + SLOT * number, "label": name + figure})
    return keys


def curve(trials: Sequence[Trained]) -> list[tuple[float, float]]:
    """Return the median seconds and accuracy at the end of each epoch that all trials have."""
    shared = min(len(one.epochs) for one in trials)
    ends = [list(trained_seconds(one))[:shared] for one in trials]
    reached = [[epoch.accuracy for epoch in one.epochs[:shared]] for one in trials]
    return list(
        zip(*(np.median(values, axis=0).tolist() for values in (ends, reached)), strict=True)
    )


def phases(section: Section, rows: Sequence[Named]) -> Data:
    """Return the phases of a trial, medians over the trials, the shortest trial first."""
    spent = {name: typical_phases(list(row.trials.values())) for name, row, _ in rows}
    totals = {name: sum(spent[name]) for name in sorted(spent, key=lambda name: sum(spent[name]))}
    scale = scale_end(list(totals.values()))
    return {
        "parts": [part for name in totals for part in stacked(name, spent[name], scale)],
        "totals": [
            {"row": name, "total": min(total, scale), "label": total_label(total, scale)}
            for name, total in totals.items()
        ],
    }


def scale_end(totals: Sequence[float]) -> float:
    """Return where the scale of the stacked bars ends: outliers are cut there."""
    limit = CUT * median(totals)
    return max(totals) if max(totals) <= limit else 1.1 * max(t for t in totals if t <= limit)


def total_label(total: float, scale: float) -> str:
    """Return a bar's total, and that the bar is cut if it is."""
    return f"{numbers.significant(total, 3)} s" + (", cut" if total > scale else "")


def stacked(name: str, spent: Sequence[float], scale: float) -> Records:
    """Return a record for each phase of a row that begins before the scale ends."""
    ends = accumulate(spent)
    parts: Records = []
    for phase, length, end in zip(PHASES, spent, ends, strict=True):
        start, stop = end - length, min(end, scale)
        if start < stop:
            parts.append({
                "row": name, "phase": phase, "seconds": length, "from": start, "to": stop,
                "middle": (start + stop) / 2,
                "label": fitting(phase, length, (stop - start) / scale),
            })  # fmt: skip
    return parts


def fitting(phase: str, length: float, share: float) -> str:
    """Return the longest label that has room in a share of the bars' width, "" if none has."""
    labels = (f"{phase} {numbers.significant(length, 2)}", phase, "")
    return next(label for label in labels if len(label) * LETTER <= share * BARS - 6 or not label)


def typical_phases(trials: Sequence[Trained]) -> list[float]:
    """Return the seconds of each phase, medians over the trials, in the order of PHASES."""
    typical: list[float] = np.median([phases_of(one) for one in trials], axis=0).tolist()
    return typical


def phases_of(trained: Trained) -> tuple[float, ...]:
    """Return the seconds of each phase of a trial; one epoch alone shows no compiling."""
    compiling = compile_seconds(trained) or 0.0
    return (
        trained.start_seconds,
        trained.import_seconds,
        trained.data_seconds,
        trained.build_seconds,
        compiling,
        sum(epoch.seconds for epoch in trained.epochs) - compiling,
        sum(epoch.evaluation_seconds for epoch in trained.epochs),
    )


def is_wide(values: Sequence[float]) -> bool:
    """Return whether values span so much that only a logarithmic scale shows them all."""
    positive = [value for value in values if value > 0]
    return len(positive) > 1 and max(positive) > WIDE_RANGE * min(positive)
