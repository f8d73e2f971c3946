"""Processor and accelerator side by side, along the batch size."""

from pathlib import Path

from opencl_runs import FEW, results, run_with

from bench.workload import CPU, Device


def test_processor_and_opencl_do_the_same_and_are_compared(opencl: Device, tmp_path: Path) -> None:
    options = ("--device", f"cpu,{opencl}", "--batch-size", "32,128", *FEW)
    swept = run_with(*options, folder=tmp_path)
    accuracies: dict[str, list[float]] = {}
    for case, trained in results(swept).items():
        accuracies.setdefault(case.workload, []).append(trained.epochs[-1].accuracy)
    for both in accuracies.values():
        assert len(both) == 2 and max(both) - min(both) < 0.05, "both devices did the same work"
    upto, crossovers = swept.page.split("### Crossovers")
    speeds = upto.split("### Speed")[1]
    assert all(f"| tinygrad {device} " in speeds for device in (CPU, opencl))
    assert f"tinygrad on {opencl}" in crossovers
