"""What the page knows: every row of every run, compact, all that is derived already derived.

Texts stand once, in `texts`; wherever a row holds a text it holds its number there. Everything in
it may come from a run file, so the page shows it as text and never as markup.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench import checks, machine
from bench.records import Machine, Proved, Run
from bench.report import chart_data, machine_page, numbers, tables
from bench.report.chart_rows import NAME_LETTERS
from bench.report.page_methods import methods
from bench.report.page_texts import Texts, short
from bench.report.sections import Section
from bench.report.time_to_accuracy import thresholds, typical_seconds
from bench.rows import Row
from bench.workload import Workload

# A row in the page's data is a list in this order; the script reads the names from the data.
FIELDS = (
    "run", "backend", "version", "stack", "device", "workload", "inputs", "section",  # which
    "low", "centre", "high", "interval", "rounds", "seconds",  # per epoch
    "accuracy", "accuracyText", "proof", "blocked", "marks", "failures",  # whether to believe it
    "phases", "when", "reached", "toAccuracy", "memory",  # what else it costs
)  # fmt: skip
MAX_TRIALS = 1000  # intervals of more pairs of trials are not computed in the page


def encode(sections: Sequence[Section], problems: Sequence[str]) -> bytes:
    """Return the page's data as JSON that can stand inside an element of HTML."""
    encoded = msgspec.json.encode(data(sections, problems))
    return encoded.replace(b"<", b"\\u003c").replace(b"&", b"\\u0026")


def data(sections: Sequence[Section], problems: Sequence[str]) -> dict[str, Any]:
    """Return what the page knows of the sections and of the files that were left out."""
    texts = Texts()
    runs = {section.run_name: section.run for section in sections}
    places = {name: number for number, name in enumerate(runs)}
    rows = [
        _row(section, row, (places[section.run_name], number), texts)
        for number, section in enumerate(sections)
        for row in section.rows
    ]
    trials = max((len(row[FIELDS.index("rounds")]) for row in rows), default=0)
    workloads = {section.key.workload: section.workload for section in sections}
    machines = {msgspec.json.encode(run.machine): run.machine for run in runs.values()}
    machine_places = {encoded: number for number, encoded in enumerate(machines)}
    return {
        "fields": FIELDS,
        "rows": rows,
        "lines": [_lines(section) for section in sections],
        "runs": [
            _run(name, run, machine_places[msgspec.json.encode(run.machine)])
            for name, run in runs.items()
        ],
        "machines": [_machine(one) for one in machines.values()],
        "workloads": {name: _workload(one) for name, one in workloads.items()},
        "texts": texts.all(),
        "methods": methods(min(trials, MAX_TRIALS)),
        "phases": chart_data.PHASES,
        "charts": {
            "wide": chart_data.WIDE_RANGE, "cut": chart_data.CUT, "fits": chart_data.FITS,
            "slot": chart_data.SLOT, "letter": chart_data.LETTER, "letters": NAME_LETTERS,
        },
        "problems": list(problems),
    }  # fmt: skip


def _row(section: Section, row: Row, place: tuple[int, int], texts: Texts) -> list[Any]:
    return [*_names(section, row, place, texts), *_speed(row, texts),
            *_belief(section, row, texts), *_costs(row)]  # fmt: skip


def _names(section: Section, row: Row, place: tuple[int, int], texts: Texts) -> list[Any]:
    described = section.run.backends.get(row.cell.backend)
    names = (
        row.cell.backend,
        row.version or "",
        machine_page.stack(described) if described else "",
        row.cell.device,
        row.cell.workload,
        " and ".join(sorted(row.inputs)),
    )
    run, number = place
    return [run, *map(texts.number, names), number]


def _speed(row: Row, texts: Texts) -> list[Any]:
    if row.interval is None:
        return [None, None, None, texts.number("failed"), [], []]
    low, centre, high, _ = row.interval
    bounds = [value if value is None else short(value) for value in (low, centre, high)]
    rounds = sorted(row.seconds)
    return [
        *bounds,
        texts.number(numbers.interval(row.interval)),
        rounds,
        [short(row.seconds[number], 9) for number in rounds],
    ]


def _belief(section: Section, row: Row, texts: Texts) -> list[Any]:
    last = [trained.epochs[-1].accuracy for trained in row.trials.values()]
    mistake = checks.proof_mistake(row.proof)
    marks = [*([mistake] if mistake else []), *section.marks.get(row.cell, [])]
    blocked = marks[0] if marks else None if row.trials else "it has no successful trial"
    failures = [
        f"round {number + 1}: {failed.kind}: {failed.reason}"
        for number, failed in sorted(row.failures.items())
    ]
    return [
        short(sum(last) / len(last), 4) if last else None,
        texts.number(tables.mean_and_spread(last) if last else ""),
        texts.number(_proof(row)),
        None if blocked is None else texts.number(blocked),
        [texts.number(mark) for mark in marks],
        [texts.number(failure) for failure in failures],
    ]


def _proof(row: Row) -> str:
    result = row.proof.result if row.proof else None
    if not isinstance(result, Proved):
        return checks.proof_mistake(row.proof) or ""
    return (
        f"loss {result.loss_deviation:.1e} off (limit {result.loss_limit:.0e}), parameters "
        f"{result.parameter_deviation:.1e} off (limit {result.parameter_limit:.0e})"
    )


def _costs(row: Row) -> list[Any]:
    trials = list(row.trials.values())
    curve = chart_data.curve(trials) if trials else []
    reached = [typical_seconds(row, goal) for goal in thresholds(row.workload)]
    return [
        [short(value, 4) for value in chart_data.typical_phases(trials)] if trials else [],
        [short(when, 4) for when, _ in curve],
        [short(accuracy, 4) for _, accuracy in curve],
        [None if value is None else short(value, 3) for value in reached],
        row.typical(trained.peak_memory_bytes for trained in trials),
    ]


def _lines(section: Section) -> list[tuple[Any, Any]]:
    """Return the floors and the published figure of a section's work, with their names."""
    found = chart_data.lines(section, float("inf"))
    return [(line["name"], short(float(line["seconds"]), 4)) for line in found]


def _run(name: str, run: Run, machine_place: int) -> dict[str, Any]:
    return {
        "name": name,
        "created": run.created,
        "command": run.command,
        "machine": machine_place,
        "threads": run.threads,
        "bench": run.bench,
    }


def _machine(one: Machine) -> dict[str, Any]:
    known = msgspec.to_builtins(one).items()  # defaults, which say nothing, are not among them
    facts = [(name.replace("_", " "), _in_words(value)) for name, value in known]
    return {"slug": machine.slug(one), "title": machine_page.title(one), "facts": facts}


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        return "; ".join(map(_in_words, value))
    return str(value)


def _workload(workload: Workload) -> dict[str, Any]:
    optimizer = type(workload.optimizer).__name__
    return {
        "variant": workload.variant,
        "images": workload.train_samples,
        "goals": thresholds(workload),
        "words": f"{' → '.join(map(str, workload.widths))}, {workload.activation}, dropout "
        f"{workload.dropout:g}, {optimizer} {workload.optimizer.learning_rate:g}, batch "
        f"{workload.batch_size}, {workload.epochs} epochs, {workload.test_samples:,} test images",
    }
