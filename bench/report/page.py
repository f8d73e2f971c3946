"""One self-contained page of all results: `reports/index.html`, which needs no network or server.

It holds every row of every run, all that is derived already derived. The browser is told to load
nothing; whatever a run file holds is data, shown as text and never as markup.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from statistics import fmean
from string import Template
from typing import Any

import msgspec

from bench.report import (
    chart_data,
    descriptions,
    fleet_page,
    numbers,
    pairs,
    sweep_chart,
    sweep_tables,
    tables,
)
from bench.report.chart_data import Chart
from bench.report.chart_spec import TEMPLATES, Spec
from bench.report.colours import COLOURS
from bench.report.fleet_page import FleetSection
from bench.report.sections import Section
from bench.report.sweep_sections import SweepSection
from bench.results.cases import Row
from bench.results.records import Case, Run, Verified

SCRIPTS = ("elements.js", "model.js", "sweeps.js", "details.js", "charts.js", "main.js")


def build(
    sections: Sequence[Section],
    problems: Sequence[str],
    sweeps: Sequence[SweepSection] = (),
    fleets: Sequence[FleetSection] = (),
) -> str:
    """Return the page of all runs and fleets; problems name files left out."""
    return Template(_file("page.html")).substitute(
        style=_colours() + _file("style.css"),
        data=encoded(data(sections, problems, sweeps) | {"fleets": list(map(_fleet, fleets))}),
        templates=encoded(_templates()),
        libraries=_libraries(),
        script="".join(map(_file, SCRIPTS)),
    )


def _file(name: str) -> str:
    return (files("bench.report") / "page" / name).read_text("utf-8")


def encoded(value: object) -> str:
    """Return a value as JSON that can stand inside an element of HTML."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("&", "\\u0026")


@cache  # bundling takes more than a second
def _libraries() -> str:
    """Return Vega and Vega-Lite, as vl-convert bundles them, fit to stand in a script element."""
    import vl_convert  # here, for it takes 60 MB that only the page and new charts need

    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _colours() -> str:
    """Return the colours of page and charts as properties, for both schemes."""
    light, dark = (
        "".join(f"--{name}: {pair[scheme]}; " for name, pair in COLOURS.items())
        for scheme in (0, 1)
    )
    media = "@media (prefers-color-scheme: dark)"
    return f":root {{ color-scheme: light dark; {light}}}\n{media} {{ :root {{ {dark}}} }}\n"


def _templates() -> dict[str, list[list[Spec]]]:  # by name, narrow and log
    both = (False, True)
    return {name: [[template(log, narrow) for log in both] for narrow in both]
            for name, template in TEMPLATES.items()}  # fmt: skip


def data(
    sections: Sequence[Section], problems: Sequence[str], sweeps: Sequence[SweepSection] = ()
) -> dict[str, Any]:
    """Return what the page knows of sections and sweeps, and of the files that were left out."""
    newest = sorted(sections, key=lambda one: (one.run.created, one.run_name), reverse=True)
    runs = {section.run_name: section.run for section in newest}
    titles = descriptions.titles([run.machine for run in runs.values()])
    places = {name: place for place, name in enumerate(runs)}
    return {
        "runs": list(map(_run, runs, runs.values(), titles)),
        "rows": [
            {"run": places[section.run_name], "section": number, **row}
            for number, section in enumerate(newest)
            for row in _rows(section)
        ],
        "ratios": pairs.compared([(section, row) for section in newest for row in section.rows]),
        "charts": [_charts(chart_data.of_section(section)) for section in newest],
        "sweeps": [_sweep(sweep, places[sweep.run_name])
                   for sweep in sorted(sweeps, key=lambda one: places[one.run_name])],
        "problems": problems,
    }  # fmt: skip


def _charts(charts: Mapping[str, Chart]) -> dict[str, dict[str, Any]]:
    return {name: {"log": chart.log, "height": chart.height, "data": chart.data, "axis": chart.axis}
            for name, chart in charts.items()}  # fmt: skip


def _sweep(section: SweepSection, run: int) -> dict[str, Any]:
    """Return what the page shows of a sweep; its tables and sentences are whole already."""
    shown = (sweep_tables.speed(section), *sweep_tables.beside_speed(section).values())
    return {
        "run": run,
        "axis": section.sweep.words,
        "title": section.title,
        "charts": _charts(sweep_chart.of_sweep(section)),
        "words": sweep_tables.crossovers(section),
        "tables": [
            _table(table, table.title.removeprefix(section.title).strip(", ")) for table in shown
        ],
    }


