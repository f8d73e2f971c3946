"""The sweeps on the page of one machine: those of one run together, each with its chart."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from bench.report import descriptions, drawing, markdown, summary, sweep_tables, tables
from bench.report.chart_data import Chart
from bench.report.circumstances import circumstances
from bench.report.markdown import text
from bench.report.sections import Section
from bench.report.sweep_sections import SweepSection
from bench.results.cases import in_threads

SPEED_LEGEND = (
    "Samples per second: the training images of an epoch over its seconds, evaluation not "
    "included, with the 95 % interval. ● marks the fastest group at each value: no other "
    "is significantly faster there (Bonferroni-corrected). – was not measured."
)
CROSSOVER_LEGEND = (
    "Compared are the contenders that are in the fastest group somewhere, and each backend with "
    "itself on other devices. A crossover is claimed only if one is significantly faster at one "
    "measured value and the other at another (Bonferroni-corrected); its interval is that of 95 %. "
    "~ means that no difference is shown."
)
LEGENDS = {
    "Overhead and cost": "Of each round, steps × overhead + images × cost is fitted to the seconds "
    "of an epoch; the 95 % intervals are over the rounds. A fit is poor where it is off by more "
    "than 10 %, and by more than the rounds differ.",
    "Scaling": "How many times as fast as with the fewest threads, with the 95 % interval, and "
    "that as a share of how many times as many threads there are.",
    "Lower precision": "How many times as fast as the same backend in float32, in turns with it, "
    "with the 95 % interval. The peak is what one large product of the same precision reaches "
    "here.",
    "Accuracy": "After the last epoch, mean ± standard deviation over backends and rounds.",
}


def parts(slug: str, sweeps: Mapping[SweepSection, Mapping[str, Chart]]) -> Iterator[str]:
    """Yield the parts of a machine's page that show sweeps; `slug` names the machine's files."""
    for _, some in groupby(sweeps, key=lambda one: one.run_name):
        of_run = list(some)
        for section in of_run:
            pictures = [drawing.picture(drawing.stem(slug, section, name), chart)
                        for name, chart in sweeps[section].items()]  # fmt: skip
            # Its points once, where it is followed along several axes.
            yield from _sweep(section, pictures, section.sweep.names == of_run[0].sweep.names)
        rows = {row.case: row for section in of_run for row in section.rows}
        yield from circumstances(of_run[0].run, list(rows.values()))


def _sweep(section: SweepSection, pictures: list[str], with_points: bool) -> Iterator[str]:
    speed = sweep_tables.speed(section)
    crossovers = sweep_tables.crossovers(section)
    yield f"## {text(section.title)}"
    yield _about(section)
    yield markdown.bullets(summary.warnings(section.run, section.rows), sign="⚠ ")
    yield from ("### Speed", markdown.table(speed), SPEED_LEGEND)
    yield "  \n".join(map(text, speed.notes))
    yield from pictures
    if crossovers:
        yield from ("### Crossovers", markdown.bullets(crossovers), CROSSOVER_LEGEND)
    for title, table in sweep_tables.beside_speed(section).items():
        yield from (f"### {title}", markdown.table(table), LEGENDS[title])
    if with_points:
        yield from (_point(section, point) for point in section.points)


def _about(section: SweepSection) -> str:
    run = section.run
    threads = [] if "threads" in {axis.name for axis in run.axes} else [in_threads(run.threads)]
    facts = [descriptions.rounds(run), *threads, run.created[:10]]
    return text(f"{_shared(section)}. {', '.join(facts)}, run file {section.run_name}.")


def _shared(section: SweepSection) -> str:
    """Return what all points of a sweep have in common, in words."""
    described = [descriptions.workload(row.workload).split(", ") for row in section.rows]
    return ", ".join(part for part in described[0] if all(part in other for other in described))


def _point(section: SweepSection, point: Section) -> str:
    """Return the speeds at one point, folded away."""
    table = tables.speed(point)
    value = section.sweep.value_of(point.rows[0])
    named = value if section.sweep.is_joint else f"{section.sweep.words} {value}"
    place = f"{named}: {table.title}"
    parts = [f"<details><summary>{text(place)}</summary>", markdown.table(table),
             "  \n".join(map(text, table.notes)), "</details>"]  # fmt: skip
    return "\n\n".join(filter(None, parts))
