"""Inference, with which a trial ends: images in host memory in, class indices out, call by call.

A call has one image, 128, or a batch of the workload's size. The calls are spread over a few turns,
so that contenders predict within seconds of each other. The whole test set needs no calls of its
own: every evaluation is one.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bench.results.jobs import INFERENCE_TURNS
from bench.results.records import Flag, Inference
from bench.trial.predictions import class_indices, wrong_predictions
from bench.workload import Workload
from bench.workload.contract import Floats, Integers, Model, Parameters

SIZES = (1, 128)  # images of a call, beside the workload's batch
OF_ONE_IMAGE, OF_MORE = 40, 8  # calls of a turn at most: 200 of one image tell percentiles
TURN_SECONDS = 0.05  # of the calls of a turn; at least one is made while there is time at all
WARM_UP = 2  # calls off the clock: the first compiles, TinyJit captures the second
BRIEF_SECONDS = 0.005  # of calls that are warmed up in every turn; others only in the first
CHECKED = 300  # images of each size whose classes are compared with those of the parameters
DIGITS = 7  # decimals of the seconds of a call


class Calls:
    """The calls of `predict` with so many images each."""

    def __init__(
        self,
        model: Model,
        images: Floats,
        size: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take the images in order, `size` of them for each call, again and again."""
        self._model, self._clock, self.size = model, clock, size
        self._images = images if len(images) > size else np.resize(images, (size, images.shape[1]))
        self._arrived: Floats  # kept while the next ones arrive, as in a loop
        self._calls: list[tuple[int, Integers]] = []  # first image, classes: looked at in the end
        self.turns: list[tuple[float, ...]] = []  # the seconds of each call

    def take_turn(self) -> None:
        """Warm up, then time some calls; none if the turns before have taken all the time."""
        if sum(map(sum, self.turns)) > INFERENCE_TURNS * TURN_SECONDS:
            return
        if not self.turns or max(self.turns[-1]) < BRIEF_SECONDS:
            for _ in range(WARM_UP):
                self._call()
        most = OF_ONE_IMAGE if self.size == 1 else OF_MORE
        seconds: list[float] = []
        while len(seconds) < most and sum(seconds) < TURN_SECONDS:
            seconds.append(round(self._call(), DIGITS))
        self.turns.append(tuple(seconds))

    def _call(self) -> float:
        """Predict the next images and return the seconds."""
        start = len(self._calls) * self.size % (len(self._images) - self.size + 1)
        self._arrived = self._images[start : start + self.size].copy()  # as if they came just now
        begun = self._clock()
        predicted = self._model.predict(self._arrived)
        seconds = self._clock() - begun
        self._calls.append((start, predicted))
        return seconds

    def flags(self, parameters: Parameters, workload: Workload) -> Iterator[Flag]:
        """Yield what is wrong with the classes; BrokenContract if they are none."""
        calls = [(self._images[start : start + self.size], class_indices(predicted, self.size))
                 for start, predicted in self._calls]  # fmt: skip
        some = calls[: -(-CHECKED // self.size)]
        images, classes = (np.concatenate(part)[:CHECKED] for part in zip(*some, strict=True))
        wrong = wrong_predictions(classes, images, parameters, workload)
        if wrong:
            yield Flag("inference", f"{self.size:,} at a time: {wrong}")


def infer(
    model: Model, workload: Workload, images: Floats, wait_for_turn: Callable[[], None]
) -> list[Calls]:
    """Return the calls of every size, done in turns; their classes have yet to be looked at."""
    every = [Calls(model, images, size) for size in sizes(workload)]
    for _ in range(INFERENCE_TURNS):
        wait_for_turn()
        for calls in every:
            calls.take_turn()
    return every


def sizes(workload: Workload) -> list[int]:
    """Return how many images the calls have, those of evaluation left out."""
    batch = min(workload.batch_size, workload.train_samples)
    return sorted({*SIZES, batch} - {workload.test_samples})


def records(every: Sequence[Calls]) -> tuple[Inference, ...]:
    """Return what was timed."""
    return tuple(Inference(calls.size, tuple(calls.turns)) for calls in every)
