"""Compare two runs, or two backends of one run, row by row; refuse what cannot be compared."""

import math
from collections.abc import Hashable, Iterator, Sequence
from statistics import median
from typing import Literal, NamedTuple

import msgspec

from bench.results import statistics
from bench.results.cases import Row, in_threads, rows_of
from bench.results.quantities import Record
from bench.results.records import Run
from bench.results.statistics import Interval
from bench.workload import Workload


class Compared(Record, frozen=True):
    """What came of one pair of rows: new over base, in seconds per epoch or of a call."""

    base: str
    new: str
    device: str
    variant: str  # and the threads, where they are an axis
    verdict: Literal["faster", "slower", "no difference shown", "not comparable"]
    pairs: int = 0  # of trials or turns, behind the ratio
    ratio: float | None = None
    low: float | None = None  # of the 95 % interval
    high: float | None = None
    reason: str | None = None  # why not comparable
    images: int | None = None  # that are predicted in a call; None: of training

    @property
    def interval(self) -> Interval | None:
        """The ratio with its interval."""
        if self.ratio is None:
            return None
        return Interval(self.low, self.ratio, self.high, self.pairs)


class Side(NamedTuple):
    """One side of a comparison: a run, or one backend of it."""

    run: Run
    backend: str | None = None

    def rows(self) -> list[Row]:
        """Return the rows of this side."""
        return [row for row in rows_of(self.run) if self.backend in (None, row.case.backend)]


def compare(base: Side, new: Side) -> list[Compared]:
    """Return comparisons for each pair of rows of the same device, variant and training images.

    The first is of training, the others of predicting as many images as both did in a call. If both
    sides are one backend, they are compared whatever their names; otherwise rows of the same
    backend are. Where threads are an axis of either run, rows of as many threads are.
    """
    by_name = base.backend is None or new.backend is None
    by_threads = any(case.threads for side in (base, new) for case in side.run.cases)

    def keyed(side: Side) -> dict[tuple[object, ...], Row]:
        return {
            (
                by_name and row.case.backend,
                by_threads and (row.case.threads or side.run.threads),
                *(row.case.device, row.workload.variant, row.workload.train_samples),
            ): row
            for row in side.rows()
        }

    partners = keyed(new)
    pairs = [(row, partners[key]) for key, row in keyed(base).items() if key in partners]
    return [compared for pair in pairs for compared in _compare(*pair)]


def _compare(base: Row, new: Row) -> Iterator[Compared]:
    threads = in_threads(new.case.threads or base.case.threads)
    work = ", ".join(filter(None, (new.workload.variant, threads)))
    names = (base.case.backend, new.case.backend, str(new.case.device), work)
    reason = _why_not(base, new)
    if reason:
        yield Compared(*names, "not comparable", reason=reason)
        return
    ratios = {None: statistics.ratio(new.timings, base.timings)} | {
        images: statistics.ratio(new.predicting(images), base.predicting(images))
        for images in sorted(base.call_sizes & new.call_sizes)
    }
    for images, ratio in ratios.items():
        if ratio is None:
            continue  # no round in which both predicted
        verdict = statistics.verdict(ratio)
        in_words = "no difference shown" if verdict == "~" else verdict
        bounds = ratio.centre, ratio.low, ratio.high
        yield Compared(*names, in_words, ratio.values, *bounds, images=images)


def _why_not(base: Row, new: Row) -> str | None:
    if base.case.workload != new.case.workload:
        return f"different workloads: {_unlike(base.workload, new.workload)}"
    for side, row in (("base", base), ("new", new)):
        if row.flags:
            return f"{side} is flagged: {row.flags[0]}"
        if not row.trials:
            return f"{side} has no successful trial"
    if base.inputs != new.inputs:
        return f"different inputs, {' and '.join(sorted(base.inputs | new.inputs))}"
    if not set(base.seconds) & set(new.seconds):
        return "no round that both completed"
    return None


def _unlike(base: Workload, new: Workload) -> str:
    """Return in what two workloads differ, in words."""
    olds, youngs = map(msgspec.structs.asdict, (base, new))
    return ", ".join(f"{name.replace('_', ' ')} {old} and {youngs[name]}"
                     for name, old in olds.items() if old != youngs[name])  # fmt: skip


def differences(base: Run, new: Run) -> list[str]:
    """Return what differs between the environments of two runs, in words."""
    olds, youngs = _environment(base), _environment(new)
    both = {None, *(base.backends.keys() & new.backends.keys())}
    changes: dict[str, list[str]] = {}  # equal ones are said once, with all backends
    for backend, fact in olds | youngs:
        values = [facts.get((backend, fact)) for facts in (olds, youngs)]
        if backend in both and values[0] != values[1]:
            before, after = ("absent" if value is None else value for value in values)
            names = changes.setdefault(f"{fact}: {before} → {after}", [])
            names += [backend] if backend else []
    return sorted(f"{change} ({', '.join(sorted(names))})" if names else change
                  for change, names in changes.items())  # fmt: skip


def _environment(run: Run) -> dict[tuple[str | None, str], object]:
    """Return what a run and each backend of it ran on; the run's own facts are under None."""
    facts = {"threads": run.threads, **msgspec.structs.asdict(run.machine)}
    found: dict[tuple[str | None, str], object] = {
        (None, name.replace("_", " ")): value for name, value in facts.items()
    }
    for backend, described in run.backends.items():
        variables = run.environments.get(backend, {})
        stack = {
            "python": described.python,
            "source": run.sources.get(backend),
            **described.versions,
            **variables,
        }
        found |= {(backend, name): value for name, value in stack.items()}
    return found


def least_known(rows: Sequence[Row]) -> Interval | None:
    """Return the widest of the intervals that a run is to narrow; None without a sound row."""
    return max(narrowed(rows), key=lambda one: one.half_width or math.inf, default=None)


def narrowed(rows: Sequence[Row]) -> Iterator[Interval]:
    """Yield the intervals that more rounds of a run narrow.

    Of the ratios to the fastest row of the same work, or the seconds of a row that is alone.
    """
    contests: dict[tuple[str, Hashable], list[Row]] = {}
    for row in rows:
        if row.is_sound:
            contests.setdefault((row.case.workload, row.group), []).append(row)
    for contest in contests.values():
        yield from _intervals(contest)


def _intervals(contest: Sequence[Row]) -> Iterator[Interval]:
    fastest, *others = sorted(contest, key=lambda row: median(row.seconds.values()))
    if not others and fastest.interval:
        yield fastest.interval
    for row in others:
        if ratio := statistics.ratio(row.timings, fastest.timings):
            yield ratio
