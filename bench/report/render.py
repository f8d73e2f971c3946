"""From the run files to the pages: nothing else is read, and nothing is measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench import machine
from bench.records import BrokenRunFile, CannotSave, Run, read_run, write_atomically
from bench.report import index, machine_page
from bench.report.sections import Section, newest_widest, sections_of


class Rendered(NamedTuple):
    """What was written, and the files that were left out with the reasons."""

    written: list[Path]
    problems: list[str]


def render(reports: Path) -> Rendered:
    """Write a page for each machine and the index; raise CannotSave if that is not possible."""
    runs, problems = read_runs(reports / "runs")
    everything = by_machine(runs)
    shown = {slug: to_show(sections) for slug, sections in everything.items()}
    pages = {slug: machine_page.page(sections) for slug, sections in shown.items()}
    pages["README"] = index.page(shown, everything)
    written = [path for name, content in pages.items()
               if _write(path := reports / f"{name}.md", content)]  # fmt: skip
    return Rendered(written, problems)


def read_runs(folder: Path) -> tuple[dict[str, Run], list[str]]:
    """Return the runs of a folder by file name, and what is wrong with the other files."""
    runs, problems = {}, []
    for path in sorted(folder.glob("*.json")):
        try:
            runs[path.name] = read_run(path)
        except BrokenRunFile as error:
            problems.append(str(error))
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


def _write(path: Path, content: str) -> bool:
    """Write a page if it changed; return whether it did."""
    encoded = content.encode()
    try:
        if path.exists() and path.read_bytes() == encoded:
            return False
        write_atomically(path, encoded)
    except OSError as error:
        raise CannotSave(f"{path} cannot be written: {error}; name another --reports") from error
    return True
