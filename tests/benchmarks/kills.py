"""Is anything left behind when a run is killed at any moment?

    python -m tests.benchmarks.kills [--times 50]

from the root of the repository. Kills the parent (SIGKILL) of small runs of two backends at random
moments; five seconds later no process of the run may be there, running or suspended, and the run
file has to be readable. Prints what was found, in under ten minutes.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil

from bench import ROOT
from bench.results.store import BrokenRunFile, read_run
from bench.run import lock

GRACE_SECONDS = 5.0  # within which all has to be gone
LATEST_SECONDS = 8.0  # at which a run is killed
OPTIONS = ("--backend", "numpy,torch", "--batch-size", "128,512", "--train-samples", "1000",
           "--test-samples", "200", "--rounds", "9", "--threads", "1")  # fmt: skip


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--times", type=click.IntRange(1), default=50, show_default=True)
def main(times: int) -> None:
    """Kill and look."""
    outcomes = [_killed(random.uniform(0.2, LATEST_SECONDS)) for _ in range(times)]
    left = sum(outcome[0] for outcome in outcomes)
    broken = [outcome[1] for outcome in outcomes if outcome[1]]
    click.echo(f"{times} runs killed: {left} processes left, {len(broken)} run files unreadable")
    for reason in broken:
        click.echo(f"- {reason}")
    sys.exit(1 if left or broken else 0)


def _killed(after: float) -> tuple[int, str]:
    """Start a run, kill it, and return how many processes are left and why its file is broken."""
    with tempfile.TemporaryDirectory() as folder:
        marked = {**os.environ, lock.VARIABLE: folder, "TMPDIR": folder}
        command = [sys.executable, "-m", "bench", "run", *OPTIONS, "--reports", folder]
        quiet = subprocess.DEVNULL
        run = subprocess.Popen(command, cwd=ROOT, env=marked, stdout=quiet, stderr=quiet)
        time.sleep(after)
        run.send_signal(signal.SIGKILL)
        run.wait()
        deadline = time.monotonic() + GRACE_SECONDS
        while (left := _of(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for process in left:
            process.kill()
        return len(left), _broken(Path(folder) / "runs")


def _of(folder: str) -> list[psutil.Process]:
    """Return the processes whose temporary folder lies in this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if folder in process.environ().get("TMPDIR", ""):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _broken(runs: Path) -> str:
    for file in runs.glob("*.json"):
        if file.stat().st_size:  # it is made empty, and first written when the plan stands
            try:
                read_run(file)
            except BrokenRunFile as error:
                return str(error)
    return ""


if __name__ == "__main__":
    main()
