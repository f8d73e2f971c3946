"""`python -m bench doctor`: the machine's facts and what could distort its numbers, on one page."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from bench import machine
from bench.machine import diagnostics
from bench.results.hardware import Conditions, Machine
from bench.results.records import Case, Failed, Trial
from bench.run.backends import discover
from bench.run.choices import Refused, choose_backends
from bench.run.executor import Session
from bench.run.groups import Group
from bench.run.lock import only_run
from bench.run.plan import threads_for
from bench.run.schedule import Executor
from bench.workload import CPU, workload_for

if TYPE_CHECKING:
    from bench.results.statistics import Timings

NOISE_EPOCHS = 5


def doctor(noise: bool, backend: str, rounds: int, threads: int | None) -> int:
    """Print facts and warnings; with `noise` measure the same backend against itself."""
    print_facts(machine.describe(), machine.Monitor(CPU).finish())
    if noise:
        session = Session(discover(), threads_for(threads), timeout=1800)
        choose_backends([backend], session.backends)
        with only_run():
            print_noise(session, backend, rounds)
    return 0


def print_facts(facts: Machine, conditions: Conditions) -> None:
    """Print what is known of the machine, and what could distort its numbers."""
    for name, value in [*_fields(facts), *_fields(conditions)]:
        click.echo(f"{name:24} {value}")
    found = [*diagnostics.of_machine(facts), *diagnostics.of_conditions([conditions])]
    click.echo("\nWhat could distort the numbers:" if found else "\nNothing to warn about.")
    for warning in found:
        click.echo(textwrap.fill(warning, 88, initial_indent="- ", subsequent_indent="  "))


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


def print_noise(executor: Executor, backend: str, rounds: int) -> None:
    """Train the same backend twice a round, as in a run, and print the difference."""
    from bench.results import statistics  # SciPy takes its time: only here

    click.echo(f"\nmeasuring {backend} against itself, {rounds} rounds of two trials …")
    first, second = _twins(executor, backend, rounds)
    difference = statistics.minimum_detectable_difference([first, second])
    ratio = statistics.ratio(second, first)
    assert ratio is not None and difference is not None, "they have rounds in common"
    shown = statistics.verdict(ratio)
    click.echo(
        f"{backend} over itself: {ratio.centre:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"
        f"{'' if shown == '~' else f' (called {shown}, wrongly: it happens 1 time in 20)'}\n"
        f"With {rounds} rounds, differences under {100 * difference:.1f} % mean nothing here."
    )


def _twins(executor: Executor, backend: str, rounds: int) -> "tuple[Timings, Timings]":
    """Return the timings of two rows of the same backend that took turns."""
    from bench.results.statistics import Timings

    workload = workload_for("relu", CPU, epochs=NOISE_EPOCHS)
    case = Case(backend, CPU, workload.fingerprint)
    twins: tuple[dict[int, Sequence[float]], dict[int, Sequence[float]]] = ({}, {})
    for number in range(rounds):
        events = executor.take_turns([Group(workload, (case, case), number)])
        trials = [event for event in events if isinstance(event, Trial)]
        for trial, turns in zip(trials, twins, strict=True):
            if isinstance(trial.result, Failed):
                raise Refused(f"a trial of {backend} failed: {trial.result}: try `bench verify`")
            turns[number] = trial.result.timed_seconds
    first, second = (Timings(turns, "twins") for turns in twins)
    return first, second
