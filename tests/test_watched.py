"""A model in a trial, by a scripted time: epochs, scores, and what betrays other work."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache

import msgspec
import numpy as np
import pytest
from made import make_workload

from bench import inputs
from bench.clock import BrokenContract, NotFinite
from bench.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples
from bench.inputs import Raw, read_raw, scale, start_parameters
from bench.reference import numpy_model
from bench.watched import Watched, score
from bench.workload import Workload

WORKLOAD = make_workload(hidden=(4,), epochs=3, train_samples=20, test_samples=4)
SMALL = {"hidden": (32,), "train_samples": 500, "test_samples": 100}
TEST = Samples(np.zeros((4, 784), np.float32), np.array([1, 2, 3, 4]))


class Time:
    """A time that passes only when a fake model lets it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


class FakeModel:
    """Takes 2 s an epoch, 0.5 s to predict, 0.25 s to copy; what is queued makes a copy wait."""

    def __init__(self, time: Time, epochs: int = 3, queued: float = 0.0) -> None:
        self.time = time
        self.epochs = epochs
        self.queued = queued
        self.waiting = 0.0
        self.calls: list[str] = []

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Take as many orders as it was made for."""
        for number in range(self.epochs):
            next(orders)
            self.time.now += 2
            self.waiting = self.queued
            self.calls.append("epoch")
            epoch_done(1 / (number + 1))

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


def watched(epochs: int = 3, queued: float = 0.0, workload: Workload = WORKLOAD) -> Watched:
    """Return a fake model, watched but not yet trained."""
    time = Time()
    return Watched(FakeModel(time, epochs, queued), workload, TEST, time)


def test_every_epoch_is_timed_and_scored() -> None:
    """Seconds, loss, accuracy and evaluation seconds of each epoch are those of that epoch."""
    seen = watched()
    seen.train()
    assert [epoch.seconds for epoch in seen.epochs] == [2, 2, 2]
    assert [epoch.loss for epoch in seen.epochs] == [1, 1 / 2, 1 / 3]
    assert [epoch.accuracy for epoch in seen.epochs] == [0.5, 0.5, 0.5]
    assert [epoch.evaluation_seconds for epoch in seen.epochs] == [0.5, 0.5, 0.5]


def test_two_copies_follow_each_clock_before_any_evaluation() -> None:
    """What is first after the clock has stopped is a copy; one more came before the first epoch."""
    time = Time()
    model = FakeModel(time)
    Watched(model, WORKLOAD, TEST, time).train()
    assert model.calls == ["copy", *["epoch", "copy", "copy", "predict"] * 3]


def test_work_left_on_the_device_shows_in_the_first_copy() -> None:
    """The first copy waits for what was queued, the second finds the device idle."""
    seen = watched(queued=3.0)
    seen.train()
    assert seen.copies == [(3.25, 0.25)] * 3
    assert seen.typical_copies == (3.25, 0.25)


def test_disturbed_copies_are_not_typical() -> None:
    """The two copies that stand for a trial are those whose wait is the lower quartile."""
    seen = watched()
    seen.copies = [(0.375, 0.25), (9.0, 0.25), (0.25, 0.25), (9.0, 0.25)]
    assert seen.typical_copies == (0.375, 0.25)
    seen.copies = [(9.0, 0.25), (0.375, 0.25)]
    assert seen.typical_copies == (0.375, 0.25)


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_model_that_returns_early_is_refused(epochs: int) -> None:
    """The message says how many epochs were done and how many were asked for."""
    with pytest.raises(BrokenContract, match=rf"after {epochs} epochs; expected one .* the 3"):
        watched(epochs).train()


@pytest.mark.parametrize(("variant", "times"), [("relu", 1), ("relu-dropout", 2)])
def test_with_dropout_predictions_are_made_twice(variant: str, times: int) -> None:
    """Only there can something be made ready for an epoch whose order is not known yet."""
    time = Time()
    model = FakeModel(time)
    workload = make_workload(variant, hidden=(4,), epochs=3, train_samples=20, test_samples=4)
    seen = Watched(model, workload, TEST, time)
    seen.train()
    assert model.calls == ["copy", *["epoch", "copy", "copy", *["predict"] * times] * 3]
    assert [epoch.evaluation_seconds for epoch in seen.epochs] == [0.5, 0.5, 0.5]
    assert seen.again == [0.5] * 3 * (times - 1)
    assert seen.seconds_of_checks == 3 * (0.25 + 0.25) + sum(seen.again)


def test_a_model_cannot_train_longer_than_asked() -> None:
    """There is no order after the last."""
    with pytest.raises(StopIteration):
        watched(epochs=4).train()


def test_a_loss_that_is_not_finite_ends_the_trial() -> None:
    """NotFinite reaches the worker, which names the failure after it."""

    class Diverging(FakeModel):
        """A model whose loss overflows in the first epoch."""

        def train(self, orders: Orders, epoch_done: EpochDone) -> None:
            """Report infinity."""
            next(orders)
            epoch_done(float("inf"))

    time = Time()
    with pytest.raises(NotFinite):
        Watched(Diverging(time), WORKLOAD, TEST, time).train()


def test_time_between_the_epochs_is_seen() -> None:
    """Work that hides between epoch_done and the next order is on no clock, but it is noted."""

    class Hiding(FakeModel):
        """A model that does 3 s of work before the first order and 7 s after every epoch."""

        def train(self, orders: Orders, epoch_done: EpochDone) -> None:
            """Let time pass before, between and after the epochs."""
            self.time.now += 3
            for order in orders:
                self.time.now += 2
                epoch_done(float(len(order)))
                self.time.now += 7

    time = Time()
    seen = Watched(Hiding(time), WORKLOAD, TEST, time)
    seen.train()
    assert [epoch.seconds for epoch in seen.epochs] == [2, 2, 2]
    assert seen.started == 0.25 + 3  # the first copy of the parameters comes before
    assert seen.between == [7, 7]
    assert seen.after == 7


@pytest.mark.parametrize("variant", ["relu", "sigmoid", "relu-dropout", "keras-example"])
def test_an_honest_model_passes_the_check(variant: str) -> None:
    """The NumPy backend's trial is what it claims to be."""
    seen, train = honest(make_workload(variant, **SMALL))
    seen.check(train)


