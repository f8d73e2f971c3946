"""The path of an accelerator, for real: on an OpenCL device, which may be the processor (POCL)."""

from pathlib import Path
from typing import NamedTuple

import pytest
from toys import bench

from bench.machine import slug
from bench.results.records import GemmBound, Run, Trained, Verified
from bench.results.store import read_run
from bench.run import lock
from bench.workload import CPU, Device

# Compiling takes the time: with one small hidden layer and one size of batch there are few kernels.
SMALL = ("--train-samples", "256", "--test-samples", "100", "--epochs", "2", "--depth", "1")
SMALL += ("--width", "16", "--rounds", "1", "--threads", "1")


class Outcome(NamedTuple):
    """What is left of a run on the processor and on an OpenCL device."""

    status: int
    output: str
    run: Run
    page: str  # of the machine


@pytest.fixture(scope="module")
def outcome(opencl: Device, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Run tinygrad on both."""
    folder = tmp_path_factory.mktemp("opencl")
    command = ("run", "--backend", "tinygrad", "--device", f"cpu,{opencl}", *SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(lock.VARIABLE, str(folder))
        patch.setenv("POCL_CACHE_DIR", str(folder))  # what the verification compiled
        with bench(*command, "--reports", str(folder), toys=folder) as process:
            output, errors = process.communicate()
    assert "Traceback" not in errors, errors
    (file,) = (folder / "runs").iterdir()
    run = read_run(file)
    assert file.stem.endswith(slug(run.machine))
    return Outcome(process.returncode, output, run, _page(folder, run))


def _page(folder: Path, run: Run) -> str:
    return (folder / f"{slug(run.machine)}.md").read_text()


def test_an_opencl_device_is_verified_and_trained_on_as_the_processor_is(outcome: Outcome) -> None:
    assert (outcome.status, "FAILED" in outcome.output) == (0, False)
    verified = {one.case.device: one.result for one in outcome.run.verifications}
    trained = {one.case.device: one.result for one in outcome.run.trials}
    assert set(verified) == set(trained) == {CPU, Device("opencl", 0)}
    for found in (*verified.values(), *trained.values()):
        assert isinstance(found, Verified | Trained) and not found.flags
    accuracies = {one.epochs[-1].accuracy for one in trained.values() if isinstance(one, Trained)}
    assert max(accuracies) - min(accuracies) < 0.05, "both did the same work"


def test_its_memory_its_bound_and_the_upload_are_measured(outcome: Outcome) -> None:
    bounds = {one.device: one.result for one in outcome.run.gemm_bounds}
    theirs, ours = bounds[Device("opencl", 0)], bounds[CPU]
    assert isinstance(theirs, GemmBound) and isinstance(ours, GemmBound)
    assert theirs.library.startswith("tinygrad") and theirs.upload_seconds is not None
    assert ours.upload_seconds is None
    (trained,) = [one.result for one in outcome.run.trials if not one.case.device.is_cpu]
    assert isinstance(trained, Trained) and (trained.device_memory_bytes or 0) > 256 * 784 * 4


def test_the_framework_names_it_and_the_tables_have_both(outcome: Outcome, opencl: Device) -> None:
    told = [gpu for gpu in outcome.run.machine.gpus if gpu.device == opencl]
    (described,) = outcome.run.backends.values()
    assert told and tuple(told) == described.accelerators
    assert f"- {opencl}: " in outcome.page
    rows = [line for line in outcome.page.splitlines() if line.startswith("| tinygrad ")]
    assert [sum(f" {device} " in row for row in rows) for device in (CPU, opencl)] == [4, 4], (
        "speed, inference, cost, quality"
    )
