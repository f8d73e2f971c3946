"""The page of one machine: `reports/<machine>.md`."""

from collections.abc import Mapping, Sequence

from bench import risks, statistics
from bench.records import Described, Machine, Run
from bench.report import charts, numbers, tables
from bench.report.charts import Chart
from bench.report.efficiency import floors_of, in_words
from bench.report.footnotes import Footnotes
from bench.report.markdown import code_block, text
from bench.report.sections import Key, Section
from bench.workload import Workload

QUALITY_LEGEND = (
    "After the last epoch, mean ± standard deviation over the rounds. *s to* an accuracy counts "
    "from the start of the process: importing, reading the data, building and compiling included, "
    "evaluation not."
)


def page(slug: str, sections: Sequence[Section], found: Mapping[Key, Mapping[str, Chart]]) -> str:
    """Return the whole page of a machine: its sections, and the charts of each."""
    newest = max(sections, key=lambda section: section.run.created)
    parts = [f"# {text(title(newest.run.machine))}", facts(newest.run.machine)]
    parts += [part for section in sections for part in _section(slug, section, found[section.key])]
    return "\n\n".join(part for part in parts if part) + "\n"


def title(machine: Machine) -> str:
    """Return the machine in a few words."""
    cores = f"{machine.physical_cores} cores" if machine.physical_cores else None
    gpus = [gpu.name for gpu in machine.gpus]
    return ", ".join(filter(None, [machine.cpu_model or "unknown processor", cores, *gpus]))


def facts(machine: Machine) -> str:
    """Return what is known of the machine, in a few lines."""
    caches = ", ".join(f"{name} {size // 1024:,} KiB" for name, size in machine.caches.items())
    clock = machine.frequency_range_mhz
    processor = [
        machine.cpu_model,
        machine.physical_cores and f"{machine.physical_cores} physical cores",
        machine.logical_cores and f"{machine.logical_cores} logical",
        machine.usable_cores and f"{machine.usable_cores} usable",
        clock and f"{clock[0]:,.0f}–{clock[1]:,.0f} MHz",
    ]
    system = [machine.os, machine.kernel, machine.architecture, _virtual(machine),
              machine.python and f"Python {machine.python}"]  # fmt: skip
    lines = {
        "Processor": _listed(processor),
        "Instruction sets": ", ".join(machine.instruction_sets),
        "Caches": caches,
        "Memory": numbers.size(machine.ram_bytes),
        "System": _listed(system),
    }
    for number, gpu in enumerate(machine.gpus):
        watts = gpu.power_limit_watts and f"{gpu.power_limit_watts:.0f} W"
        driver = gpu.driver and f"driver {gpu.driver}"
        lines[f"GPU {number}"] = _listed([gpu.name, numbers.size(gpu.memory_bytes), driver, watts])
    return "\n".join(f"- {name}: {text(line)}" for name, line in lines.items() if line)


def _virtual(machine: Machine) -> str | None:
    if machine.virtual_machine is None:
        return None
    if not machine.virtual_machine:
        return "not a virtual machine"
    return f"virtual machine ({machine.hypervisor})" if machine.hypervisor else "virtual machine"


def _listed(parts: Sequence[object]) -> str:
    return ", ".join(str(part) for part in parts if part)


def heading(workload: Workload, device: str) -> str:
    """Return the title of a section."""
    return f"{workload.variant}, {workload.train_samples:,} images, {device}"


def device_kind(section: Section) -> str:
    """Return the kinds of device of a section: "cpu", "cuda" …"""
    return ", ".join(dict.fromkeys(row.cell.device.partition(":")[0] for row in section.rows))


def _section(slug: str, section: Section, found: Mapping[str, Chart]) -> list[str]:
    pictures = charts.pictures(slug, section, found)
    notes = Footnotes()
    floors = floors_of(section.run, section.key.workload)
    contest = tables.Contest(section.rows, section.marks, notes, floors)
    speed, cost, quality = tables.speed(contest), tables.cost(contest), tables.quality(contest)
    failed = tables.failures(section.rows)
    return [
        f"## {text(heading(section.workload, device_kind(section)))}",
        _about(section),
        _noise(section),
        _risks(section),
        "### Speed",
        speed,
        tables_legend(section.run),
        notes.below(),
        _bounds(contest),
        pictures.get("seconds", ""),
        "### Cost",
        cost,
        pictures.get("phases", ""),
        "### Quality",
        quality,
        QUALITY_LEGEND,
        pictures.get("accuracy", ""),
        failed and "### Failed trials",
        failed,
        _skipped(section.run),
        "### Reproduce",
        code_block(section.run.command),
        _versions(section),
    ]


