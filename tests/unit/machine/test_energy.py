"""Energy: only from counters, absent where there is none or where one began anew."""

import pytest
from unit.machine.fakes import Library, Plant, nvml

from bench.machine import energy
from bench.workload import CPU, Device


def test_the_processors_energy_is_that_of_its_packages(plant: Plant) -> None:
    """What is part of a package, or more than it, is not counted again."""
    counts = {"package-0": 2_000_000, "package-1": 3_000_000, "psys": 9_000_000}
    folder = "sys/class/powercap/intel-rapl:"
    names = {f"{folder}{number}/name": f"{name}\n" for number, name in enumerate(counts)}
    values = {f"{folder}{n}/energy_uj": f"{count}\n" for n, count in enumerate(counts.values())}
    assert energy.counter(CPU, plant(names | values))() == pytest.approx(5)


@pytest.mark.parametrize("device", ["cpu", "mps", "cuda:0"])
def test_without_a_counter_nothing_is_estimated(plant: Plant, device: str) -> None:
    count = energy.counter(Device.named(device), plant(), nvml(Library(nvmlInit=OSError())))
    assert count() is None


def test_an_nvidia_gpu_counts_millijoules() -> None:
    library = Library(nvmlDeviceGetTotalEnergyConsumption=2_500)
    assert energy.counter(Device("cuda", 0), nvml=nvml(library))() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(1.0, 3.5, 2.5), (None, 3.5, None), (1.0, None, None), (5.0, 1.0, None)],
)
def test_a_counter_that_began_anew_counts_nothing(
    before: float | None, after: float | None, expected: float | None
) -> None:
    assert energy.spent(before, after) == expected
