"""The sweeps of run files as pages and terminals show them: titles, names, points and bounds."""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from bench.report.sections import Section, sections_of
from bench.results.cases import Row, in_threads
from bench.results.records import Run
from bench.results.sweeps import Contender, Sweep, sweeps_of
from bench.workload.axes import Value, in_words


class SweepKey(NamedTuple):
    """What two sweeps share of which a page shows one."""

    axis: str
    variant: str
    fixed: tuple[tuple[str, Value], ...]  # values of other axes
    sizes: tuple[tuple[int, ...], ...]  # images and epochs, unless they are the axis
    threads: int


class SweepSection:
    """A sweep of one run with the sections of its points, the fastest contender first."""

    def __init__(self, run_name: str, sweep: Sweep, sections: Iterable[Section]) -> None:
        self.run_name, self.sweep, self.run = run_name, sweep, sweep.run
        self.rows = [row for rows in sweep.rows.values() for row in rows.values()]
        self.sound = [row for row in self.rows if row.is_sound]
        cases = {row.case for row in self.rows}
        self.points = [one for one in sections if any(row.case in cases for row in one.rows)]
        self.contenders = sorted(sweep.rows, key=self._place)

    def _place(self, contender: Contender) -> tuple[float, str]:
        """Order by the rate at the largest value: so lines and their key end in one order."""
        last: Row | None = None
        for column in self.sweep.columns.values():
            last = column.get(contender, last)
        seconds = (
            last.interval.centre / last.workload.train_samples if last and last.interval else 1e9
        )
        return round(seconds, 12), str(contender)

    @cached_property
    def key(self) -> SweepKey:
        """What it shares with the sweeps that it replaces on a page."""
        work = sorted({(row.workload.train_samples, row.workload.epochs) for row in self.rows})
        sizes = [] if self.sweep.axis.name == "train_samples" else work
        fixed = tuple(self.sweep.fixed.items())
        return SweepKey(self.sweep.axis.name, self.sweep.variant, fixed, tuple(sizes),
                        self.run.threads)  # fmt: skip

    @property
    def file_words(self) -> tuple[str, str]:
        """What the files of its charts are called after."""
        return self.sweep.variant, f"by {self.sweep.words}"

    @cached_property
    def title(self) -> str:
        """What was done, and along what: "relu, 6,000 images, cpu: by batch size"."""
        return f"{', '.join([*self._labels(), *self._sizes()])}: by {self.sweep.words}"

    def _labels(self) -> list[str]:
        """Return the variant and the values of other axes that its name leaves out."""
        named = self.sweep.variant.split(", ")
        fixed = (f"{in_words(name)} {value}" for name, value in self.sweep.fixed.items()
                 if name != "train_samples" and not isinstance(value, str))  # fmt: skip
        return [*named, *(label for label in fixed if label not in named)]

    def _sizes(self) -> list[str]:
        """Return the numbers of images with the kinds of devices that have them."""
        kinds: dict[str, dict[str, None]] = {}
        for row in self.rows:
            varied = self.sweep.axis.name == "train_samples"
            images = "" if varied else f"{row.workload.train_samples:,} images"
            kinds.setdefault(images, {})[row.case.device.kind] = None
        joint = " on " if len(kinds) > 1 else ", "
        return [
            joint.join(filter(None, (images, ", ".join(some)))) for images, some in kinds.items()
        ]

    def name(self, contender: Contender, spoken: bool = False) -> str:
        """Return the name of a contender: "torch cuda:0", in sentences "torch on cuda:0"."""
        device = str(contender.device) if len(self.sweep.devices) > 1 else ""
        parts = {"": contender.backend, "on ": device, "with ": in_threads(contender.threads)}
        return " ".join(f"{word if spoken else ''}{part}" for word, part in parts.items() if part)

    @cached_property
    def bounds(self) -> dict[str, dict[Value, float]]:
        """The samples per second of the matrix products alone, by name and value."""
        found: dict[str, dict[Value, float]] = {}
        for point in self.points:
            row = point.rows[0]
            value = self.sweep.value_of(row)
            threads = None if self.sweep.axis.name == "threads" else row.case.threads
            for device, bound in point.bounds.items():
                name = self.name(Contender("GEMM bound", device, threads))
                if value is not None:
                    rate = point.workload.train_samples / bound.seconds
                    found.setdefault(name, {})[value] = rate
        return found


def sweep_sections_of(name: str, run: Run) -> list[SweepSection]:
    """Return the sweeps of one run."""
    sections = sections_of(name, run) if run.axes else []
    return [SweepSection(name, sweep, sections) for sweep in sweeps_of(run)]


def widest_sweeps(sweeps: Iterable[SweepSection]) -> list[SweepSection]:
    """Return of sweeps of the same work the one with most sound rows, the newest of those.

    Those of one run stand together in its order, the newest run first.
    """
    every = list(sweeps)
    ranked = sorted(every, key=lambda one: (len(one.sound), one.run.created, one.run_name))
    chosen = {id(sweep) for sweep in {one.key: one for one in ranked}.values()}
    shown = [sweep for sweep in every if id(sweep) in chosen]
    return sorted(shown, key=lambda one: (one.run.created, one.run_name), reverse=True)
