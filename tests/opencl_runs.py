"""Runs of tinygrad on an OpenCL device and the processor, for tests of what accelerators need.

Compiling takes the time: with one small hidden layer there are few kernels.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from toys import bench

from bench.machine import slug
from bench.results.records import Case, Run, Trained, Verified
from bench.results.store import read_run
from bench.run import lock

SMALL = ("--epochs", "2", "--depth", "1", "--width", "16", "--rounds", "1", "--threads", "1")
FEW = ("--train-samples", "256", "--test-samples", "100")


class Outcome(NamedTuple):
    """What is left of a run on the processor and on an OpenCL device."""

    status: int
    output: str
    run: Run
    page: str  # of the machine


def run_with(*options: str, folder: Path) -> Outcome:
    """Return what comes of a run of tinygrad with some options."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(lock.VARIABLE, str(folder))
        patch.setenv("POCL_CACHE_DIR", str(folder))  # what the verification compiled
        command = ("run", "--backend", "tinygrad", *SMALL, *options, "--reports", str(folder))
        with bench(*command, toys=folder) as process:
            output, errors = process.communicate()
    assert "Traceback" not in errors, errors
    (file,) = (folder / "runs").iterdir()
    run = read_run(file)
    assert file.stem.endswith(slug(run.machine))
    return Outcome(process.returncode, output, run, _page(folder, run))


def _page(folder: Path, run: Run) -> str:
    return (folder / f"{slug(run.machine)}.md").read_text()


def results(outcome: Outcome) -> dict[Case, Trained]:
    """Return the trials of a run in which every case was verified and trained, without a flag."""
    assert (outcome.status, "FAILED" in outcome.output) == (0, False)
    done = [*outcome.run.verifications, *outcome.run.trials]
    assert Counter(one.case for one in done) == dict.fromkeys(outcome.run.cases, 2)
    found = {}
    for one in done:
        assert isinstance(one.result, Verified | Trained) and not one.result.flags, one
        if isinstance(one.result, Trained):
            found[one.case] = one.result
    return found
