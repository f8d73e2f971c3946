"""The checks of bench/contract.py on one backend, run as a script in a process of its own.

`python contract_checks.py NAME PATH RESULT` writes {check: None or what is wrong} as JSON.
"""

import json
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from packaging.requirements import Requirement

from bench import dropout, proof, still
from bench.clock import EpochClock
from bench.contract import Integers, Layer, Parameters, Samples
from bench.discovery import inspect
from bench.inputs import epoch_orders, start_parameters
from bench.reference import equal, flat, forward, numpy_model, prediction_mistake
from bench.worker import load_backend
from bench.workload import SGD, RMSprop, Workload

TINY = Workload(  # two full batches and a short one; no two widths are the same
    variant="tiny", hidden=(48, 32), epochs=2, train_samples=300, test_samples=50,
    optimizer=SGD(0.05), seed=3,
)  # fmt: skip
KINDS = {
    "relu, SGD": TINY,
    "sigmoid, SGD": msgspec.structs.replace(TINY, activation="sigmoid"),
    "relu, RMSprop": msgspec.structs.replace(TINY, optimizer=RMSprop()),
}
DROPPING = msgspec.structs.replace(TINY, dropout=0.2)
DROPOUT_CHECK = msgspec.structs.replace(TINY, dropout=0.2, hidden=(128, 128), train_samples=496)
FRAMEWORKS = {"cupy", "jax", "keras", "mlx", "tensorflow", "tinygrad", "torch"}
LIMIT = 1e-5  # of loss and parameters, relative: float32 is about 1e-6 off here


class Done(NamedTuple):
    """What a model has done, and what it was given."""

    losses: list[float]
    before: Parameters  # as the model handed them out before it trained, and as they are now
    copied: Parameters  # the same, copied at once
    parameters: Parameters
    classes: Integers
    start: Parameters
    samples: Samples


def samples(count: int, dtype: type = np.float32) -> Samples:
    """Return random images whose class can be learned."""
    generator = np.random.default_rng(5)
    images = generator.standard_normal((count, 784), np.float32)
    return Samples(images.astype(dtype), images[:, :10].argmax(axis=1))


TEST = samples(1_001)


def train(model_type: type, workload: Workload, dtype: type = np.float32, **how: bool) -> Done:
    """Train a model, predicting between the epochs unless told otherwise."""
    start = [Layer(*(a.astype(dtype) for a in one)) for one in start_parameters(workload)]
    given = samples(workload.train_samples, dtype)
    model = model_type(workload, start, given, "cpu")
    before = model.parameters()
    copied = [Layer(*map(np.copy, layer)) for layer in before]
    losses = []

    def lap_done(lap: object) -> None:
        losses.append(lap.loss)
        if how.get("predict", True):
            model.predict(TEST.images)

    orders = (np.sort(order) if how.get("sort") else order for order in epoch_orders(workload))
    if how.get("drop_short"):
        orders = (order[:256] for order in orders)
    clock = EpochClock(orders, lap_done)
    model.train(clock, clock.epoch_done)
    classes = np.asarray(model.predict(TEST.images))
    return Done(losses, before, copied, model.parameters(), classes, start, given)


def mean_loss_of_the_first_epoch(workload: Workload) -> float:
    """Return it in float64, by another forward pass than the NumPy backend's.

    That trains on a batch at a time, as if it were an epoch, and is looked at before each.
    """
    batches = np.split(next(epoch_orders(workload)), range(128, workload.train_samples, 128))
    given = samples(workload.train_samples, np.float64)
    start = [Layer(*(a.astype(np.float64) for a in one)) for one in start_parameters(workload)]
    model = numpy_model()(workload, start, given, "cpu")
    losses = []

    def orders() -> Iterator[Integers]:
        for rows in batches:
            logits = forward(given.images[rows], model.parameters(), workload.activation)
            logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
            losses.append(-logits[np.arange(len(rows)), given.labels[rows]])
            yield rows

    model.train(orders(), lambda loss: None)
    return float(np.concatenate(losses).mean())


def deviation(found: Done, expected: Done, workload: Workload) -> float:
    """Return the larger of the deviations of the losses and of the parameters."""
    start = start_parameters(workload)
    return max(
        proof.loss_deviation(found.losses, expected.losses),
        proof.parameter_deviation(found.parameters, expected.parameters, start),
    )


def _needs(distribution: str) -> list[str]:
    """Return the names of what an installed distribution requires, its extras left out."""
    requirements = map(Requirement, requires(distribution) or [])
    return [one.name for one in requirements if "extra ==" not in str(one.marker)]


