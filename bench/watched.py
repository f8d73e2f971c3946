"""A model in a trial: its epochs under the clock, its scores, and what betrays it.

After every epoch, off the clock and before any evaluation, the parameters are copied twice, timed:
if the device was still at work when the clock stopped, it is the first copy that waits. With
dropout it predicts twice, too: who draws the next epoch's masks meanwhile does so only once. The
time between epochs is watched. What is typical of all three is their lower quartile: hidden work
takes its time after all epochs, a busy machine after some.

When all is measured, the predictions are compared with what the parameters say, and two epochs are
trained again (bench.replay): the last one, and one that is drawn, so that no epoch can be skimped
because nobody looks.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import TypeVar

import numpy as np

from bench import replay
from bench.clock import TELLING_EPOCHS, BrokenContract, EpochClock, Lap
from bench.contract import Integers, Model, Samples
from bench.energy import Counter
from bench.inputs import epoch_orders
from bench.records import Epoch
from bench.reference import class_indices, prediction_mistake
from bench.workload import Workload

BETWEEN_SHARE = 0.02  # of an epoch, that may pass between two
BETWEEN_SECONDS = 0.003  # or that many: honest 0.0011 at most (Keras)
BETWEEN_FEW_SECONDS = 0.02  # if there are few epochs, a busy machine may disturb them all
# By which share of the second, or how many seconds, the first of two predictions may take longer:
# honest -0.18 to 0.04 and once, of 128 trials on a busy machine, 0.006 s, about 0.13; masks drawn
# ahead 0.25 to 0.37, 0.009 to 0.023 s.
PREDICTING_SHARE = 0.2
PREDICTING_SECONDS = 0.005
at_random = random.SystemRandom().choice  # whatever a backend seeds

Value = TypeVar("Value")


class Watched:
    """A model in a trial, and what is seen of it after every epoch."""

    def __init__(
        self,
        model: Model,
        workload: Workload,
        test: Samples,
        clock: Callable[[], float] = time.perf_counter,
        draw: Callable[[range], int] = at_random,
        secret: int | None = None,
    ) -> None:
        """Look at the model once before it starts: its first copy is none of the timed ones.

        `draw` chooses the epoch that is trained again besides the last, and `secret` makes the
        order of the last (see bench.inputs).
        """
        self._model = model
        self._workload = workload
        self._test = test
        self._secret = secret
        self._clock = clock
        self._left: float | None = None  # when the last epoch_done returned
        self.started = 0.0  # by the clock, when the first order was handed out
        self.between: list[float] = []  # seconds from each epoch_done to the next order
        self.after = 0.0  # seconds from the last epoch_done to the end
        self.copies: list[tuple[float, float]] = []  # seconds of the two after each epoch
        self.again: list[float] = []  # seconds of each second prediction, if there are any
        last = workload.epochs - 1
        earlier = range(min(replay.first_epoch(workload), last), last)
        self.judged = [last, *([draw(earlier)] if earlier else [])]  # epochs, counted from 0
        self.kept = {0: model.parameters()}  # after so many epochs, as far as they are judged
        self.predicted = np.empty(0, np.int64)
        self.epochs: list[Epoch] = []

    def train(self, energy: Counter = lambda: None) -> None:
        """Train all epochs; raise BrokenContract if there were fewer."""
        clock = EpochClock(self._orders(), self._lap_done, self._clock, energy=energy)
        self._model.train(clock, clock.epoch_done)
        self.after = self._clock() - (self._left or self.started)
        if len(self.epochs) != self._workload.epochs:
            raise BrokenContract(
                f"train returned after {len(self.epochs)} epochs; expected one for each of the "
                f"{self._workload.epochs} orders: see bench/contract.py"
            )

    def _orders(self) -> Iterator[Integers]:
        for order in epoch_orders(self._workload, self._secret):
            if self._left is None:
                self.started = self._clock()
            else:
                self.between.append(self._clock() - self._left)
            yield order

    def _lap_done(self, lap: Lap) -> None:
        begun = self._clock()
        self._model.parameters()  # let go at once: the second copy finds the same memory free
        copied = self._clock()
        parameters = self._model.parameters()
        self.copies.append((copied - begun, self._clock() - copied))
        if {len(self.epochs), len(self.epochs) + 1} & set(self.judged):
            self.kept[len(self.epochs) + 1] = parameters
        begun = self._clock()
        self.predicted = self._model.predict(self._test.images)
        evaluation_seconds = self._clock() - begun
        accuracy = score(self.predicted, self._test.labels)
        self.epochs.append(
            Epoch(**lap._asdict(), accuracy=accuracy, evaluation_seconds=evaluation_seconds)
        )
        if self._workload.dropout:  # without it, all that an epoch needs is its order
            begun = self._clock()
            self._model.predict(self._test.images)
            self.again.append(self._clock() - begun)
        self._left = self._clock()

    @property
    def typical_copies(self) -> tuple[float, float]:
        """Seconds of the two copies of one epoch: the one whose wait is the lower quartile."""
        return lower_quartile(self.copies, lambda pair: pair[0] - pair[1])

    @property
    def seconds_of_checks(self) -> float:
        """What copies and second predictions took, all together."""
        return sum(map(sum, self.copies)) + sum(self.again)

    def check(self, train: Samples) -> None:
        """Raise BrokenContract if the model did other work than the specified one."""
        workload, last = self._workload, len(self.epochs)
        found = prediction_mistake(
            np.asarray(self.predicted), self._test.images, self.kept[last], workload.activation
        )
        for number in self.judged:
            found += self._trained_again(number, train)
        found += [*self._between(), *self._predicting()]
        if found:
            raise BrokenContract(
                f"{'; '.join(found)}; expected the specified work in every trial: "
                "see bench/contract.py"
            )

    def _trained_again(self, number: int, train: Samples) -> list[str]:
        """Return a mistake if an epoch, counted from 0, brought other than NumPy makes of it."""
        change = replay.Change(self.epochs[number].loss, self.kept[number], self.kept[number + 1])
        orders = list(epoch_orders(self._workload, self._secret))[: number + 1]
        found = replay.mistakes(self._workload, train, orders, self.epochs[0].loss, change)
        if not found:
            return []
        name = "the last epoch" if number == len(self.epochs) - 1 else f"epoch {number + 1}"
        return [f"{name}, trained again, brings {', '.join(found)}"]

    def _between(self) -> list[str]:
        """Return a mistake if much time passed between the epochs, where no clock runs."""
        typical = lower_quartile(self.between or [0.0], float)
        few = len(self.epochs) < TELLING_EPOCHS
        allowed = BETWEEN_SHARE * median(epoch.seconds for epoch in self.epochs)
        if typical <= max(allowed, BETWEEN_FEW_SECONDS if few else BETWEEN_SECONDS):
            return []
        return [f"{1000 * typical:.0f} ms pass between two epochs, off the clock"]

    def _predicting(self) -> list[str]:
        """Return a mistake if the first of two predictions takes longer, after most epochs."""
        if len(self.again) < TELLING_EPOCHS:  # JAX may predict slowly after the first three
            return []
        pairs = zip(self.epochs, self.again, strict=True)
        more = [epoch.evaluation_seconds - again for epoch, again in pairs]
        typical = lower_quartile(more, float)
        if typical <= max(PREDICTING_SHARE * median(self.again), PREDICTING_SECONDS):
            return []
        return [
            f"predicting takes {1000 * typical:.0f} ms less when done again: the first time does "
            "other work, off the clock"
        ]


def lower_quartile(values: Sequence[Value], seconds: Callable[[Value], float]) -> Value:
    """Return the value that a quarter of them lies below, in the order of their `seconds`."""
    return sorted(values, key=seconds)[len(values) // 4]


def score(predicted: Integers, labels: Integers) -> float:
    """Return the share of predictions that are right; raise BrokenContract if they are none."""
    return float(np.mean(class_indices(predicted, len(labels)) == labels))