@cache
def few_images() -> Raw:
    """Return the images at the sizes of SMALL, read once."""
    return read_raw(make_workload(**SMALL))


def honest(
    workload: Workload, draw: Callable[[range], int] = lambda epochs: epochs[-1]
) -> tuple[Watched, Samples]:
    """Return the NumPy backend, trained and watched by a time that stands still, and its samples.

    Its parameters are copies, as the contract wants them.
    """
    train, test = scale(few_images(), workload)
    model = numpy_model()(workload, start_parameters(workload), train, "cpu")
    seen = Watched(model, workload, test, lambda: 0.0, draw)
    seen.train()
    return seen, train


def test_other_predictions_than_those_of_the_parameters_are_found() -> None:
    """Classes that the final parameters do not give are named by their number."""
    seen, train = honest(make_workload(**SMALL))
    seen.predicted = (seen.predicted + 1) % 10
    with pytest.raises(BrokenContract, match=r"predicts \d+ of \d+ clear test images otherwise"):
        seen.check(train)


def test_a_last_epoch_that_was_not_trained_is_found() -> None:
    """Parameters that stayed where they were are not where the harness itself arrives."""
    seen, train = honest(make_workload(**SMALL))
    seen.kept[3] = seen.kept[2]
    with pytest.raises(BrokenContract, match="trained again"):
        seen.check(train)


def test_a_drawn_epoch_that_was_not_trained_is_found() -> None:
    """It is named by its number, counted from 1; any but the first and the last may be drawn."""
    seen, train = honest(make_workload(**SMALL), draw=lambda epochs: epochs[0])
    seen.kept[2] = seen.kept[1]
    with pytest.raises(BrokenContract, match=r"epoch 2, trained again, brings .*changed by 0"):
        seen.check(train)


@pytest.mark.parametrize(
    ("variant", "epochs", "drawn_from"),
    [("relu", 1, None), ("relu", 2, None), ("relu", 4, [1, 2]), ("keras-example", 10, [8])],
)
def test_the_drawn_epoch_counts_and_can_be_trained_again(
    variant: str, epochs: int, drawn_from: list[int] | None
) -> None:
    """The first one compiles; and with four steps an epoch RMSprop needs eight to remember."""
    offered = []

    def draw(epochs: range) -> int:
        offered.append(list(epochs))
        return epochs[0]

    workload = make_workload(variant, epochs=epochs, **SMALL)
    Watched(FakeModel(Time()), workload, TEST, draw=draw)
    assert offered == ([] if drawn_from is None else [drawn_from])


