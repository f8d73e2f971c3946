"""One trial, inside the child: inputs, model, epochs under the clock, scores, inference."""

import gc
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple, Self

import msgspec
import numpy as np

from bench.machine.energy import Counter, counter
from bench.results.records import Epoch, Flag, Trained
from bench.trial import inference
from bench.trial.clock import EpochClock, Lap
from bench.trial.failure import BrokenContract
from bench.trial.memory import peak_memory_bytes, reset_peak_memory
from bench.trial.predictions import class_indices, wrong_predictions
from bench.trial.reference import equal
from bench.workload import Device, Workload
from bench.workload.contract import (
    DeviceMemory,
    Integers,
    Model,
    Parameters,
    Samples,
    no_device_memory,
)
from bench.workload.inputs import epoch_orders, inputs_hash, read_raw, scale, start_parameters


class Process(NamedTuple):
    """What a trial has of the process that it is in."""

    start_seconds: float = 0.0  # that the interpreter took to start
    import_seconds: float = 0.0
    imported: float | None = None  # when that was done, by the clock; None: now
    wait_for_turn: Callable[[], None] = lambda: None  # returns when the next turn may begin
    device_memory: DeviceMemory = no_device_memory  # asked of an accelerator only

    def once_more(self, wait: Callable[[], None], device: Device) -> Self:
        """Forget the trial before, whose model nothing refers to any more; wait to go on."""
        gc.collect()
        wait()
        reset_peak_memory()
        if not device.is_cpu:
            self.device_memory(str(device))  # from now on it counts anew
        return self._replace(imported=None)


def train(
    model_type: type[Model],
    workload: Workload,
    device: Device,
    round_number: int = 0,
    extra_epochs: int = 0,
    process: Process = Process(),  # noqa: B008
) -> Trained:
    """Train a fresh model to the last epoch and return all that was measured.

    `extra_epochs` are timed beyond the workload's. Raises what the backend raises, BrokenContract,
    NotFinite, BrokenData.
    """
    begun = time.perf_counter() if process.imported is None else process.imported
    raw = read_raw(workload)
    samples, test = scale(raw, workload)
    inputs = inputs_hash(raw, workload)
    del raw
    seeded = msgspec.structs.replace(workload, seed=workload.seed + round_number)
    parameters = start_parameters(seeded)
    data_done = time.perf_counter()
    model = model_type(_longer(seeded, extra_epochs), parameters, samples, str(device))
    if not equal(model.parameters(), parameters):  # the first copy is none of the timed ones
        raise BrokenContract("the model starts from other parameters than the given ones")
    training = Training(model, seeded, test, counter(device), extra_epochs=extra_epochs)
    training.run(process.wait_for_turn)
    peak_memory = peak_memory_bytes()  # before the check, whose memory is not the backend's
    calls = inference.infer(model, seeded, test.images, process.wait_for_turn)
    device_memory = None if device.is_cpu else process.device_memory(str(device))
    trained = model.parameters()
    wrong = chain.from_iterable(one.flags(trained, workload) for one in calls)
    return Trained(
        inputs=inputs,
        start_seconds=process.start_seconds,
        import_seconds=process.import_seconds,
        data_seconds=data_done - begun,
        build_seconds=training.built - data_done,
        epochs=tuple(training.epochs),
        between_seconds=training.between_seconds,
        extra_seconds=tuple(training.extra_seconds),
        peak_memory_bytes=peak_memory,
        device_memory_bytes=device_memory,
        flags=(*training.flags(), *wrong),
        inference=inference.records(calls),
    )


def without_energy(trained: Trained) -> Trained:
    """Return the trial as if nothing had counted: the counter was not of its device alone."""
    epochs = tuple(msgspec.structs.replace(epoch, joules=None) for epoch in trained.epochs)
    return msgspec.structs.replace(trained, epochs=epochs)


def _longer(workload: Workload, extra_epochs: int) -> Workload:
    """Return the workload with more epochs: what a framework is told that counts them itself."""
    return msgspec.structs.replace(workload, epochs=workload.epochs + extra_epochs)


class Training:
    """A model, its epochs, and what is seen of it after each of them.

    After every epoch, off the clock, the parameters are copied before and after the evaluation,
    timed: if the device was still at work when the clock stopped, it is the first copy that waits.
    Both find caches full of something else, so that a slow memory delays both alike.
    """

    def __init__(
        self,
        model: Model,
        workload: Workload,
        test: Samples,
        energy: Counter = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        extra_epochs: int = 0,
    ) -> None:
        """Prepare to train; nothing happens yet."""
        self._model = model
        self._workload = workload
        self._test = test
        self._energy = energy
        self._clock = clock
        self._turns = _longer(workload, extra_epochs)
        self._left: float | None = None  # when the last epoch_done returned
        self._last: tuple[Integers, Parameters, Parameters] | None = None  # see _score
        self.built = 0.0  # by the clock, when the first order was asked for
        self.between_seconds = 0.0
        self.epochs: list[Epoch] = []
        self.extra_seconds: list[float] = []

    def run(self, wait_for_turn: Callable[[], None] = lambda: None) -> None:
        """Train all epochs; raise BrokenContract if there were fewer."""
        orders = self._orders(wait_for_turn)
        clock = EpochClock(orders, self._lap_done, self._clock, energy=self._energy)
        clock.train(self._model, self._turns.epochs)
        self.between_seconds += self._clock() - (self._left or self.built)

    def _orders(self, wait_for_turn: Callable[[], None]) -> Iterator[Integers]:
        for order in epoch_orders(self._turns):
            if self._left is None:
                self.built = self._clock()
            else:
                self.between_seconds += self._clock() - self._left
            wait_for_turn()
            yield order

    def _lap_done(self, lap: Lap) -> None:
        if len(self.epochs) < self._workload.epochs:
            self._score(lap)
        else:
            self.extra_seconds.append(lap.seconds)
        self._left = self._clock()

    def _score(self, lap: Lap) -> None:
        """Note the epoch; after the last one keep the predictions and what they follow from."""
        is_last = len(self.epochs) == self._workload.epochs - 1
        begun = self._clock()
        first: Parameters | None = self._model.parameters()
        copied = self._clock()
        first = first if is_last else None  # let go: the second copy finds the same memory free
        predicted = self._model.predict(self._test.images)
        evaluated = self._clock()
        second = self._model.parameters()
        copied_again = self._clock()
        right = class_indices(predicted, len(self._test.labels)) == self._test.labels
        self.epochs.append(
            Epoch(
                **lap._asdict(),
                accuracy=float(np.mean(right)),
                evaluation_seconds=evaluated - copied,
                copy_seconds=copied - begun,
                idle_copy_seconds=copied_again - evaluated,
            )
        )
        if first is not None:
            self._last = predicted, first, second

    def flags(self) -> Iterator[Flag]:
        """Yield what speaks against the last epoch."""
        assert self._last is not None, "it has trained"
        predicted, parameters, later = self._last
        if not equal(parameters, later):
            yield Flag("parameters", "they change after the last epoch is reported as done")
        wrong = wrong_predictions(predicted, self._test.images, parameters, self._workload)
        if wrong:
            yield Flag("predictions", wrong)
