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
from bench.session import Session, side_by_side, step_runner
from bench.worker import Result

AT_ONCE = 2  # children: nothing is timed here, and most of a proof is the import of a framework


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

        def prove(session: Session, step: Step) -> Result:
            return step_runner(session, planned.workloads)(step)[0]

        results = side_by_side(session, prove, steps, AT_ONCE)
    rows = [_row(step.cell, result) for step, result in zip(steps, results, strict=True)]
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
