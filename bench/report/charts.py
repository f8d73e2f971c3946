"""The charts of a section: what they show in words, as Vega-Lite and as SVG.

This module only describes and colours; `bench.report.drawing` draws what has changed.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from bench.report import chart_data, chart_spec, numbers, vega
from bench.report.chart_colours import COLOURS
from bench.report.chart_data import Data
from bench.report.chart_rows import Named, named_rows
from bench.report.chart_spec import Spec
from bench.report.markdown import BREAK, text
from bench.report.sections import Section


class Chart(NamedTuple):
    """One chart: the name of its template, its data, and what it shows in words."""

    name: str
    log: bool
    data: Data
    words: str


def of_section(section: Section) -> dict[str, Chart]:
    """Return the charts of a section by name, none if no trial of it succeeded."""
    rows = named_rows(section)
    if not rows:
        return {}
    return {
        "seconds": _seconds(section, rows),
        "accuracy": _accuracy(section, rows),
        "phases": _phases(section, rows),
    }


def _seconds(section: Section, rows: Sequence[Named]) -> Chart:
    data = chart_data.seconds(section, rows)
    figures = "; ".join(f"{name} {row.interval and numbers.interval(row.interval)}"
                        for name, row, _ in rows)  # fmt: skip
    beside = "".join(f"; {line['name']} {line['seconds']:.2g}" for line in data["lines"])
    words = f"Seconds per epoch with 95 % interval, every trial a dot: {figures}{beside}."
    log = chart_data.is_wide([float(one["seconds"]) for one in data["trials"]])
    return Chart("seconds", log, data, words)


def _accuracy(section: Section, rows: Sequence[Named]) -> Chart:
    data = chart_data.accuracy(section, rows)
    last = {str(point["row"]): point for point in data["points"]}
    figures = "; ".join(f"{name} {float(point['accuracy']):.3f} after "
                        f"{numbers.significant(float(point['seconds']), 2)} s"
                        for name, point in last.items())  # fmt: skip
    words = f"Test accuracy against the seconds since the process started, at the end: {figures}."
    log = chart_data.is_wide([float(point["seconds"]) for point in last.values()])
    return Chart("accuracy", log, data, words)


def _phases(section: Section, rows: Sequence[Named]) -> Chart:
    data = chart_data.phases(section, rows)
    figures = []
    for total in data["totals"]:
        parts = [part for part in data["parts"] if part["row"] == total["row"]]
        most = max(parts, key=lambda part: float(part["seconds"]))
        figures.append(f"{total['row']} {total['label']}, most of it {most['phase']}")
    words = f"Where the time of a whole trial goes, in seconds: {'; '.join(figures)}."
    return Chart("phases", False, data, words)


def spec(chart: Chart) -> Spec:
    """Return the chart as Vega-Lite, its colours as names."""
    described = chart_spec.TEMPLATES[chart.name](chart.log)
    filled = [layer for layer in described["layer"] if chart.data[layer["data"]["name"]]]
    return described | {"layer": filled, "datasets": chart.data, "description": chart.words}


def svg(chart: Chart, dark: bool) -> bytes:
    """Draw the chart."""
    return coloured(vega.drawn(to_draw(chart)), dark)


def to_draw(chart: Chart) -> Spec:
    """Return what is drawn: the chart as Vega-Lite, its colours as names, the words left out."""
    described = spec(chart)
    return described | {"config": {**described["config"], "aria": False, "padding": 8}}


def coloured(drawing: str, dark: bool) -> bytes:
    """Return a drawing with its colours resolved, on a ground of its own."""
    colours = {f"var(--{name})": pair[dark] for name, pair in COLOURS.items()}

    def resolve(tag: re.Match[str]) -> str:
        return re.sub(r"(?<==\")var\(--[\w-]+\)(?=\")", lambda name: colours[name[0]], tag[0])

    resolved = re.sub(r"<[^>]*>", resolve, drawing)  # in tags only: a text may say what it likes
    ground = f'<rect width="100%" height="100%" fill="{COLOURS["paper"][dark]}"/>'
    return widened(resolved.replace(">", f">{ground}", 1)).encode()


def widened(drawing: str) -> str:
    """Return a drawing as wide as all charts are, so that a page shows all at one scale."""
    size = re.search(r'<svg [^>]*width="(\d+)" height="(\d+)" viewBox="0 0 \1 \2"', drawing)
    if size is None or int(size[1]) >= chart_spec.WIDTH:
        return drawing
    wide = size[0].replace(f'"{size[1]}"', f'"{chart_spec.WIDTH}"')
    return drawing.replace(size[0], wide.replace(f"0 0 {size[1]} ", f"0 0 {chart_spec.WIDTH} "), 1)


def digest(chart: Chart) -> str:
    """Return what changes whenever the drawing would: a hash of all that it is made from."""
    ingredients = msgspec.json.encode([spec(chart), COLOURS], order="sorted")
    return hashlib.sha256(ingredients).hexdigest()[:16]


def section_slug(section: Section) -> str:
    """Return a file name for a section, unique on its machine: of a-z, 0-9 and "-"."""
    variant = re.sub(r"[^a-z0-9]+", "-", section.workload.variant.lower())[:30].strip("-")
    key = hashlib.sha256(msgspec.json.encode(section.key)).hexdigest()[:8]
    return f"{variant}-{section.workload.train_samples}-{key}"


def pictures(machine: str, section: Section, charts: Mapping[str, Chart]) -> dict[str, str]:
    """Return the Markdown that shows each chart, by name; `machine` is the machine's slug."""
    stem = f"{machine}-{section_slug(section)}"
    return {name: picture(f"charts/{stem}-{name}", chart.words) for name, chart in charts.items()}


def picture(stem: str, words: str) -> str:
    """Return Markdown that shows `stem`-light.svg or `stem`-dark.svg, by the reader's scheme."""
    alternative = attribute(words)
    return (
        "<picture>\n"
        f'  <source media="(prefers-color-scheme: dark)" srcset="{stem}-dark.svg">\n'
        f'  <img alt="{alternative}" src="{stem}-light.svg" width="{chart_spec.WIDTH}">\n'
        "</picture>"
    )


def attribute(words: str) -> str:
    """Return words as they stand in an attribute of HTML in Markdown."""
    return text(words).replace(BREAK, "").replace('"', "&quot;").replace("\\", "")
