"""From the run files to the pages: nothing else is read, and nothing is measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import machine, scrub
from bench.records import BrokenRunFile, CannotSave, Run, read_run, write_atomically
from bench.report import charts, drawing, index, machine_page
from bench.report.sections import Key, Section, newest_widest, sections_of


class Rendered(NamedTuple):
    """What was written, and the files that were left out with the reasons."""

    written: list[Path]
    problems: list[str]


def render(reports: Path, with_page: bool = False) -> Rendered:
    """Write a page for each machine, its charts and the index; with `with_page` index.html, too.

    Raises CannotSave if that is not possible.
    """
    runs, problems = read_runs(reports / "runs")
    everything = by_machine(runs)
    shown = {slug: to_show(sections) for slug, sections in everything.items()}
    found = {slug: {section.key: charts.of_section(section) for section in sections}
             for slug, sections in shown.items()}  # fmt: skip
    finish_drawing = drawing.begin(reports / "charts", _by_stem(shown, found))
    pages = {
        f"{slug}.md": machine_page.page(slug, sections, found[slug]).encode()
        for slug, sections in shown.items()
    }
    pages["README.md"] = index.page(shown, everything).encode()
    if with_page:
        pages["index.html"] = _explorable(everything, problems)
    written = [path for name, content in pages.items() if _write(path := reports / name, content)]
    return Rendered(written + finish_drawing(), problems)


def _by_stem(
    shown: Mapping[str, Sequence[Section]],
    found: Mapping[str, Mapping[Key, Mapping[str, charts.Chart]]],
) -> dict[str, charts.Chart]:
    """Return all charts by the stems of their file names."""
    return {
        f"{slug}-{charts.section_slug(section)}-{name}": chart
        for slug, sections in shown.items()
        for section in sections
        for name, chart in found[slug][section.key].items()
    }


def _explorable(everything: dict[str, list[Section]], problems: list[str]) -> bytes:
    """Return the page that holds every run."""
    from bench.report import page  # it is large, and few ask for it

    sections = [section for sections in everything.values() for section in sections]
    return page.build(sections, problems)


def read_runs(folder: Path) -> tuple[dict[str, Run], list[str]]:
    """Return the runs of a folder by file name, and what is wrong with the other files."""
    runs, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            runs[path.name] = read_run(path)
        except BrokenRunFile as error:
            problems.append(scrub.printable(str(error)))
    return runs, problems


def by_machine(runs: dict[str, Run]) -> dict[str, list[Section]]:
    """Return the sections of all runs, by the machine's slug."""
    sections: dict[str, list[Section]] = {}
    for name, run in runs.items():
        slug = machine.slug(run.machine)
        sections.setdefault(slug, []).extend(sections_of(name, run))
    return dict(sorted(sections.items()))


def to_show(sections: Sequence[Section]) -> list[Section]:
    """Return the sections of a machine that stand on its page, accelerators first."""
    return sorted(newest_widest(sections).values(), key=_place)


def _place(section: Section) -> tuple[bool, str, int, int, str]:
    workload = section.workload
    on_cpu = all(row.cell.device == "cpu" for row in section.rows)
    return on_cpu, workload.variant, workload.train_samples, -workload.epochs, str(section.key)


def _write(path: Path, encoded: bytes) -> bool:
    """Write a page if it changed; return whether it did."""
    try:
        if path.exists() and path.read_bytes() == encoded:
            return False
        write_atomically(path, encoded)
    except OSError as error:
        raise CannotSave(f"{path} cannot be written: {error}; name another --reports") from error
    return True
