"""What no honest run can hold, found by holding the parts of a run file against each other.

Checks for the gate (`bench.admission`). A forger who scales everything alike gets through; whoever
changes, copies, leaves out or puts together single parts does not. Every limit is one that this
program and the hardware of today keep by far, so that no honest file is refused.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from bench import checks, runner
from bench.discovery import discover
from bench.records import Cell, Failed, Floor, FloorOf, Machine, Proved, Run, Trained, Trial
from bench.rows import Row
from bench.workload import Workload

# As `shlex.join` writes it: plain words, quoted ones, and what bench.scrub puts in place of names.
COMMAND = re.compile(
    r"python -m bench run( ([\w@%+=:,./~-]|<(python|user|host)>|'[^']*')+)*", re.ASCII
)
MOST_FLOP_PER_SECOND = {True: 2e13, False: 2e15}  # of a CPU, of anything else
MOST_LOSS = 10.0  # equal guesses have ln 10 = 2.3
LEAST_DEVIATION = 1e-8  # of parameters: rounding them to float32 alone is 3e-8
LEAST_CPU_SHARE = 0.02  # of an epoch's time that some thread works, if the CPU computes
MOST_WATTS = 10_000.0
CLOCK = timedelta(seconds=2)  # times are cut to seconds, and clocks are set


def of_run(run: Run) -> Iterator[str]:
    """Yield what cannot be of the run as a whole."""
    if not (COMMAND.fullmatch(run.command) and run.command.isprintable()):
        yield f"its command is {run.command[:200]!r}; expected `python -m bench run` and options"
    for name in sorted({cell.backend for cell in run.cells} - discover().keys()):
        yield f"there is no backend {name!r} here; expected its file to come with the result"
    yield from _machine(run.machine)
    yield from _floors(run)
    yield from _order(run)
    yield from _times(run)


def _machine(machine: Machine) -> Iterator[str]:
    if not (machine.cpu_model and machine.logical_cores):
        yield "its machine is not described; expected the processor and its logical cores at least"
    cores = machine.logical_cores or 0
    most = max(machine.physical_cores or 0, machine.usable_cores or 0)
    if cores and most > cores:
        yield f"its machine has {most} physical or usable cores of {cores} logical ones"


def _floors(run: Run) -> Iterator[str]:
    """Yield why the floors, which rates are judged by, cannot be believed."""
    planned = {(cell.device, cell.workload) for cell in run.cells}
    found = Counter((floor.device, floor.workload, floor.round) for floor in run.floors)
    strange = [key for key in found if key[:2] not in planned or key[2] >= run.rounds]
    if strange or max(found.values(), default=1) > 1:
        yield "it has floors of devices, workloads or rounds that no row has, or two of one"
    for floor in run.floors:
        if floor.workload in run.workloads and (mistake := _floor(floor, run)):
            yield f"the floor of {floor.device}: {mistake}"


def _floor(floor: FloorOf, run: Run) -> str | None:
    result = floor.result
    if isinstance(result, Failed):
        return f"{result.kind}: {result.reason}: without it no rate can be judged"
    on_cpu = floor.device == "cpu"
    if result.peak_flop_per_second > MOST_FLOP_PER_SECOND[on_cpu]:
        return f"{result.peak_flop_per_second:.1e} FLOP/s are more than any device has"
    rate = run.workloads[floor.workload].epoch_flop / result.epoch_seconds
    if rate > checks.PEAK_TOLERANCE[on_cpu] * result.peak_flop_per_second:
        return f"its epoch is at {rate:.1e} FLOP/s, beyond its own peak"
    return None


def _order(run: Run) -> Iterator[str]:
    """Yield a finding unless all was done in the order in which a run does it.

    The order of a round is shuffled, but always the same for the same rows: who drops a row, a
    round or a trial, or joins two runs, would have to shuffle all rounds again.
    """
    done = {(trial.cell, trial.round) for trial in run.trials}
    steps = runner.missing_trials(msgspec.structs.replace(run, trials=()))
    expected = [(step.cell, step.round) for step in steps if (step.cell, step.round) in done]
    if expected != [(trial.cell, trial.round) for trial in run.trials]:
        yield (
            "its trials are not those of the planned rounds in the order in which a run of these "
            "rows does them: rows or rounds were dropped, or runs put together"
        )


def _times(run: Run) -> Iterator[str]:
    """Yield why the times of day cannot be."""
    try:
        started = (trial.started for trial in run.trials)
        moments = [datetime.fromisoformat(one) for one in (run.created, *started)]
    except ValueError as error:
        yield f"a time of day is none: {error}"
        return
    if max(moments) > datetime.now(UTC) + timedelta(days=1):
        yield f"it is of the future: {max(moments):%Y-%m-%d}"
        return
    ends = [moments[0], *map(_end, moments[1:], run.trials)]
    if any(start < end - CLOCK for start, end in zip(moments[1:], ends, strict=False)):
        yield "a trial began before the run did, or before the trial before it had ended"


def _end(started: datetime, trial: Trial) -> datetime:
    result = trial.result
    return started + timedelta(seconds=result.total_seconds if isinstance(result, Trained) else 0)


def of_row(row: Row, run: Run) -> Iterator[str]:
    """Yield what cannot be of one row."""
    yield from _taking_part(row.cell, run)
    result = row.proof.result if row.proof else None
    if isinstance(result, Proved) and result.parameter_deviation < LEAST_DEVIATION:
        yield f"its proof is closer than float32 can be: {result.parameter_deviation:.1e}"
    for what in ("seconds", "loss"):
        values = [tuple(getattr(epoch, what) for epoch in trained.epochs)
                  for trained in row.trials.values()]  # fmt: skip
        if len(set(values)) < len(values):
            yield f"two of its trials have the same {what} in every epoch: one is a copy"
    peak = _peak(row, run)
    for number, trained in sorted(row.trials.items()):
        for finding in _trial(trained, row, run.machine, peak):
            yield f"{finding} (round {number + 1})"


def _taking_part(cell: Cell, run: Run) -> Iterator[str]:
    described = run.backends.get(cell.backend)
    if described is None or not any(described.versions.values()):
        yield "its versions are missing"
    elif cell.device not in described.devices:
        yield f"its backend saw no such device, but {', '.join(described.devices) or 'none'}"
    kind, _, index = cell.device.partition(":")
    if described and described.versions.get("hip"):
        return  # PyTorch calls AMD's GPUs cuda, too; NVIDIA's library does not know them
    if kind == "cuda" and not (index.isdecimal() and int(index) < len(run.machine.gpus)):
        yield "its machine's facts name no such GPU"


def _peak(row: Row, run: Run) -> float:
    """Return the FLOP/s beyond which nothing on the row's device can be."""
    peaks = [
        floor.result.peak_flop_per_second
        for floor in run.floors
        if floor.device == row.cell.device and isinstance(floor.result, Floor)
    ]
    return checks.PEAK_TOLERANCE[row.cell.device == "cpu"] * max(peaks, default=float("inf"))


