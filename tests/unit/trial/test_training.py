"""One trial inside its child: by a scripted time, and with the NumPy backend."""

import numpy as np
import pytest
from made import make_workload

from backends.numpy import Model as NumPyModel
from bench.results.records import Flag, Trained
from bench.trial.failure import BrokenContract, NotFinite
from bench.trial.training import Process, Training, train
from bench.workload import CPU, Device, Workload, inputs
from bench.workload.contract import (
    EpochDone,
    Floats,
    Integers,
    Layer,
    Model,
    Orders,
    Parameters,
    Samples,
)

WORKLOAD = make_workload(hidden=(4,), epochs=3, train_samples=20, test_samples=4)
TEST = Samples(np.zeros((4, 784), np.float32), np.array([1, 2, 3, 4]))


class Time:
    """A time that passes only when a fake model lets it."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


class FakeModel:
    """Takes 2 s an epoch, 0.5 s to predict, 0.25 s to copy; what is queued makes a copy wait."""

    def __init__(self, time: Time, epochs: int = 3, queued: float = 0.0, idle: float = 0.0) -> None:
        self.time = time
        self.epochs = epochs
        self.queued = queued
        self.idle = idle  # seconds that pass before the first epoch and after every one
        self.waiting = 0.0
        self.calls: list[str] = []
        self.orders: list[list[int]] = []

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Take as many orders as it was made for."""
        self.time.now += self.idle
        for number in range(self.epochs):
            self.orders.append(next(orders).tolist())
            self.time.now += 2
            self.waiting = self.queued
            self.calls.append("epoch")
            epoch_done(1 / (number + 1))
            self.time.now += self.idle

    def predict(self, images: Floats) -> Integers:
        """Get the first two of four right."""
        self.time.now += 0.5
        self.calls.append("predict")
        return np.array([1, 2, 0, 0])

    def parameters(self) -> Parameters:
        """Wait for what is queued."""
        self.time.now += 0.25 + self.waiting
        self.waiting = 0.0
        self.calls.append("copy")
        return []


def training_of(model: FakeModel, extra_epochs: int = 0) -> Training:
    """Return the training of a fake model."""
    return Training(model, WORKLOAD, TEST, clock=model.time, extra_epochs=extra_epochs)


def test_every_epoch_is_timed_and_scored() -> None:
    training = training_of(FakeModel(Time()))
    training.run()
    assert [epoch.seconds for epoch in training.epochs] == [2, 2, 2]
    assert [epoch.loss for epoch in training.epochs] == [1, 1 / 2, 1 / 3]
    assert [epoch.accuracy for epoch in training.epochs] == [0.5, 0.5, 0.5]
    assert [epoch.evaluation_seconds for epoch in training.epochs] == [0.5, 0.5, 0.5]


def test_a_copy_follows_each_clock_and_another_one_the_evaluation() -> None:
    model = FakeModel(Time())
    training_of(model).run()
    assert model.calls == ["epoch", "copy", "predict", "copy"] * 3


def test_work_left_on_the_device_shows_in_the_first_copy() -> None:
    training = training_of(FakeModel(Time(), queued=3.0))
    training.run()
    assert [epoch.copy_seconds for epoch in training.epochs] == [3.25] * 3
    assert [epoch.idle_copy_seconds for epoch in training.epochs] == [0.25] * 3


def test_orders_are_those_of_the_workload() -> None:
    model = FakeModel(Time())
    training_of(model).run()
    assert model.orders == [order.tolist() for order in inputs.epoch_orders(WORKLOAD)]


def test_extra_epochs_are_timed_and_nothing_else() -> None:
    model = FakeModel(Time(), epochs=5)
    training = training_of(model, extra_epochs=2)
    training.run()
    assert len(training.epochs) == 3
    assert training.extra_seconds == [2, 2]
    assert model.calls[-3:] == ["copy", "epoch", "epoch"]
    assert len({tuple(order) for order in model.orders}) == 5


def test_every_epoch_waits_for_its_turn_off_the_clock() -> None:
    model, turns = FakeModel(Time()), list[str]()

    def wait_for_turn() -> None:
        model.time.now += 60
        turns.append(model.calls[-1] if model.calls else "start")

    training = training_of(model)
    training.run(wait_for_turn)
    assert turns == ["start", "copy", "copy"]
    assert [epoch.seconds for epoch in training.epochs] == [2, 2, 2]
    assert training.between_seconds == 0


def test_time_outside_the_epochs_is_recorded() -> None:
    training = training_of(FakeModel(Time(), idle=7))
    training.run()
    assert training.built == 7
    assert training.between_seconds == 3 * 7
    assert [epoch.seconds for epoch in training.epochs] == [2, 2, 2]


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_model_that_returns_early_is_refused(epochs: int) -> None:
    with pytest.raises(BrokenContract, match=rf"after {epochs} epochs; expected one .* the 3"):
        training_of(FakeModel(Time(), epochs)).run()


