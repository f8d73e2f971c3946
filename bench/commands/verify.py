"""`python -m bench verify`: prove, measure nothing."""

import click
from tabulate import tabulate

from bench import checks, idx
from bench.commands.run import threads_for
from bench.discovery import discover
from bench.lock import only_run
from bench.planning import Asked, in_words, plan
from bench.records import Cell, Failed, Proved
from bench.runner import Step
from bench.selection import check_pythons
from bench.session import Session, together_runner
from bench.worker import Result


def verify(
    backend: list[str],
    device: list[str],
    variant: list[str],
    threads: int | None,
    timeout: float,
    pythons: dict[str, str],
) -> int:
    """Prove every backend × device × variant and print the table; return 1 if any fails."""
    idx.check(idx.data_folder())
    backends = discover()
    check_pythons(pythons, backends)
    with only_run():
        session = Session(backends, threads_for(threads), timeout, pythons)
        planned = plan(session, Asked(backend, device, variant), _say)
        steps = [Step("prove", cell, 0) for cell in planned.cells]
        events = together_runner(session, planned.workloads)(steps)
        done = {step: outcome[0] for step, outcome in events if outcome}
    results = [done[step] for step in steps]
    rows = [_row(step.cell, done[step]) for step in steps]
    headers = ["backend", "device", "variant", "loss deviation", "parameter deviation", "proof"]
    click.echo(tabulate(rows, headers, disable_numparse=True))
    for name, reason in planned.skipped.items():
        click.echo(f"skipped {name}: {reason}")
    failed = [result for result in results if not (isinstance(result, Proved) and result.holds)]
    return 1 if failed else 0


def _say(text: str) -> None:
    click.echo(text, err=True)


def _row(cell: Cell, result: Result) -> list[str]:
    start = [cell.backend, cell.device, cell.variant]
    if not isinstance(result, Proved):
        assert isinstance(result, Failed), "a child that proves brings a proof or a failure"
        return [*start, "", "", f"FAILED: {in_words(result)}"]
    deviations = [f"{result.loss_deviation:.1e}", f"{result.parameter_deviation:.1e}"]
    if result.holds:
        return [*start, *deviations, "holds"]
    return [*start, *deviations, f"FAILED: {'; '.join(checks.deviations(result))}"]
