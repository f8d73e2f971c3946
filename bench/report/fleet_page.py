"""The page of a fleet: kinds of machines, and within a kind which machine deviates."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from statistics import median
from urllib.parse import quote

from bench import machine
from bench.report import descriptions, markdown, numbers
from bench.report.markdown import text
from bench.report.tables import Table
from bench.results import fleet_comparison, statistics
from bench.results.cases import Row, in_threads, rows_of
from bench.results.fleet_comparison import Standing
from bench.results.fleets import Fleet, Member
from bench.results.records import Run

KINDS_LEGEND = (
    "Seconds per epoch by kind of machine, with the 95 % interval over its machines, or over the "
    "rounds where there is one. – was not measured."
)
MACHINES_LEGEND = (
    "*against its kind* divides a machine's seconds per epoch by the median of its kind, typically "
    "of its backends. ● marks a machine that deviates: by more than 3 %, and by more than the "
    "farthest of as many equal machines would in 95 of 100 fleets. Fewer than five machines of a "
    "kind cannot tell."
)


class FleetSection:
    """A fleet with the runs of its machines."""

    def __init__(self, fleet: Fleet, runs: Mapping[str, Run]) -> None:
        self.fleet = fleet
        self.runs = {
            one.label: runs[one.run] for one in fleet.members if one.run and one.run in runs
        }
        self.kinds: dict[str, list[str]] = {}  # labels by slug
        for label, run in self.runs.items():
            self.kinds.setdefault(machine.slug(run.machine), []).append(label)

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """The sound rows of each machine."""
        return {label: [row for row in rows_of(run) if row.is_sound]
                for label, run in self.runs.items()}  # fmt: skip

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """Where each machine stands within its kind."""
        found: dict[str, Standing] = {}
        for labels in self.kinds.values():
            seconds = {label: {row.case: row.interval.centre for row in self.rows[label]
                               if row.interval} for label in labels}  # fmt: skip
            found |= fleet_comparison.standings(seconds)
        return found

    @cached_property
    def wrong(self) -> dict[str, str]:
        """Which machines compute wrongly, in words."""
        found: dict[str, str] = {}
        for labels in self.kinds.values():
            found |= fleet_comparison.wrong_losses({one: self.rows[one] for one in labels})
        return found

    @property
    def deviating(self) -> list[str]:
        """The labels of machines that deviate."""
        return [label for label, standing in self.standings.items() if standing.deviates]

    def about(self, member: Member) -> str:
        """Return what there is to say of a machine: why nothing came, what is odd, and why."""
        run = self.runs.get(member.label)
        words = [member.reason or ("" if run else "its run file is missing")]
        if member.label in self.wrong:
            words.append(f"computes wrongly: {self.wrong[member.label]}")
        standing = self.standings.get(member.label)
        if run and standing and standing.deviates:
            peers = [self.runs[one] for one in self.kinds[machine.slug(run.machine)]
                     if one != member.label]  # fmt: skip
            differs = fleet_comparison.what_differs(run, peers)
            words.append("; ".join(differs) or "nothing recorded tells it from its peers")
        return "; ".join(filter(None, words))


def page(section: FleetSection) -> str:
    """Return the page of a fleet."""
    fleet = section.fleet
    parts = [f"# Fleet {text(fleet.name)}", text(summary(section))]
    parts += [markdown.code_block(fleet.command), "## Kinds of machines"]
    for table in kinds(section):
        parts += [f"**{text(table.title)}**", markdown.table(table)]
    parts += [KINDS_LEGEND, "## Machines", _linked(section), MACHINES_LEGEND]
    return "\n\n".join(parts) + "\n"


def summary(section: FleetSection) -> str:
    """Return what came of a fleet, in a few sentences."""
    members, odd = section.fleet.members, section.deviating
    missing = [one for one in members if one.label not in section.runs]
    words = [f"{len(members)} machines of {len(section.kinds)} kinds."]
    if missing:
        words.append(f"{len(missing)} brought no run: {_some([one.label for one in missing])}.")
    words.append(f"These deviate: {_some(odd)}." if odd else "No machine is shown to deviate.")
    if section.wrong:
        words.append(f"These compute wrongly: {_some(list(section.wrong))}.")
    return " ".join(words)


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:20]) + (f" and {len(labels) - 20} more" if len(labels) > 20 else "")


def kinds(section: FleetSection) -> list[Table]:
    """Return a table for each workload: kinds × backends."""
    found: dict[str, dict[str, dict[str, list[Row]]]] = {}  # title, backend, kind
    for kind, labels in section.kinds.items():
        for row in (row for label in labels for row in section.rows[label]):
            name = " ".join(filter(None, [row.case.backend, in_threads(row.case.threads)]))
            work = f"{row.workload.variant}, {row.workload.train_samples:,} images"
            title = f"{work}, {row.case.device.kind}"
            found.setdefault(title, {}).setdefault(name, {}).setdefault(kind, []).append(row)
    facts = [section.runs[labels[0]].machine for labels in section.kinds.values()]
    titles = descriptions.titles(facts)
    headers = [f"{title} ({len(labels)})"
               for title, labels in zip(titles, section.kinds.values(), strict=True)]  # fmt: skip
    tables = []
    for title, by_name in found.items():
        rows = [[name, *(_cell(by_kind.get(kind, [])) for kind in section.kinds)]
                for name, by_kind in by_name.items()]  # fmt: skip
        tables.append(Table(title, ("backend", *headers), rows))
    return tables


def _cell(rows: Sequence[Row]) -> str:
    centres = [row.interval.centre for row in rows if row.interval]
    if len(centres) == 1 and rows[0].interval:
        return numbers.interval(rows[0].interval)
    return numbers.interval(statistics.centre(centres)) if centres else "–"


def machines(section: FleetSection) -> Table:
    """Return a line for each machine, those that deviate first, then by kind and label."""
    odd = {*section.deviating, *section.wrong}
    places = {label: number for number, labels in enumerate(section.kinds.values())
              for label in labels}  # fmt: skip
    members = sorted(section.fleet.members, key=lambda one: (
        one.label not in odd, places.get(one.label, -1), _number(one.label),
    ))  # fmt: skip
    headers = ("machine", "kind", "remarks", "against its kind", "s/epoch")
    return Table("Machines", headers, [_line(section, one) for one in members], left=3)


def _linked(section: FleetSection) -> str:
    """Return the table of machines, each with a link to its run file."""
    files = {one.label: one.run for one in section.fleet.members if one.label in section.runs}
    table, rows = machines(section), []
    for label, *cells in table.rows:
        link = f"[{label}](runs/{quote(files[label] or '')})" if label in files else label
        rows.append([link, *map(text, cells)])
    return markdown.grid(table.headers, rows, table.left)


def _number(label: str) -> tuple[str, int]:
    """Return what sorts node-2 before node-10."""
    stem = label.rstrip("0123456789")
    return stem, int(label[len(stem) :] or 0)


def _line(section: FleetSection, member: Member) -> list[str]:
    run, standing = section.runs.get(member.label), section.standings.get(member.label)
    facts = run.machine if run else member.machine
    against = ""
    if standing and len(section.kinds[machine.slug(run.machine)] if run else ()) > 1:
        against = f"{'● ' if standing.deviates else ''}{standing.ratio:.3f}"
    centres = [row.interval.centre for row in section.rows.get(member.label, ()) if row.interval]
    typical = numbers.significant(median(centres), 3) if centres else ""
    kind = descriptions.titles([facts])[0] if facts else ""
    return [member.label, kind, section.about(member), against, typical]