def _about(section: Section) -> str:
    workload, run = section.workload, section.run
    network = " → ".join(map(str, workload.widths))
    optimizer = type(workload.optimizer).__name__
    dropout = f", dropout {workload.dropout:g}" if workload.dropout else ""
    done = len({trial.round for trial in run.trials})
    unfinished = "" if done >= run.rounds else f" (of {run.rounds} planned: not finished)"
    return text(
        f"{network}, {workload.activation}{dropout}, {optimizer} "
        f"{workload.optimizer.learning_rate:g}, batch {workload.batch_size}, "
        f"{workload.epochs} epochs, {workload.test_samples:,} test images. "
        f"{done} {'round' if done == 1 else 'rounds'}{unfinished}, {run.threads} threads, "
        f"{run.created[:10]}. "
        f"Workload {section.key.workload}, inputs {section.key.inputs or 'unknown'}, "
        f"run file {section.run_name}."
    )


def _bounds(contest: tables.Contest) -> str:
    """Return for each device by what its fastest row is bound."""
    lines = []
    for device, floor in contest.floors.items():
        rows = (row for row in contest.rows if contest.is_sound(row) and row.cell.device == device)
        fastest = next(rows, None)
        if fastest is not None:
            lines.append(f"- {text(in_words(fastest, floor))}")
    return "\n".join(lines)


def _noise(section: Section) -> str:
    """Return how noisy the run was and how many rounds would make it sharp."""
    rows = [row for row in section.rows if row.trials]
    floor = statistics.noise_floor([row.seconds for row in rows])
    parts = []
    if floor is not None:
        parts.append(
            f"**Noise floor of this run: differences under {100 * floor:.1f} % mean nothing.**"
        )
    needed = [statistics.rounds_for(row.interval) for row in rows if row.interval]
    known = [rounds for rounds in needed if rounds is not None]
    if known:
        more = max(known) - max(len(row.trials) for row in rows)
        parts.append(
            f"About {more:,} more rounds would bring every interval to ± 2 %."
            if more > 0
            else "Every interval is within ± 2 %."
        )
    return " ".join(parts)


def _risks(section: Section) -> str:
    """Return what the machine was like, where that endangers the numbers."""
    cells = {row.cell for row in section.rows}
    moments = [trial.moment for trial in section.run.trials if trial.cell in cells]
    seconds = {row.cell: row.seconds for row in section.rows if row.seconds}
    found = [*risks.of_moments(moments), *risks.of_trials(seconds)]
    return "\n".join(f"- ⚠ {text(risk)}" for risk in found)


def tables_legend(run: Run) -> str:
    """Return how to read the speed table."""
    return (
        "One epoch is one pass over the training images, evaluation not included: the median of "
        "epochs 2 to the last of a trial, over the trials with the 95 % interval. *relative* is to "
        "the fastest row, paired by round; ~ means that no difference is shown. ● marks the "
        "fastest group: no row is shown to beat them, with allowance for as many comparisons as "
        "there are rows. *× floor* is the epoch over its matrix "
        "products alone, by the fastest library here, paired by round (a compiler that fuses them "
        "may stay below 1), *% of peak* its rate over that of one large product. A name struck "
        "through is not proved to compute the specified network."
    )


def _skipped(run: Run) -> str:
    lines = [f"- {text(skip.backend)}: {text(skip.reason)}" for skip in run.skipped]
    return "### Not taking part\n\n" + "\n".join(lines) if lines else ""


def _versions(section: Section) -> str:
    names = dict.fromkeys(row.cell.backend for row in section.rows)
    described = {name: section.run.backends[name] for name in names if name in section.run.backends}
    lines = [f"- {text(name)}: {text(stack(one))}" for name, one in described.items()]
    return "### Versions\n\n" + "\n".join(lines) if lines else ""


def stack(described: Described) -> str:
    """Return what a backend stands on, in one line."""
    parts = [f"{name} {version}" for name, version in described.versions.items() if version]
    pools = [
        f"{pool.library} {pool.version or ''}".strip() + f" with {pool.threads} threads"
        for pool in described.thread_pools
    ]
    return ", ".join([*parts, f"Python {described.python}", *dict.fromkeys(pools)])
