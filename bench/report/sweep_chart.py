"""What the chart of a sweep shows: samples per second of every contender along the axis."""

from collections.abc import Mapping
from typing import Any

from bench.report import numbers
from bench.report.chart_data import PLOT, Chart, Record, Records, is_wide, stable
from bench.report.sweep_sections import SweepSection
from bench.report.sweep_tables import crossovers, winners
from bench.results import redact
from bench.results.sweeps import rate
from bench.workload.axes import Value


def of_sweep(section: SweepSection) -> dict[str, Chart]:
    """Return the chart of a sweep by its name, none if there is nothing to draw."""
    points = _points(section)
    if not points:
        return {}
    sweep = section.sweep
    values = [float(value) for value in sweep.axis.values] if sweep.is_scale else []
    name = "dots" if not values else "curve" if is_wide(values) else "line"
    bounds: Records = [
        {"name": bound, "value": value, "rate": found, "named": _named(value, rates)}
        for bound, rates in section.bounds.items()
        for value, found in rates.items()
    ]
    wide = is_wide([float(point[end]) for point in points for end in ("low", "high")])
    words = f"{section.title}, samples/s. Fastest: {winners(section)}."
    axis: dict[str, Any] = {"title": sweep.words + (" (logarithmic)" if name == "curve" else "")}
    if sweep.is_joint:
        axis |= {"labelAngle": -45, "labelLimit": 300}  # long, and many
    ticks = {"values": list(sweep.axis.values)} if values else {}
    data = {"points": stable(points), "bounds": stable(bounds)}
    return {name: Chart(name, wide, PLOT, " ".join([words, *crossovers(section)]), data,
                        {**axis, **ticks})}  # fmt: skip


def _named(value: Value, rates: Mapping[Value, float]) -> str:
    """Return at which end of its line a bound has its name: the higher one; "" at other values."""
    ends = {min(rates): "left", max(rates): "right"}
    return ends[value] if value == max(ends, key=lambda end: rates[end]) else ""


def _points(section: SweepSection) -> Records:
    points: Records = []
    for contender in section.contenders:
        for value, column in section.sweep.columns.items():
            found = rate(column[contender]) if contender in column else None
            if found:
                low, centre, high, _ = found
                row = column[contender]
                point: Record = {
                    "label": redact.printable(section.name(contender)),
                    "value": value,
                    "low": max(low or centre, centre / 10),
                    "rate": centre,
                    "high": min(high or centre, centre * 10),
                    "samples/s": numbers.interval(found),
                    "s per epoch": numbers.interval(row.interval) if row.interval else "",
                }
                points.append(point)
    return points
