"""The page of one machine: `reports/<machine>.md`."""

from collections.abc import Mapping

from bench.report import descriptions, drawing, markdown, summary, sweep_page, tables
from bench.report.chart_data import Chart
from bench.report.circumstances import circumstances
from bench.report.efficiency import in_words
from bench.report.markdown import text
from bench.report.sections import Section
from bench.report.sweep_sections import SweepSection
from bench.results.cases import in_threads

SPEED_LEGEND = (
    "One epoch is one pass over the training images, evaluation not included. A trial counts with "
    "the median of its epochs from the second on; the table shows the centre of the trials with "
    "the 95 % interval. *relative* compares each row with the fastest, paired by turn, or by round "
    "where they took no turns; ~ means that no difference is shown. ● marks the fastest group: no "
    "row is significantly faster (Bonferroni-corrected). *× GEMM bound* divides the epoch by its "
    "matrix products alone, run by the fastest library found here and paired in the same way; a "
    "compiler that fuses them may stay below 1. *% of peak* compares its rate with that of one "
    "large matrix product. Rows that are struck through are flagged: the footnotes say why, and "
    "nothing ranks them."
)
QUALITY_LEGEND = (
    "After the last epoch, mean ± standard deviation over the rounds. *s to* an accuracy counts "
    "from the start of the process, including import, reading the data, building and compiling, "
    "but not evaluation."
)
INFERENCE_LEGEND = (
    "From images in host memory to class indices, in calls that have been warmed up. A turn counts "
    "with the median of its calls; *95th* and *99th* are percentiles of all calls of one image. "
    "The whole test set is predicted after every epoch. *relative* compares each row with the "
    "fastest, paired by turn; ~ means that no difference is shown."
)


def page(
    title: str,
    slug: str,
    sections: Mapping[Section, Mapping[str, Chart]],
    sweeps: Mapping[SweepSection, Mapping[str, Chart]] = {},
) -> str:
    """Return the whole page of a machine: its sections and sweeps, each with its charts by name."""
    runs = [section.run for section in sections] + [sweep.run for sweep in sweeps]
    machine = max(runs, key=lambda run: run.created).machine
    facts = [f"{name}: {line}" for name, line in descriptions.facts(machine).items()]
    parts = [f"# {text(title)}", markdown.bullets(facts)]
    for section, charts in sections.items():
        pictures = {name: drawing.picture(drawing.stem(slug, section, name), chart)
                    for name, chart in charts.items()}  # fmt: skip
        parts += _results(section, pictures) + circumstances(section.run, section.rows)
    parts += sweep_page.parts(slug, sweeps)
    return "\n\n".join(part for part in parts if part) + "\n"


def _results(section: Section, pictures: Mapping[str, str]) -> list[str]:
    speed = tables.speed(section)
    fastest = {row.case.device: row for row in reversed(section.sound)}
    limits = [in_words(fastest[device], bound) for device, bound in section.bounds.items()
              if device in fastest]  # fmt: skip
    return [
        f"## {text(speed.title)}",
        _about(section),
        text(summary.precision(section.measured)),
        markdown.bullets(summary.warnings(section.run, section.rows), sign="⚠ "),
        "### Speed",
        markdown.table(speed),
        SPEED_LEGEND,
        "  \n".join(map(text, speed.notes)),
        markdown.bullets(limits),
        pictures.get("seconds", ""),
        "### Cost",
        markdown.table(tables.cost(section)),
        pictures.get("phases", ""),
        "### Quality",
        markdown.table(tables.quality(section)),
        QUALITY_LEGEND,
        pictures.get("accuracy", ""),
        *_inference(section, pictures),
    ]


def _inference(section: Section, pictures: Mapping[str, str]) -> list[str]:
    table = tables.predicting(section)
    if not table.rows:
        return []
    shown = markdown.table(table)
    return ["### Inference", shown, INFERENCE_LEGEND, pictures.get("inference", "")]


def _about(section: Section) -> str:
    run = section.run
    return text(
        f"{descriptions.workload(section.workload)}. {descriptions.rounds(run)}, "
        f"{in_threads(section.key.threads)}, {run.created[:10]}. Workload "
        f"{section.key.workload}, inputs {section.key.inputs or 'unknown'}, run file "
        f"{section.run_name}."
    )
