"""`python -m bench doctor`: the machine's facts and what endangers its numbers, on one page."""

import textwrap

import click
import msgspec

from bench import machine, risks
from bench.commands.run import threads_for
from bench.discovery import discover
from bench.lock import only_run
from bench.records import Cell, Trained
from bench.runner import Step
from bench.selection import Refused, choose_backends
from bench.session import Session, step_runner
from bench.workload import workload_for

NOISE_EPOCHS = 5


def doctor(noise: bool, backend: str, rounds: int, threads: int | None) -> int:
    """Print facts and risks; with `noise` measure the same backend against itself."""
    facts = machine.facts()
    moment = machine.Watch().finish()
    for name, value in [*_fields(facts), *_fields(moment)]:
        click.echo(f"{name:24} {value}")
    found = [*risks.of_machine(facts), *risks.of_moments([moment])]
    click.echo("\nWhat endangers numbers measured now:" if found else "\nNo risk was seen.")
    for risk in found:
        click.echo(textwrap.fill(risk, 88, initial_indent="- ", subsequent_indent="  "))
    if noise:
        _print_noise(backend, rounds, threads)
    return 0


def _fields(record: msgspec.Struct) -> list[tuple[str, str]]:
    """Return the names and values of what is known."""
    fields = [(name, getattr(record, name)) for name in record.__struct_fields__]
    return [(name.replace("_", " "), _shown(value)) for name, value in fields
            if value not in (None, (), {})]  # fmt: skip


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, msgspec.Struct):
        return "; ".join(f"{name} {part}" for name, part in _fields(value))
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _print_noise(backend: str, rounds: int, threads: int | None) -> None:
    """Train the same backend twice a round, interleaved as in a run, and print the difference."""
    from bench import statistics  # SciPy takes its time: only here

    session = Session(discover(), threads_for(threads), timeout=1800)
    choose_backends([backend], session.backends)
    click.echo(f"\nmeasuring {backend} against itself, {rounds} rounds of two trials …")
    with only_run():
        first, second = _twins(session, backend, rounds)
    floor = statistics.noise_floor([first, second])
    ratio = statistics.ratio(*statistics.paired(second, first))
    shown = statistics.verdict(ratio)
    assert floor is not None and ratio.low is not None and ratio.high is not None
    click.echo(
        f"{backend} over itself: {ratio.centre:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
        f"{'' if shown == '~' else f' (called {shown}, wrongly: it happens 1 time in 20)'}\n"
        f"With {rounds} rounds, differences under {100 * floor:.1f} % mean nothing here."
    )


def _twins(session: Session, backend: str, rounds: int) -> tuple[dict[int, float], ...]:
    """Return the seconds per epoch by round of two rows of the same backend."""
    from bench.rows import epoch_seconds

    workload = workload_for("relu", "cpu", epochs=NOISE_EPOCHS)
    cell = Cell(backend, "cpu", "relu", workload.fingerprint)
    run_step = step_runner(session, {workload.fingerprint: workload})
    twins: tuple[dict[int, float], ...] = ({}, {})
    for number in range(rounds):
        for seconds in twins if number % 2 else twins[::-1]:
            result, _ = run_step(Step("train", cell, number))
            if not isinstance(result, Trained):
                raise Refused(f"a trial of {backend} failed: {result}: try `bench verify` first")
            seconds[number] = epoch_seconds(result)
    return twins