def _fleet(section: FleetSection) -> dict[str, Any]:
    """Return what the page shows of a fleet; its tables and sentences are whole already."""
    return {
        "title": f"Fleet {section.fleet.name}",
        "words": fleet_page.summary(section),
        "tables": [
            _table(one) for one in (*fleet_page.kinds(section), fleet_page.machines(section))
        ],
    }


def _table(table: tables.Table, title: str = "") -> dict[str, Any]:
    return {"title": title or table.title, "left": table.left, "headers": table.headers,
            "rows": table.rows, "notes": table.notes}  # fmt: skip


def _run(name: str, run: Run, title: str) -> dict[str, Any]:
    facts = descriptions.facts(run.machine).items()
    return {
        "file": name,
        "created": run.created,
        "bench": run.bench,
        "threads": run.threads,
        "command": run.command,
        "machine": title,
        "facts": "; ".join(f"{name}: {fact}" for name, fact in facts),
    }


def _rows(section: Section) -> Iterator[dict[str, Any]]:
    """Yield what the page knows of the rows of a section, in their order."""
    names = {row.case: name for name, row in chart_data.named_rows(section).items()}
    cells = _cells(section)
    for row in section.rows:
        details = [*_details(section, row), *cells.get(row.case, ())]
        seconds = tables.seconds_per_epoch(row)  # or why there are none
        yield {
            "name": names.get(row.case, ""),
            "backend": row.case.backend,
            "version": row.version or "",
            "software": descriptions.software(section.run, row.case.backend),
            "device": str(row.case.device),
            "threads": section.key.threads,
            "workload": row.case.workload,
            "variant": section.workload.variant,
            "images": section.workload.train_samples,
            "inputs": " and ".join(sorted(row.inputs)),
            "trials": len(row.trials),
            "centre": row.interval and numbers.rounded(row.interval.centre, 6),
            "interval": seconds,
            "accuracy": numbers.rounded(fmean(tables.accuracies(row)), 4) if row.trials else None,
            "quality": tables.accuracy(row),
            "status": "ok" if row.is_sound else "flagged" if row.flags else seconds,
            "doubt": "" if row.is_sound else details[0][1],
            "details": [(name, text) for name, text in details if text],
        }


def _cells(section: Section) -> dict[Case, list[tuple[str, str]]]:
    """Return what cost, quality and inference of the rows with trials are, by header."""
    found: dict[Case, list[tuple[str, str]]] = {row.case: [] for row in section.measured}
    names = len(tables.NAMES)  # the first columns
    shown = (tables.cost(section), tables.quality(section), tables.predicting(section))
    for table in filter(lambda table: table.rows, shown):
        for named, cells in zip(found.values(), table.rows, strict=True):
            named += zip(table.headers[names:], cells[names:], strict=True)
    return found


def _details(section: Section, row: Row) -> Iterator[tuple[str, str]]:
    """Yield what the page's table does not show of a row, what speaks against it first."""
    for flag in row.flags:
        yield "Flagged", str(flag)
    for number, failed in sorted(row.failures.items()):
        yield "Failed", f"round {number + 1}: {failed}"
    if not row.outcomes:
        yield "Not measured", "the run ended before its first trial was finished"
    yield "Workload", f"{descriptions.workload(section.workload)} ({row.case.workload})"
    if row.verification and isinstance(found := row.verification.result, Verified):
        loss = f"loss {found.loss_deviation:.1e} off (limit {found.loss_limit:.0e})"
        limit = f"(limit {found.parameter_limit:.0e})"
        yield "Verification", f"{loss}, parameters {found.parameter_deviation:.1e} off {limit}"
        yield "Not verified", found.left_out or ""
    seconds = {str(number + 1): value for number, value in sorted(row.seconds.items())}
    yield "Seconds per epoch, by round", _listed(seconds, 4)
    if row.trials:
        yield "Seconds of a trial", _listed(chart_data.typical_phases(row), 2)


def _listed(values: Mapping[str, float], digits: int) -> str:
    parts = (f"{name}: {numbers.significant(value, digits)}" for name, value in values.items())
    return ", ".join(parts)
