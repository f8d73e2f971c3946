"""The checks of bench/workload/contract.py on one backend, as a script in a process of its own.

`python contract_checks.py NAME PATH RESULT` writes its devices as JSON, and with a device at the
end {promise: None or what is wrong}, empty if it sees no such device.
"""

import json
import re
import sys
import traceback
from collections.abc import Callable
from functools import cached_property
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import msgspec
import numpy as np
from packaging.requirements import Requirement

from bench.results.records import Verified
from bench.run.backends import Backend, inspect
from bench.trial import dropout_probe
from bench.trial.clock import EpochClock
from bench.trial.description import accelerators, devices
from bench.trial.reference import equal
from bench.trial.verification import verify
from bench.trial.worker import load_backend
from bench.workload import SGD, Adam, Device, RMSprop, Workload
from bench.workload.contract import Parameters, Samples
from bench.workload.inputs import epoch_orders, start_parameters

TINY = Workload(  # no two widths are the same; no more samples than eight steps have: it is quick
    hidden=(48, 32), epochs=2, train_samples=300, test_samples=101, optimizer=SGD(0.05), seed=3
)
KINDS = (
    TINY,
    msgspec.structs.replace(TINY, activation="sigmoid", optimizer=RMSprop()),
    msgspec.structs.replace(TINY, optimizer=Adam()),
)
DROPPING = msgspec.structs.replace(TINY, dropout=0.2)
FRAMEWORKS = {"cupy", "jax", "keras", "mlx", "tensorflow", "tinygrad", "torch"}


def in_lower_precisions(backend: Backend, device: Device) -> list[Workload]:
    """Return the tiny workload in each precision beside float32 that a backend has on a device."""
    lower = [
        one for one, variables in backend.precisions.items()
        if not variables and backend.computes_in(one, device)  # else it needs another process
    ]  # fmt: skip
    return [msgspec.structs.replace(TINY, precision=one) for one in lower]


def samples(count: int) -> Samples:
    """Return random images whose class can be learned."""
    images = np.random.default_rng(5).standard_normal((count, 784), np.float32)
    return Samples(images, images[:, :10].argmax(axis=1))


def train(
    model_type: type, device: Device, *, predicting: bool = False
) -> tuple[list[float], Parameters]:
    """Return the losses and the parameters of a model with dropout, predicting between epochs."""
    given, losses = samples(DROPPING.train_samples), []
    model = model_type(DROPPING, start_parameters(DROPPING), given, str(device))

    def lap_done(lap: object) -> None:
        losses.append(lap.loss)
        if predicting:
            model.predict(given.images)

    clock = EpochClock(epoch_orders(DROPPING), lap_done)
    model.train(clock, clock.epoch_done)
    return losses, model.parameters()


def _needs(distribution: str) -> list[str]:
    """Return the names of what an installed distribution requires, its extras left out."""
    requirements = map(Requirement, requires(distribution) or [])
    return [one.name for one in requirements if "extra ==" not in str(one.marker)]


class Contract:
    """A backend and its models; each method is a promise."""

    def __init__(self, name: str, path: Path, device: Device) -> None:
        """Import the backend."""
        self.device = device
        self.backend = inspect(path)
        self.module = load_backend(name, path, self.backend.hides)
        self.model_type = self.module.Model

    @cached_property
    def trained(self) -> tuple[list[float], Parameters]:
        """What a model with dropout brings that never predicts."""
        return train(self.model_type, self.device)

    def names_its_versions(self) -> None:
        versions = self.module.versions()
        assert versions and next(iter(versions.values())), versions
        assert all(isinstance(v, str | None) for v in versions.values()), versions

    def imports_no_framework_that_it_does_not_need(self) -> None:
        named = {re.split(r"[^a-z]", one)[0] for one in self.backend.dependencies}
        installed = packages_distributions()  # which may have another name: tensorflow-cpu
        theirs = [need for name in named for one in installed.get(name, []) for need in _needs(one)]
        needed = {*named, *theirs}
        strangers = {name for name in FRAMEWORKS - needed if sys.modules.get(name)}
        assert not strangers, f"imported {strangers}: add them to `hides` in the header"

    def computes_the_specified_network(self) -> None:
        for workload, found in zip(KINDS, verify(self.model_type, KINDS, self.device), strict=True):
            assert isinstance(found, Verified), f"{workload}: {found}"
            assert not found.flags, f"{workload}: {found.flags}"

    def computes_in_the_precisions_of_its_header(self) -> None:
        workloads = in_lower_precisions(self.backend, self.device)
        for workload, found in zip(
            workloads, verify(self.model_type, workloads, self.device), strict=True
        ):
            assert isinstance(found, Verified), f"{workload}: {found}"
            assert not found.flags, f"{workload}: {found.flags}"

    def drops_in_training_only_at_the_right_rate_and_scale(self) -> None:
        found = dropout_probe.flags(self.model_type, DROPPING.dropout, self.device)
        assert not found, found

    def gives_the_same_result_again_whether_it_predicts_or_not(self) -> None:
        losses, parameters = train(self.model_type, self.device, predicting=True)
        if not self.device.is_cpu:  # which may add up in another order every time
            assert np.allclose(losses, self.trained[0], rtol=1e-5), (losses, self.trained[0])
            return
        assert losses == self.trained[0], f"losses {losses} and {self.trained[0]}"
        assert equal(parameters, self.trained[1]), "parameters differ"

    def tells_what_an_accelerator_is_and_has_used(self) -> None:
        assert self.trained
        if self.device.is_cpu:
            return
        if hasattr(self.module, "device_facts"):
            told = self.module.device_facts(str(self.device))  # what it raises would go unnoticed
            assert told is None or list(accelerators(self.module, [self.device])), told
        if hasattr(self.module, "device_memory_bytes"):
            used = self.module.device_memory_bytes(str(self.device))
            assert used is None or used > 0, used

    def learns(self) -> None:
        losses, _ = self.trained
        assert losses[-1] < losses[0], f"losses {losses}"


PROMISES = [name for name, promise in vars(Contract).items()
            if not name.startswith("_") and callable(promise)]  # fmt: skip


def outcome(promise: Callable[[], None]) -> str | None:
    """Return None if a promise is kept, else what is wrong."""
    try:
        promise()
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return None


if __name__ == "__main__":
    name, path, result, *device = sys.argv[1:]
    contract = Contract(name, Path(path), Device.named(*device or ["cpu"]))
    seen = devices(contract.module)
    found: object = list(map(str, seen))
    if device:
        promises = PROMISES if contract.device in seen else []
        found = {promise: outcome(getattr(contract, promise)) for promise in promises}
    Path(result).write_text(json.dumps(found))
