"""What a run says in a few lines: its speeds, how precise they are, and what to be wary of."""

from collections.abc import Iterator, Sequence

from bench.machine import diagnostics
from bench.report import sweep_tables, tables
from bench.report.sections import parts_of, sections_of
from bench.report.sweep_sections import SweepSection, sweep_sections_of
from bench.report.tables import Table
from bench.results import comparison, statistics
from bench.results.cases import Row, in_threads, rows_of
from bench.results.records import Run
from bench.workload.axes import THREADS


def answers(run: Run) -> list[tuple[Table, ...]]:
    """Return the speeds of each workload of a run, or of each sweep with what it does to accuracy.

    Each table comes in one or more widths, the widest first.
    """
    if not run.axes:
        return [(tables.speed(section),) for section in sections_of("", run)]
    found: list[tuple[Table, ...]] = []
    for section in sweep_sections_of("", run):
        found.append(tuple(_with_crossovers(section, intervals) for intervals in (True, False)))
        if lower := sweep_tables.lower_precision(section):
            found.append((lower,))
        if section.sweep.axis.name != THREADS:  # which change no number
            found.append((sweep_tables.accuracy(section),))
    return found


def _with_crossovers(section: SweepSection, intervals: bool) -> Table:
    table = sweep_tables.speed(section, intervals)
    return table._replace(notes=[*table.notes, *sweep_tables.crossovers(section)])


def warnings(run: Run, rows: Sequence[Row] | None = None) -> list[str]:
    """Return what to be careful about: in a whole run, or in some of its rows."""
    rows = rows_of(run) if rows is None else rows
    names = [row_name(run, row) for row in rows]
    seconds = [[[epoch.seconds for epoch in one.epochs] for one in row.trials.values()]
               for row in rows]  # fmt: skip
    return [
        *_environment(run),
        *_groups(run, rows),
        *diagnostics.of_quota(run.machine),
        *diagnostics.of_conditions([trial.conditions for row in rows for trial in row.outcomes]),
        *diagnostics.of_trials(dict(zip(names, (row.seconds for row in rows), strict=True))),
        *diagnostics.of_epochs(dict(zip(names, seconds, strict=True))),
    ]


def row_name(run: Run, row: Row) -> str:
    """Return what a row is called, with its place where the run has axes."""
    point = f" ({row.workload.variant})" if run.axes else ""
    threads = in_threads(row.case.threads)
    return f"{row.case.backend} on {row.case.device}{threads and f', {threads}'}{point}"


def _environment(run: Run) -> Iterator[str]:
    """Yield which variables of a shell may explain numbers, and which were kept out of them."""
    if run.kept:
        kept = ", ".join(f"{name}={value}" for name, value in sorted(run.kept.items()))
        yield (
            f"The trials inherited {kept} from the shell (--keep-env): the numbers hold for that "
            "setting. Run without it to compare with others."
        )
    if run.dropped:
        yield (
            f"The shell sets {', '.join(run.dropped)}, which can change the speed of single "
            "backends. The trials did not inherit it; --keep-env NAME passes a variable on."
        )


def _groups(run: Run, rows: Sequence[Row]) -> Iterator[str]:
    """Yield that rows of some groups are not compared with those of others."""
    parts = parts_of(run)
    if any(row.case in parts for row in rows):
        yield (
            "Not all cases took turns with each other, because they did not fit into memory or "
            "--together allowed fewer. Each group has a table of its own; groups are not ranked "
            "with each other."
        )


def precision(measured: Sequence[Row]) -> str:
    """Return which differences some rows show, and how precisely they are compared."""
    smallest = statistics.minimum_detectable_difference([row.timings for row in measured])
    widest = comparison.least_known(measured)
    if smallest is None or widest is None or widest.half_width is None:
        return ""
    return (
        f"Minimum detectable difference of this run: {100 * smallest:.1f} %; smaller differences "
        "between backends mean nothing. The ratios to the fastest row are known to "
        f"± {100 * widest.half_width:.1f} % or better."
    )
