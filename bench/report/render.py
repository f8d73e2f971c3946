"""From the run files to the pages: nothing else is read, and nothing is measured."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.report import chart_data, descriptions, drawing, index, machine_page
from bench.report.chart_data import Chart
from bench.report.sections import Section, newest_widest, sections_of
from bench.results import redact
from bench.results.records import Run
from bench.results.store import BrokenRunFile, CannotSave, read_run, write_atomically


class Rendered(NamedTuple):
    """What was written, and the files that were left out with the reasons."""

    pages: list[Path]
    charts: list[Path]
    problems: list[str]


def render(reports: Path, with_page: bool = False) -> Rendered:
    """Write a page for each machine, its charts and the index; with `with_page` index.html, too.

    Raises CannotSave if that is not possible.
    """
    runs, problems = read_runs(reports / "runs")
    everything = by_machine(runs)
    shown = {
        slug: {section: chart_data.of_section(section) for section in newest_widest(sections)}
        for slug, sections in everything.items()
    }
    machines = [sections[0].run.machine for sections in everything.values()]
    titles = dict(zip(everything, descriptions.titles(machines), strict=True))
    pages = {
        f"{slug}.md": machine_page.page(titles[slug], slug, found) for slug, found in shown.items()
    }
    pages["README.md"] = index.page(titles, shown, everything)
    if with_page:
        from bench.report import page  # it is large, and few ask for it

        pages["index.html"] = page.build(list(chain(*everything.values())), problems)
    try:
        charts = drawing.draw(reports / "charts", _by_stem(shown))
        return Rendered(_write(reports, pages), charts, problems)
    except OSError as error:
        raise CannotSave(f"{reports} cannot be written: {error}; name another --reports") from error


def _by_stem(shown: Mapping[str, Mapping[Section, Mapping[str, Chart]]]) -> dict[str, Chart]:
    return {
        drawing.stem(slug, section, name): chart
        for slug, found in shown.items()
        for section, charts in found.items()
        for name, chart in charts.items()
    }


def read_runs(folder: Path) -> tuple[dict[str, Run], list[str]]:
    """Return the runs of a folder by file name, and what is wrong with the other files."""
    runs, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            runs[path.name] = read_run(path)
        except BrokenRunFile as error:
            problems.append(redact.printable(str(error)))
    return runs, problems


def by_machine(runs: dict[str, Run]) -> dict[str, list[Section]]:
    """Return the sections of all runs, by the machine's slug."""
    sections: dict[str, list[Section]] = {}
    for name, run in runs.items():
        sections.setdefault(machine.slug(run.machine), []).extend(sections_of(name, run))
    return dict(sorted(sections.items()))


def _write(folder: Path, pages: Mapping[str, str]) -> list[Path]:
    contents = {folder / name: page.encode() for name, page in pages.items()}
    changed = [path for path, content in contents.items()
               if not path.exists() or path.read_bytes() != content]  # fmt: skip
    for path in changed:
        write_atomically(path, contents[path])
    return changed
