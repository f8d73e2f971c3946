"""The page of all machines, `reports/README.md`: who is fastest where, and what changed.

In the history of a machine a row is compared with the one before it that did the same work with as
many threads, round by round as `bench compare` does, so that a release that got slower is seen.
Rows that are flagged have no history.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import quote

from bench.report import TITLE, descriptions, markdown, numbers, published, tables
from bench.report.chart_data import Chart
from bench.report.fleet_page import FleetSection
from bench.report.markdown import text
from bench.report.sections import Key, Section, ratio_in_words
from bench.report.sweep_sections import SweepSection
from bench.report.sweep_tables import winners
from bench.report.tables import Table
from bench.results.cases import Row
from bench.results.statistics import minimum_detectable_difference

HEADERS = (
    "machine", "variant", "device", "images", "fastest backend", "s per epoch [95 %]",
    "min. detectable difference", "test accuracy", "× notebook", "newest run",
)  # fmt: skip
LEGEND = (
    "One row for each machine, variant and device, with the backend that was fastest there; the "
    "machine's page lists all backends. Rows with different numbers of images did different "
    "work. *× notebook* divides the notebook's published time on an Intel Celeron N2840 by ours, "
    "for the same epoch of 6,000 images; it was published in whole seconds. Differences between "
    "backends below the *minimum detectable difference* of their run mean nothing."
)
SWEEP_HEADERS = ("machine", "sweep", "fastest at each value", "newest run")
FLEET_HEADERS = ("fleet", "machines", "kinds", "deviating")
PUBLISHED_LEGEND = (
    "These figures are quoted as published and never ranked with ours. Ours are divided by them "
    "only where the work is the same."
)
NEWEST = 10  # measurements of a row to show: a page is read, the run files keep the rest
HISTORY_HEADERS = (
    "backend", "device", "date", "versions", "s per epoch [95 %]", "trials", "change",
)  # fmt: skip
HISTORY_LEGEND = (
    "The newest comes first. *change* divides the seconds per epoch of each line by those of the "
    "line below it, paired by round, with the 95 % interval: above 1 is slower, and ~ means that "
    "no difference is shown. The machine's conditions may have changed between two runs, too. "
    "*other adapter*: the backend's file in this suite had changed."
)

Measured = tuple[Section, Row]


class Shown(NamedTuple):
    """What the page of a machine shows, each with its charts by name."""

    sections: dict[Section, dict[str, Chart]]
    sweeps: dict[SweepSection, dict[str, Chart]]


def page(
    titles: Mapping[str, str],
    shown: Mapping[str, Shown],
    everything: Mapping[str, Sequence[Section]],
    fleets: Sequence[FleetSection] = (),
) -> str:
    """Return the whole page, given the titles of machines by slug, and their sections."""
    rows = [[f"[{text(titles[slug])}]({slug}.md)", *_cells(section)]
            for slug, found in shown.items()
            for section in found.sections if section.sound]  # fmt: skip
    figures = markdown.table(Table("", published.HEADERS, published.FIGURES, left=4))
    parts = [TITLE, *([LEGEND, markdown.grid(HEADERS, rows, left=3)] if rows else [])]
    parts += _sweeps(titles, shown)
    parts += _fleets(fleets)
    parts += ["## Published figures", figures, PUBLISHED_LEGEND]
    for slug, sections in everything.items():
        past = history(sections)
        if past:
            parts += [f"## History: {text(titles[slug])}", past]
    return "\n\n".join(parts) + "\n"


def _sweeps(titles: Mapping[str, str], shown: Mapping[str, Shown]) -> list[str]:
    """Return a table of all sweeps, a line each; nothing if there are none."""
    rows = [
        [f"[{text(titles[slug])}]({slug}.md)", text(sweep.title), text(winners(sweep)), _run(sweep)]
        for slug, found in shown.items()
        for sweep in found.sweeps
        if sweep.sound
    ]
    return ["## Sweeps", markdown.grid(SWEEP_HEADERS, rows, left=4)] if rows else []


def _fleets(fleets: Sequence[FleetSection]) -> list[str]:
    """Return a table of all fleets, a line each; nothing if there are none."""
    rows = [
        [f"[{text(one.fleet.name)}](fleet-{quote(one.fleet.name)}.md)",
         str(len(one.fleet.members)), str(len(one.kinds)),
         text(", ".join(one.deviating) or "none shown")]
        for one in fleets
    ]  # fmt: skip
    return ["## Fleets", markdown.grid(FLEET_HEADERS, rows, left=1)] if rows else []


def _run(section: Section | SweepSection) -> str:
    return f"[{section.run.created[:10]}](runs/{quote(section.run_name)})"


def _cells(section: Section) -> list[str]:
    fastest, workload = section.sound[0], section.workload
    assert fastest.interval is not None, "sound rows have trials"
    theirs = published.NOTEBOOK_SECONDS.get((workload.variant, workload.train_samples))
    smallest = minimum_detectable_difference([row.timings for row in section.measured])
    return [
        text(workload.variant),
        section.kinds,
        f"{workload.train_samples:,}",
        text(section.winners),
        numbers.interval(fastest.interval),
        f"{100 * smallest:.0f} %" if smallest is not None else "",
        tables.accuracy(fastest),
        numbers.significant(theirs / fastest.interval.centre, 2) if theirs else "",
        _run(section),
    ]


def history(sections: Sequence[Section]) -> str:
    """Return a table for each workload that was run twice or more on a machine, "" if none was.

    The sections are those of all runs of the machine, also of those that no other table shows.
    """
    newest = sorted(sections, key=lambda one: (one.run.created, one.run_name), reverse=True)
    cases: dict[tuple[Key, str, str], list[Measured]] = {}
    for section in newest:
        for row in section.sound:
            case = (section.key, row.case.backend, str(row.case.device))
            cases.setdefault(case, []).append((section, row))
    lines: dict[Key, list[list[str]]] = {}
    for case, measured in sorted(cases.items(), key=lambda item: str(item[0])):
        if len(measured) > 1:
            lines.setdefault(case[0], []).extend(_past(measured))
    titles = {one.key: f"{one.work}, {one.run.threads} threads" for one in newest}
    parts = [HISTORY_LEGEND] if lines else []
    for key, rows in lines.items():
        table = markdown.table(Table("", HISTORY_HEADERS, rows, left=4))
        parts += [f"**{text(titles[key])}** (workload {text(key.workload)})", table]
    return "\n\n".join(parts)


def _past(measured: Sequence[Measured]) -> Iterator[list[str]]:
    """Yield the lines of one case, the newest first, each compared with the one below it."""
    changes = [_change(*pair) for pair in pairwise(measured)]
    for (section, row), change in zip(measured[:NEWEST], [*changes, "–"], strict=False):
        yield [
            row.case.backend,
            str(row.case.device),
            section.run.created[:10],
            descriptions.versions(section.run, row.case.backend),
            tables.seconds_per_epoch(row),
            str(len(row.trials)),
            change,
        ]


def _change(new: Measured, base: Measured) -> str:
    """Return how a row changed, in words."""
    sources = [section.run.sources.get(row.case.backend) for section, row in (new, base)]
    ratio = ratio_in_words(new[1].timings, base[1].timings)
    return ratio if sources[0] == sources[1] else f"{ratio}, other adapter"
