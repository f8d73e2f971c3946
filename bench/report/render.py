"""From the run files to the pages: nothing else is read, and nothing is measured."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from bench import machine
from bench.report import (
    chart_data,
    descriptions,
    drawing,
    fleet_page,
    index,
    machine_page,
    sweep_chart,
)
from bench.report.chart_data import Chart
from bench.report.index import Shown
from bench.report.sections import Section, newest_widest, sections_of
from bench.report.sweep_sections import SweepSection, sweep_sections_of, widest_sweeps
from bench.results import redact
from bench.results.fleets import read_fleet
from bench.results.records import Run
from bench.results.store import BrokenRunFile, CannotSave, read_run, write_atomically

SIGN = "\n<!-- made from the files in runs/ by `python -m bench report` -->\n"

Read = TypeVar("Read")


class Rendered(NamedTuple):
    """What was written, and the files that were left out with the reasons."""

    pages: list[Path]
    charts: list[Path]
    problems: list[str]


def render(reports: Path, with_page: bool = False) -> Rendered:
    """Write a page for each machine, its charts and the index; with `with_page` index.html, too.

    Pages of ours whose run files are gone are removed. Raises CannotSave if that is not possible.
    """
    every_run, problems = read_all(reports / "runs", read_run)
    by_name, broken = read_all(reports / "fleets", read_fleet)
    fleets = sorted(by_name.values(), key=lambda fleet: fleet.name, reverse=True)  # newest first
    problems += broken
    fleet_sections = [fleet_page.FleetSection(fleet, every_run) for fleet in fleets]
    # A fleet's machines have their page together, unless its record is not there.
    known = {fleet.name for fleet in fleets}
    runs = {name: run for name, run in every_run.items() if run.fleet not in known}
    everything = by_machine(runs)
    shown = {slug: _shown(some) for slug, some in everything.items()}
    machines = [next(iter(some.values())).machine for some in everything.values()]
    titles = dict(zip(everything, descriptions.titles(machines), strict=True))
    pages = {f"{slug}.md": machine_page.page(titles[slug], slug, *found)
             for slug, found in shown.items()}  # fmt: skip
    plain = {slug: _sections(some, points=False) for slug, some in everything.items()}
    pages |= {f"fleet-{one.fleet.name}.md": fleet_page.page(one) for one in fleet_sections}
    pages["README.md"] = index.page(titles, shown, plain, fleet_sections)
    if with_page:
        from bench.report import page  # it is large, and few ask for it

        sweeps = [one for name, run in runs.items() for one in sweep_sections_of(name, run)]
        pages["index.html"] = page.build(_sections(runs), problems, sweeps, fleet_sections)
    try:
        charts = drawing.draw(reports / "charts", _by_stem(shown))
        return Rendered(_write(reports, pages), charts, problems)
    except OSError as error:
        raise CannotSave(f"{reports} cannot be written: {error}; name another --reports") from error


def _shown(runs: Mapping[str, Run]) -> Shown:
    """Return what the page of a machine shows, given its runs by file name."""
    sections = newest_widest(_sections(runs, points=False))
    sweeps = widest_sweeps(
        one for name, run in runs.items() for one in sweep_sections_of(name, run)
    )
    return Shown({section: chart_data.of_section(section) for section in sections},
                 {sweep: sweep_chart.of_sweep(sweep) for sweep in sweeps})  # fmt: skip


def _sections(runs: Mapping[str, Run], points: bool = True) -> list[Section]:
    """Return the sections of runs, those of the points of sweeps only if they are asked for."""
    return [section for name, run in runs.items() if points or not run.axes
            for section in sections_of(name, run)]  # fmt: skip


def _by_stem(shown: Mapping[str, Shown]) -> dict[str, Chart]:
    every: list[tuple[str, Section | SweepSection, dict[str, Chart]]] = []
    for slug, found in shown.items():
        every += [(slug, *section) for section in found.sections.items()]
        every += [(slug, *sweep) for sweep in found.sweeps.items()]
    return {drawing.stem(slug, section, name): chart
            for slug, section, charts in every for name, chart in charts.items()}  # fmt: skip


def read_all(folder: Path, read: Callable[[Path], Read]) -> tuple[dict[str, Read], list[str]]:
    """Return what the files of a folder hold, by name, and what is wrong with the others."""
    found, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.name] = read(path)
        except BrokenRunFile as error:
            problems.append(redact.printable(str(error)))
    return found, problems


def by_machine(runs: Mapping[str, Run]) -> dict[str, dict[str, Run]]:
    """Return the runs by the machine's slug, with its label if it has one, and their file name."""
    found: dict[str, dict[str, Run]] = {}
    for name, run in runs.items():
        slug = "-".join(filter(None, [machine.slug(run.machine), run.label]))
        found.setdefault(slug, {})[name] = run
    return dict(sorted(found.items()))


def _write(folder: Path, pages: Mapping[str, str]) -> list[Path]:
    contents = {folder / name: f"{page}{SIGN}".encode() for name, page in pages.items()}
    changed = [path for path, content in contents.items()
               if not path.exists() or path.read_bytes() != content]  # fmt: skip
    for path in changed:
        write_atomically(path, contents[path])
    for path in set(filter(Path.is_file, folder.glob("*.md"))) - contents.keys():
        if path.read_bytes().endswith(SIGN.encode()):
            path.unlink()
    return changed
