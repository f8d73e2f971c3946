"""Which rows stand in one table, in which order, and which of them are the fastest.

They share machine, threads, workload and inputs. Of several runs that did the same work on a
machine, the table shows the one with the most sound rows, the newest of those: rows of different
runs were not measured side by side.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from bench.report import efficiency, numbers
from bench.report.efficiency import Bound
from bench.results import statistics
from bench.results.cases import Row, in_threads, rows_of
from bench.results.records import Case, Flag, Run
from bench.results.statistics import Timings
from bench.workload import Device

DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Key(NamedTuple):
    """What two rows must share to stand in one table."""

    workload: str  # fingerprint
    inputs: str  # hash; "" for rows without a trial, which join the others of their workload
    threads: int
    part: int = 0  # which of its groups, from 1, where not all of its cases took turns; else 0


class Section:
    """The rows of one run that share a table: the fastest first, flagged and failed ones last."""

    def __init__(self, key: Key, run_name: str, run: Run, rows: Sequence[Row]) -> None:
        self.key, self.run_name, self.run = key, run_name, run
        self.workload = run.workloads[key.workload]
        self.rows: list[Row] = sorted(rows, key=_place)
        self.measured = [row for row in self.rows if row.trials]
        self.sound = [row for row in self.rows if row.is_sound]
        self.devices: list[Device] = list(dict.fromkeys(row.case.device for row in rows))
        self.kinds = ", ".join(dict.fromkeys(device.kind for device in self.devices))
        images = f"{self.workload.train_samples:,} images"
        threads = in_threads(rows[0].case.threads)  # where they are an axis
        group = f"group {key.part}" if key.part else ""
        self.work = ", ".join(filter(None, (self.workload.variant, images, threads, group)))

    @property
    def file_words(self) -> tuple[str, str]:
        """What the files of its charts are called after."""
        return self.workload.variant, str(self.workload.train_samples)

    @cached_property
    def bounds(self) -> dict[Device, Bound]:
        """The GEMM bounds of its workload, by device."""
        return efficiency.bounds_of(self.run, self.rows)

    @cached_property
    def fastest_group(self) -> set[Case]:
        """The rows that no other row is shown to be faster than; none if the trials are too few."""
        if sum(row.is_telling for row in self.sound) < 2:
            return set()
        return statistics.fastest_group({row.case: row.timings for row in self.sound})

    @property
    def winners(self) -> str:
        """The names of the fastest group; that there is none if the trials show none."""
        group = [row.case.backend for row in self.sound if row.case in self.fastest_group]
        name = self.sound[0].case.backend
        return ", ".join(group) or (name if len(self.sound) == 1 else f"none shown ({name} lowest)")

    def relative(self, row: Row) -> str:
        """Return how much slower than the fastest row; ~ if that is not shown."""
        if not row.is_sound:
            return "–"
        if row is self.sound[0]:
            return "1"
        if row.case in self.fastest_group:
            return "~"  # of many comparisons some show a difference by chance: the group allows it
        return ratio_in_words(row.timings, self.sound[0].timings)

    @property
    def notes(self) -> dict[Flag, str]:
        """The flags of its rows, each with the mark of its footnote: " ¹", " ²" …"""
        flags = dict.fromkeys(flag for row in self.rows for flag in row.flags)
        return {flag: f" {number}".translate(DIGITS) for number, flag in enumerate(flags, start=1)}


def _place(row: Row) -> tuple[bool, float, str]:
    return not row.is_sound, numbers.rounded(efficiency.centre(row)), row.case.backend


def ratio_in_words(new: Timings, base: Timings) -> str:
    """Return the seconds of a row over those of another; ~ if no difference is shown."""
    ratio = statistics.ratio(new, base)
    if ratio is None:
        return "–"
    return "~" if statistics.verdict(ratio) == "~" else f"{numbers.interval(ratio)} ×"


def sections_of(name: str, run: Run) -> list[Section]:
    """Return the sections of one run."""
    groups: dict[Key, list[Row]] = {}
    parts = parts_of(run)
    for row in rows_of(run):
        inputs = min(row.inputs, default="")
        key = Key(
            row.case.workload, inputs, row.case.threads or run.threads, parts.get(row.case, 0)
        )
        groups.setdefault(key, []).append(row)
    for key in [key for key in groups if not key.inputs]:
        homes = (other for other in groups if other._replace(inputs="") == key)
        home = next((other for other in homes if other.inputs), None)
        if home is not None:
            groups[home] += groups.pop(key)
    return [Section(key, name, run, rows) for key, rows in groups.items()]


def parts_of(run: Run) -> dict[Case, int]:
    """Return the part of the cases whose workload has several, for want of memory.

    Where no cases took turns, as on accelerators, they share a table.
    """
    groups: dict[tuple[str, str], list[Sequence[Case]]] = {}
    for cases in run.groups:
        groups.setdefault((cases[0].workload, cases[0].device.kind), []).append(cases)
    return {
        case: part
        for some in groups.values()
        if 1 < len(some) < sum(map(len, some))
        for part, cases in enumerate(some, start=1)
        for case in cases
    }


def newest_widest(sections: Iterable[Section]) -> list[Section]:
    """Return for each table of a machine the section to show, accelerators first."""
    by_rank = sorted(sections, key=lambda one: (len(one.sound), one.run.created, one.run_name))
    return sorted({section.key: section for section in by_rank}.values(), key=_order)


def _order(section: Section) -> tuple[bool, str, int, int, str]:
    workload = section.workload
    on_cpu = all(device.is_cpu for device in section.devices)
    return on_cpu, workload.variant, workload.train_samples, -workload.epochs, str(section.key)
