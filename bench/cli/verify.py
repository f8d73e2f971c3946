"""`python -m bench verify`: verify backends, measure nothing."""

import click
from tabulate import tabulate

from bench import machine
from bench.results.records import Failed, Verification
from bench.run.backends import discover
from bench.run.choices import check_pythons
from bench.run.executor import Session
from bench.run.lock import only_run
from bench.run.plan import Request, plan, threads_for
from bench.workload import Workload, mnist

HEADERS = ["backend", "device", "variant", "loss deviation", "parameter deviation", "verification"]


def verify(request: Request, threads: int | None, timeout: float, pythons: dict[str, str]) -> int:
    """Verify every backend × device × variant while no run is measuring; return 1 if any fails."""
    mnist.check(mnist.data_folder())
    backends = discover()
    check_pythons(pythons, backends)
    facts = machine.describe()
    request = request._replace(multiplies_bfloat16=facts.multiplies_bfloat16)
    with only_run():
        return print_verifications(
            Session(backends, threads_for(threads), timeout, pythons), request
        )


def print_verifications(session: Session, request: Request) -> int:
    """Print the table of what was asked for; return 1 if any fails."""
    planned = plan(session, request, lambda text: click.echo(text, err=True))
    events = session.verify(planned.workloads, planned.cases)
    done = {one.case: one for one in events if isinstance(one, Verification)}
    found = [done[case] for case in planned.cases]
    rows = [_row(one, planned.workloads[one.case.workload]) for one in found]
    click.echo(tabulate(rows, HEADERS, disable_numparse=True))
    for name, reason in planned.skipped.items():
        click.echo(f"skipped {name}: {reason}")
    return 1 if any(isinstance(one.result, Failed) or one.result.flags for one in found) else 0


def _row(verification: Verification, workload: Workload) -> list[str]:
    case, result = verification.case, verification.result
    start = [case.backend, str(case.device), workload.variant]
    if isinstance(result, Failed):
        return [*start, "", "", f"FAILED: {result}"]
    deviations = [f"{result.loss_deviation:.1e}", f"{result.parameter_deviation:.1e}"]
    flags = "; ".join(map(str, result.flags))
    verified = f"verified, except {result.left_out}" if result.left_out else "verified"
    return [*start, *deviations, f"FAILED: {flags}" if flags else verified]
