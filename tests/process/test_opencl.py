"""The path of an accelerator, for real: on an OpenCL device, which may be the processor (POCL)."""

from pathlib import Path

import pytest
from opencl_runs import FEW, Outcome, results, run_with

from bench.results.records import GemmBound
from bench.workload import VARIANTS, Device


@pytest.fixture(scope="module")
def variants(opencl: Device, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run of all variants, on few images."""
    folder = tmp_path_factory.mktemp("opencl")
    return run_with("--device", str(opencl), "--variant", "all", *FEW, folder=folder)


def test_all_variants_are_verified_and_trained(variants: Outcome) -> None:
    labels = [variants.run.workloads[case.workload].variant for case in results(variants)]
    assert {label.partition(",")[0] for label in labels} == VARIANTS.keys()
    assert len(labels) == len(VARIANTS)


def test_its_memory_its_bound_and_the_upload_are_measured(variants: Outcome) -> None:
    assert len(variants.run.gemm_bounds) == len(VARIANTS)
    for bound in variants.run.gemm_bounds:
        assert isinstance(bound.result, GemmBound)
        assert bound.result.library.startswith("tinygrad")
        assert bound.result.upload_seconds is not None
    for trained in results(variants).values():
        assert (trained.device_memory_bytes or 0) > 256 * 784 * 4


def test_the_framework_names_it(variants: Outcome, opencl: Device) -> None:
    told = [gpu for gpu in variants.run.machine.gpus if gpu.device == opencl]
    (described,) = variants.run.backends.values()
    assert told and tuple(told) == described.accelerators
    assert f"- {opencl}: " in variants.page


def test_it_trains_on_all_images_unless_told_otherwise(opencl: Device, tmp_path: Path) -> None:
    full = run_with("--device", str(opencl), "--batch-size", "1000", folder=tmp_path)
    ((case, trained),) = results(full).items()
    work = full.run.workloads[case.workload]
    assert (work.train_samples, work.test_samples) == (60_000, 10_000)
    assert trained.epochs[-1].accuracy > 0.2