def test_a_model_cannot_train_longer_than_asked() -> None:
    with pytest.raises(StopIteration):
        training_of(FakeModel(Time(), epochs=4)).run()


def test_a_loss_that_is_not_finite_ends_the_trial() -> None:
    class Diverging(FakeModel):
        def train(self, orders: Orders, epoch_done: EpochDone) -> None:
            next(orders)
            epoch_done(float("inf"))

    with pytest.raises(NotFinite):
        training_of(Diverging(Time())).run()


class Noting(NumPyModel):
    """The NumPy backend's model, which notes what it is built for; a factor spoils its start."""

    seen: list[Workload] = []
    factor = np.float32(1)

    def __init__(
        self, workload: Workload, parameters: Parameters, samples: Samples, device: str
    ) -> None:
        self.seen.append(workload)
        spoiled = [Layer(self.factor * weight, bias) for weight, bias in parameters]
        super().__init__(workload, spoiled, samples, device)


@pytest.fixture
def noting() -> type[Noting]:
    """Return a model that has not been built yet."""
    return type("Noting", (Noting,), {"seen": []})


def trained(model_type: type[Model] = NumPyModel, **changes: object) -> Trained:
    """Return a small trial of a model."""
    workload = make_workload(hidden=(32,), train_samples=300, test_samples=100)
    return train(model_type, workload, **{"device": CPU, **changes})  # type: ignore[arg-type]


def test_the_seed_is_that_of_the_round(noting: type[Noting]) -> None:
    first, third = (trained(noting, round_number=number) for number in (0, 2))
    assert [workload.seed for workload in noting.seen] == [1337, 1339]
    assert first.inputs == third.inputs
    assert first.epochs[0].loss != third.epochs[0].loss


def test_a_framework_that_counts_epochs_is_told_of_the_extra_ones(noting: type[Noting]) -> None:
    found = trained(noting, extra_epochs=2)
    assert [workload.epochs for workload in noting.seen] == [5]
    assert (len(found.epochs), len(found.extra_seconds)) == (3, 2)
    assert found.flags == ()


def test_a_trial_records_its_phases() -> None:
    result = trained(process=Process(0.5, 0.25))
    assert (result.start_seconds, result.import_seconds) == (0.5, 0.25)
    assert min(result.data_seconds, result.build_seconds) > 0
    assert len(result.epochs) == 3
    assert result.epochs[-1].loss < result.epochs[0].loss


def test_the_same_trial_again_has_the_same_losses() -> None:
    one, two = trained(), trained()
    assert [epoch.loss for epoch in one.epochs] == [epoch.loss for epoch in two.epochs]


def test_a_model_that_starts_a_millionth_off_is_refused(noting: type[Noting]) -> None:
    noting.factor = np.float32(1.000001)
    with pytest.raises(BrokenContract, match="starts from other parameters"):
        trained(noting)


def test_predictions_that_the_parameters_do_not_give_are_flagged() -> None:
    class Shifted(NumPyModel):
        def predict(self, images: Floats) -> Integers:
            return (super().predict(images) + 1) % 10

    flags = trained(Shifted).flags
    assert [flag.check for flag in flags] == ["predictions", "inference", "inference"]


def test_parameters_that_change_after_the_last_epoch_are_flagged() -> None:
    class Drifting(NumPyModel):
        def predict(self, images: Floats) -> Integers:
            self._network.layers[0].bias[0] += 1e-6
            return super().predict(images)

    expected = Flag("parameters", "they change after the last epoch is reported as done")
    assert trained(Drifting).flags == (expected,)


def test_an_accelerator_is_asked_by_its_name_how_much_memory_was_in_use() -> None:
    asked: list[str] = []

    def device_memory(device: str) -> int:
        asked.append(device)
        return 123

    found = trained(device=Device.named("cuda:1"), process=Process(device_memory=device_memory))
    assert (found.device_memory_bytes, asked) == (123, ["cuda:1"])


def test_a_later_model_of_a_process_is_not_charged_with_the_memory_of_an_earlier_one() -> None:
    device, most = Device.named("cuda:1"), iter([123, 123, 45])
    process = Process(device_memory=lambda device: next(most))
    assert trained(device=device, process=process).device_memory_bytes == 123
    later = process.once_more(lambda: None, device)
    assert trained(device=device, process=later).device_memory_bytes == 45


def test_the_cpu_has_the_memory_of_the_process() -> None:
    found = trained(process=Process(device_memory=lambda device: 123))
    assert found.device_memory_bytes is None
    assert found.peak_memory_bytes is None or found.peak_memory_bytes > 10_000_000