def test_another_loss_than_that_of_the_last_epoch_is_found() -> None:
    """A reported loss that the samples do not give is named beside the one expected."""
    seen, train = honest(make_workload(**SMALL))
    seen.epochs[-1] = msgspec.structs.replace(seen.epochs[-1], loss=0.123)
    with pytest.raises(BrokenContract, match=r"the loss 0\.123; expected"):
        seen.check(train)


def test_much_time_between_epochs_is_found() -> None:
    """What passes off the clock between most epochs is part of the work; a few were disturbed."""
    seen, train = honest(make_workload(**{**SMALL, "epochs": 8}))
    seen.between = [0.05, 0.002, 0.002, 0.05]
    seen.check(train)
    seen.between = [0.05, 0.001, 0.05, 0.05]
    with pytest.raises(BrokenContract, match="50 ms pass between two epochs, off the clock"):
        seen.check(train)


def test_score_is_the_share_of_right_predictions() -> None:
    """Three of four are 0.75, whatever kind of integer the framework uses."""
    labels = np.array([1, 2, 3, 4])
    assert score(np.array([1, 2, 3, 0], np.int32), labels) == 0.75
    assert score(np.array([1, 2, 3, 4], np.uint8), labels) == 1.0


@pytest.mark.parametrize(
    ("predicted", "found"),
    [
        (np.zeros((4, 10), np.float32), r"float32 of shape \(4, 10\)"),
        (np.zeros(4, np.float32), "float32"),
        (np.zeros((4, 1), np.int64), r"shape \(4, 1\)"),
        (np.zeros(3, np.int64), r"shape \(3,\)"),
        (np.zeros(4, bool), "bool"),
        (None, "object"),
    ],
)
def test_predictions_that_are_no_classes_are_refused(predicted: object, found: str) -> None:
    """Probabilities, floats, columns, too few and nothing at all are named for what they are."""
    with pytest.raises(BrokenContract, match=f"{found}.*; expected class indices"):
        score(predicted, TEST.labels)  # type: ignore[arg-type]


def test_orders_are_those_of_the_workload() -> None:
    """What is handed out is what bench.inputs makes, in its order."""

    class Noting(FakeModel):
        """A model that keeps the orders it was given."""

        def train(self, orders: Orders, epoch_done: EpochDone) -> None:
            """Note each order."""
            self.orders = []
            for order in orders:
                self.orders.append(order.tolist())
                epoch_done(1.0)

    time = Time()
    model = Noting(time)
    Watched(model, WORKLOAD, TEST, time).train()
    assert model.orders == [order.tolist() for order in inputs.epoch_orders(WORKLOAD)]


def test_work_that_hides_in_predictions_is_found() -> None:
    """Masks of the next epoch, drawn by the first prediction, are missing from the second.

    A neighbour may disturb most of the epochs, but not all of them; here a first prediction takes
    no time, so the seconds of the second ones are those of a difference.
    """
    seen, train = honest(make_workload("relu-dropout", epochs=9, **SMALL))
    seen.again = [-0.05] * 6 + [0.0] * 3
    seen.check(train)
    seen.again = [-0.05] * 6 + [-0.006, 0.0, 0.0]
    with pytest.raises(BrokenContract, match="predicting takes 6 ms less when done again"):
        seen.check(train)


@pytest.mark.parametrize(("first", "found"), [(0.118, False), (0.122, True)])
def test_a_first_prediction_may_be_slower_by_a_fifth(first: float, found: bool) -> None:
    """Training leaves no memory warm for it; work that hides takes more than that."""
    seen, train = honest(make_workload("relu-dropout", epochs=9, **SMALL))
    change = {"evaluation_seconds": first}
    seen.epochs = [msgspec.structs.replace(epoch, **change) for epoch in seen.epochs]
    seen.again = [0.1] * 9
    with pytest.raises(BrokenContract, match="predicting") if found else nullcontext():
        seen.check(train)


def test_a_few_predictions_tell_nothing() -> None:
    """A framework may predict slowly until it is warm, whatever it does besides."""
    seen, train = honest(make_workload("relu-dropout", epochs=7, **SMALL))
    seen.again = [-9.0] * 7
    seen.check(train)
