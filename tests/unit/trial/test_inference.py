"""Inference at the end of a trial, by a scripted time and with the NumPy backend."""

from typing import Any

import numpy as np
import pytest
from made import make_workload

from backends.numpy import Model as NumPyModel
from bench.results.jobs import INFERENCE_TURNS
from bench.results.records import Trained
from bench.trial.failure import BrokenContract
from bench.trial.inference import OF_MORE, OF_ONE_IMAGE, TURN_SECONDS, WARM_UP, Calls, sizes
from bench.trial.training import Process, train
from bench.workload import CPU
from bench.workload.contract import Floats, Integers

IMAGES = np.arange(10, dtype=np.float32)[:, None] * np.ones(784, np.float32)


class FakeModel:
    """Takes some seconds to predict, more in its first call; notes the images of each call."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now = seconds, 0.0
        self.seen: list[list[float]] = []

    def clock(self) -> float:
        """Return the time that has passed."""
        return self.now

    def predict(self, images: Floats) -> Integers:
        """Return the first class for each image."""
        self.now += self.seconds if self.seen else 100.0
        self.seen.append(images[:, 0].tolist())
        return np.zeros(len(images), np.int64)


def calls_of(seconds: float, size: int = 1, turns: int = INFERENCE_TURNS) -> tuple[Any, Calls]:
    """Return a fake model and its calls after some turns."""
    model: Any = FakeModel(seconds)
    calls = Calls(model, IMAGES, size, model.clock)
    for _ in range(turns):
        calls.take_turn()
    return model, calls


@pytest.mark.parametrize(("size", "most"), [(1, OF_ONE_IMAGE), (128, OF_MORE)])
def test_every_turn_has_the_same_calls_after_a_warm_up(size: int, most: int) -> None:
    model, calls = calls_of(0.0001, size)
    assert calls.turns == [(0.0001,) * most] * INFERENCE_TURNS
    assert len(model.seen) == INFERENCE_TURNS * (most + WARM_UP)


def test_slow_calls_are_fewer_and_warmed_up_once() -> None:
    model, calls = calls_of(0.024)
    assert [len(turn) for turn in calls.turns] == [3] * 4  # the fifth would be too long
    assert len(model.seen) == WARM_UP + 12


def test_of_very_slow_calls_there_is_one() -> None:
    seconds = INFERENCE_TURNS * TURN_SECONDS + 1
    assert calls_of(seconds)[1].turns == [(seconds,)]


def test_calls_go_through_the_images_again_and_again() -> None:
    model, _ = calls_of(0.1, size=4, turns=2)
    assert model.seen == [[0, 1, 2, 3], [4, 5, 6, 7], [1, 2, 3, 4], [5, 6, 7, 8]]


def test_what_is_no_class_index_for_each_image_is_refused() -> None:
    class Scalar(FakeModel):
        def predict(self, images: Floats) -> Integers:
            return np.int64(3)  # type: ignore[return-value]

    model: Any = Scalar(0.1)
    calls = Calls(model, IMAGES, 1)
    calls.take_turn()
    with pytest.raises(BrokenContract, match=r"shape \(\); .* of shape \(1,\)"):
        list(calls.flags([], make_workload()))


def test_calls_have_one_image_128_or_a_batch() -> None:
    """A batch is no larger than the training set; evaluation predicts the whole test set."""
    assert sizes(make_workload()) == [1, 128]
    assert sizes(make_workload(batch_size=512)) == [1, 128, 512]
    assert sizes(make_workload(batch_size=512, train_samples=300)) == [1, 128, 300]
    assert sizes(make_workload(batch_size=512, test_samples=512)) == [1, 128]


def trained(model_type: type = NumPyModel, **rest: Any) -> Trained:
    """Return a small trial of a model."""
    work = make_workload(hidden=(32,), train_samples=300, test_samples=100, batch_size=64)
    return train(model_type, work, CPU, **rest)


def test_a_trial_ends_with_inference_in_turns_of_its_own() -> None:
    turns: list[None] = []
    found = trained(process=Process(wait_for_turn=lambda: turns.append(None)))
    assert len(turns) == 3 + INFERENCE_TURNS
    assert [one.images for one in found.inference] == [1, 64, 128]
    assert all(one.turns and all(one.turns) for one in found.inference)
    assert found.flags == ()


def test_other_classes_for_single_images_than_for_many_are_flagged() -> None:
    class Alone(NumPyModel):
        def predict(self, images: Floats) -> Integers:
            return (super().predict(images) + (len(images) == 1)) % 10

    (flag,) = trained(Alone).flags
    assert flag.check == "inference"
    assert (
        flag.found.startswith("1 at a time: ") and "are not those of the parameters" in flag.found
    )


def test_extra_epochs_do_not_make_its_classes_look_wrong() -> None:
    assert trained(extra_epochs=2).flags == ()