class Contract:
    """A backend and what its models have done; each method is a promise."""

    def __init__(self, name: str, path: Path) -> None:
        """Import the backend."""
        self.backend = inspect(path)
        self.module = load_backend(name, path, self.backend.hides)
        self.model_type = self.module.Model

    @cached_property
    def done(self) -> dict[str, Done]:
        """What the backend did, by kind of workload."""
        return {kind: train(self.model_type, workload) for kind, workload in KINDS.items()}

    def names_its_devices_and_versions(self) -> None:
        devices, versions = self.module.devices(), self.module.versions()
        assert devices and all(isinstance(name, str) for name in devices), devices
        assert versions and next(iter(versions.values())), versions
        assert all(isinstance(v, str | None) for v in versions.values()), versions

    def imports_no_framework_that_it_does_not_need(self) -> None:
        named = {re.split(r"[^a-z]", one)[0] for one in self.backend.dependencies}
        installed = packages_distributions()  # which may have another name: tensorflow-cpu
        theirs = [need for name in named for one in installed.get(name, []) for need in _needs(one)]
        needed = {*named, *theirs}
        strangers = {name for name in FRAMEWORKS - needed if sys.modules.get(name)}
        assert not strangers, f"imported {strangers}: add them to `hides` in the header"

    def starts_from_the_given_parameters(self) -> None:
        for kind, done in self.done.items():
            expected = start_parameters(KINDS[kind])
            kinds = [(a.shape, a.dtype) for layer in done.copied for a in layer]
            assert kinds == [(a.shape, a.dtype) for layer in expected for a in layer], kinds
            assert equal(done.copied, expected), kind

    def leaves_what_it_is_given_alone(self) -> None:
        for kind, done in self.done.items():
            given = start_parameters(KINDS[kind])
            assert equal(done.start, given), "it wrote into the given parameters"
            assert equal([done.samples], [samples(TINY.train_samples)]), "it wrote into the samples"
            assert equal(done.before, done.copied), "parameters() returned views"
            assert not equal(done.parameters, done.copied), "training changed nothing"

    def agrees_with_numpy_in_float64(self) -> None:
        for kind, workload in KINDS.items():
            expected = train(numpy_model(), workload, np.float64)
            found = deviation(self.done[kind], expected, workload)
            assert found < LIMIT, f"{kind}: {found:.1e} off"

    def obeys_the_order(self) -> None:
        other = train(numpy_model(), TINY, np.float64, sort=True)
        found = deviation(self.done["relu, SGD"], other, TINY)
        assert found > 100 * LIMIT, f"{found:.1e} from what the order of the data gives"

    def trains_the_short_batch(self) -> None:
        other = train(numpy_model(), TINY, np.float64, drop_short=True)
        found = deviation(self.done["relu, SGD"], other, TINY)
        assert found > 100 * LIMIT, f"{found:.1e} from what full batches alone give"

    def reports_the_mean_loss_over_the_samples(self) -> None:
        for kind, workload in KINDS.items():
            found, expected = self.done[kind].losses[0], mean_loss_of_the_first_epoch(workload)
            assert abs(found / expected - 1) < LIMIT, f"{kind}: {found}; expected {expected}"

    def gives_the_same_result_again(self) -> None:
        first, second = (train(self.model_type, DROPPING, predict=p) for p in (True, False))
        assert first.losses == second.losses, f"losses {first.losses} and {second.losses}"
        assert equal(first.parameters, second.parameters), "parameters differ"

    def predicts_class_indices(self) -> None:
        for kind, workload in KINDS.items():
            done = self.done[kind]
            wrong = prediction_mistake(
                done.classes, TEST.images, done.parameters, workload.activation
            )
            assert not wrong, f"{kind}: {wrong}"

    def drops_in_training_only_at_the_right_rate_and_scale(self) -> None:
        # Fewer epochs than the proof takes, which looks at the masks themselves besides.
        seen = still.observe(self.model_type, DROPOUT_CHECK, "cpu", bright=20, dark=1)
        assert not seen.missed, "dropout is on in prediction"
        found, (expected, spread) = np.mean(seen.losses[:20]), still.bright_loss(0.2)
        assert abs(found - expected) < still.tolerance(spread, 20), f"{found}; expected {expected}"
        assert np.array_equal(*dropout.kept_units(self.model_type, DROPOUT_CHECK, "cpu"))
        given = samples(DROPOUT_CHECK.train_samples)
        lengths = dropout.update_lengths(self.model_type, DROPOUT_CHECK, given, "cpu")
        assert np.max(np.abs(lengths - 1)) < dropout.UPDATE_TOLERANCE, lengths

    def learns(self) -> None:
        for kind, done in self.done.items():
            assert done.losses[-1] < done.losses[0], f"{kind}: losses {done.losses}"
            assert np.isfinite(flat(done.parameters)).all(), kind


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
    name, path, result = sys.argv[1:]
    contract = Contract(name, Path(path))
    outcomes = {promise: outcome(getattr(contract, promise)) for promise in PROMISES}
    Path(result).write_text(json.dumps(outcomes))
