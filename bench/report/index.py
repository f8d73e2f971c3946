"""The page of all machines: `reports/README.md`."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from bench.report import TITLE, history, numbers, tables
from bench.report.footnotes import Footnotes
from bench.report.machine_page import device_kind, title
from bench.report.markdown import table, text
from bench.report.published import FIGURES, seconds_of_same_work
from bench.report.sections import Section
from bench.statistics import noise_floor

LEGEND = (
    "One row for each machine, variant and device, with the backend that was fastest there; all "
    "backends stand on the machine's page. Rows with different numbers of images did different "
    "work. *× notebook* is the notebook's published time on an Intel Celeron N2840 over ours, for "
    "the same epoch of 6,000 images; it was published in whole seconds. Differences between "
    "backends below the *noise floor* of their run mean nothing."
)

PUBLISHED_LEGEND = (
    "What others published, as they published it; never ranked with ours. Only where the work is "
    "the same is ours divided by it."
)


def page(
    machines: Mapping[str, Sequence[Section]], everything: Mapping[str, Sequence[Section]]
) -> str:
    """Return the whole page; machines by slug, each with the sections to show, and with all."""
    headers = ["machine", "variant", "device", "images", "fastest backend", "s per epoch [95 %]",
               "noise floor", "test accuracy", "× notebook", "newest run"]  # fmt: skip
    rows = [
        row
        for slug, sections in machines.items()
        for section in sections
        if (row := _row(slug, section)) is not None
    ]
    parts = [TITLE, LEGEND, table(headers, rows, left=3), "## Published figures"]
    parts += [published(), PUBLISHED_LEGEND]
    for slug, sections in machines.items():
        past = history.tables(everything[slug])
        if past:
            name = text(title(sections[0].run.machine))
            parts += [f"## History: {name}", past]
    return "\n\n".join(parts) + "\n"


def _row(slug: str, section: Section) -> list[str] | None:
    contest = tables.Contest(section.rows, section.marks, Footnotes())
    fastest = contest.fastest
    if fastest is None or fastest.interval is None:
        return None
    workload = section.workload
    theirs = seconds_of_same_work(workload.variant, workload.train_samples)
    noise = noise_floor([row.seconds for row in section.rows if row.trials])
    accuracies = [trained.epochs[-1].accuracy for trained in fastest.trials.values()]
    return [
        f"[{text(title(section.run.machine))}]({slug}.md)",
        text(workload.variant),
        text(device_kind(section)),
        f"{workload.train_samples:,}",
        contest.winners(),
        numbers.interval(fastest.interval),
        f"{100 * noise:.0f} %" if noise is not None else "",
        tables.mean_and_spread(accuracies),
        numbers.significant(theirs / fastest.interval.centre, 2) if theirs else "",
        f"[{section.run.created[:10]}](runs/{quote(section.run_name)})",
    ]


def published() -> str:
    """Return the table of figures that others published."""
    headers = ["source", "machine", "nearest variant", "what", "figure", "same work as ours"]
    rows = [
        [
            one.source,
            one.machine,
            one.variant,
            one.what,
            one.figure,
            "yes" if one.same_work else "no",
        ]
        for one in FIGURES
    ]
    return table(headers, [[text(cell) for cell in row] for row in rows], left=4)
