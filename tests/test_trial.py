"""One trial inside its child: its phases, its seed, and that it starts where it should."""

import numpy as np
import pytest
from made import make_workload

from bench.clock import BrokenContract
from bench.contract import (
    DeviceMemory,
    Layer,
    Model,
    Parameters,
    Samples,
    no_device_memory,
)
from bench.records import Trained
from bench.reference import numpy_model
from bench.trial import peak_memory_bytes, train
from bench.workload import Workload

WORKLOAD = make_workload(hidden=(32,), train_samples=300, test_samples=100)


def built_for(seen: list[Workload], factor: float = 1.0) -> type[Model]:
    """Return the NumPy model, noting its workloads; a factor spoils its start parameters."""

    class Noting(numpy_model()):  # type: ignore[misc]
        """A model that notes what it is built for."""

        def __init__(
            self, workload: Workload, parameters: Parameters, samples: Samples, device: str
        ) -> None:
            seen.append(workload)
            spoiled = [Layer(factor * weight, bias) for weight, bias in parameters]
            super().__init__(workload, spoiled, samples, device)

    return Noting


def trained(
    model_type: type[Model],
    round_number: int = 0,
    device: str = "cpu",
    device_memory: DeviceMemory = no_device_memory,
) -> Trained:
    """Return a trial of a model."""
    return train(model_type, WORKLOAD, device, round_number=round_number,
                 start_seconds=0.5, import_seconds=0.25, device_memory=device_memory)  # fmt: skip


def test_the_seed_is_that_of_the_round() -> None:
    """Round 2 of seed 1337 trains with 1339; its inputs are named by the workload's own hash."""
    seen: list[Workload] = []
    first, third = (trained(built_for(seen), number) for number in (0, 2))
    assert [workload.seed for workload in seen] == [1337, 1339]
    assert first.inputs == third.inputs
    assert first.epochs[0].loss != third.epochs[0].loss


def test_a_trial_records_its_phases() -> None:
    """What the parent measured is handed on; what is measured here is there for every epoch."""
    result = trained(numpy_model())
    assert (result.start_seconds, result.import_seconds) == (0.5, 0.25)
    assert min(result.data_seconds, result.build_seconds) > 0
    assert len(result.epochs) == 3
    assert all(epoch.seconds > 0 and epoch.evaluation_seconds > 0 for epoch in result.epochs)
    assert result.epochs[-1].loss < result.epochs[0].loss


def test_the_same_trial_again_has_the_same_losses() -> None:
    """On the CPU nothing is left to chance."""
    one, two = (trained(numpy_model()) for _ in range(2))
    assert [epoch.loss for epoch in one.epochs] == [epoch.loss for epoch in two.epochs]


def test_a_model_that_starts_elsewhere_is_refused() -> None:
    """Start parameters that are a millionth off are not the given ones."""
    with pytest.raises(BrokenContract, match="starts from other parameters"):
        trained(built_for([], factor=np.float32(1.000001)))


def test_an_accelerator_is_asked_how_much_memory_was_in_use() -> None:
    """After the training, and by its own name; what cannot tell leaves the fact absent."""
    asked: list[str] = []

    def device_memory(device: str) -> int:
        asked.append(device)
        return 123

    found = trained(numpy_model(), device="cuda:1", device_memory=device_memory)
    assert (found.device_memory_bytes, asked) == (123, ["cuda:1"])
    assert trained(numpy_model(), device="cuda:1").device_memory_bytes is None


def test_the_cpu_is_not_asked_for_its_memory() -> None:
    """It has that of the process."""
    found = trained(numpy_model(), device_memory=lambda device: 123)
    assert found.device_memory_bytes is None


def test_peak_memory_is_that_of_this_process() -> None:
    """A process that has loaded NumPy once held more than 10 MB."""
    peak = peak_memory_bytes()
    assert peak is None or peak > 10_000_000