def _trial(trained: Trained, row: Row, machine: Machine, peak: float) -> Iterator[str]:
    """Yield what cannot be of one trial."""
    yield from _learned(trained, row.workload)
    yield from _processor(trained, machine, on_cpu=row.cell.device == "cpu")
    yield from _memory(trained, row.workload, machine)
    predicting = row.workload.predict_flop * row.workload.test_samples
    if predicting > peak * min(epoch.evaluation_seconds for epoch in trained.epochs):
        yield "an evaluation was faster than the device"
    if not (trained.import_seconds and trained.data_seconds):
        yield "importing or reading the data took no time"
    if trained.settle_seconds + trained.idle_copy_seconds > 1.02 * trained.check_seconds:
        yield "copying the parameters took longer than all checks, which it is part of"


def _learned(trained: Trained, workload: Workload) -> Iterator[str]:
    losses = [epoch.loss for epoch in trained.epochs]
    if not 0 < min(losses) <= max(losses) <= MOST_LOSS:
        yield f"losses from {min(losses):.3g} to {max(losses):.3g}; expected 0 to {MOST_LOSS:g}"
    accuracies = [epoch.accuracy for epoch in trained.epochs]
    if len(accuracies) > 1 and len(set(accuracies)) == 1:
        yield "its accuracy is the same after every epoch"
    right = [accuracy * workload.test_samples for accuracy in accuracies]
    if any(abs(count - round(count)) > 0.01 for count in right):
        yield f"an accuracy is no whole number of {workload.test_samples:,} test images"


def _processor(trained: Trained, machine: Machine, on_cpu: bool) -> Iterator[str]:
    seconds = _sum(trained, "seconds")
    worked = _sum(trained, "cpu_seconds")
    if machine.logical_cores and worked > 1.1 * machine.logical_cores * seconds + 0.1:
        yield f"{worked:.3g} s of CPU time in {seconds:.3g} s on {machine.logical_cores} cores"
    if on_cpu and worked < LEAST_CPU_SHARE * seconds - 0.1:
        yield f"{worked:.3g} s of CPU time in {seconds:.3g} s, though the CPU computed"
    if (joules := _sum(trained, "joules")) > MOST_WATTS * seconds:
        yield f"{joules:.3g} J in {seconds:.3g} s are more than any machine takes"


def _sum(trained: Trained, what: str) -> float:
    return sum(getattr(epoch, what) or 0.0 for epoch in trained.epochs)


def _memory(trained: Trained, workload: Workload, machine: Machine) -> Iterator[str]:
    most, least = machine.ram_bytes, 4 * workload.parameter_count
    if trained.peak_memory_bytes is None:
        return
    if trained.peak_memory_bytes < least:
        yield f"{trained.peak_memory_bytes:,} bytes of memory; the parameters alone take {least:,}"
    if most is not None and trained.peak_memory_bytes > most:
        yield f"{trained.peak_memory_bytes:,} bytes of memory; the machine has {most:,}"
