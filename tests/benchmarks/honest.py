"""Is an honest backend ever flagged, with busy loops beside it?

    python -m tests.benchmarks.honest [--backend NAME[,NAME…]] [--rounds 2] [--loops 2]

from the root of the repository runs all variants, with so many loops that keep the processors busy,
and prints every flag and failure of a verification, a trial or a row. A core that is busy slows
threads that wait for each other several times over, so let it run for an hour.
"""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from bench import ROOT
from bench.results.records import Failed
from bench.results.store import read_run
from bench.results.validity import flags

LOOP = "while True: pass"
RUN = ("--variant", "all", "--device", "cpu", "--yes")


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--backend", default="all", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=2, show_default=True)
@click.option("--loops", type=click.IntRange(0), default=2, show_default=True)
def main(backend: str, rounds: int, loops: int) -> None:
    """Run and look."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as busy:
        for _ in range(loops):
            busy.callback(subprocess.Popen([sys.executable, "-c", LOOP]).kill)
        subprocess.run(
            [sys.executable, "-m", "bench", "run", *RUN, "--backend", backend,
             "--rounds", str(rounds), "--reports", folder],
            cwd=ROOT, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (path,) = (Path(folder) / "runs").glob("*.json")
        run = read_run(path)
    failed = [one for one in (*run.verifications, *run.trials) if isinstance(one.result, Failed)]
    flagged = {case: found for case, found in flags(run).items() if found}
    wrong = [(one.case, one.result) for one in failed]
    wrong += [(case, flag) for case, found in flagged.items() for flag in found]
    for case, reason in wrong:
        click.echo(f"{case.backend}, {run.workloads[case.workload].variant}: {reason}")
    done = f"{len(run.verifications)} verifications and {len(run.trials)} trials"
    rows = f"{len(flagged)} of {len(run.cases)} rows flagged"
    click.echo(f"{done} beside {loops} busy loops: {len(failed)} failed, {rows}")


if __name__ == "__main__":
    main()
