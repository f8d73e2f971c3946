"""The clock of a trial: it hands out the orders of the epochs and times what happens with each.

It starts when an order is handed out and stops when the backend says that the epoch is done;
whatever the harness does inside `epoch_done`, evaluation first of all, is off the clock.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.machine.energy import Counter, spent
from bench.trial.failure import BrokenContract, NotFinite
from bench.workload.contract import Integers, Model


class Lap(NamedTuple):
    """What the clock saw of one epoch."""

    seconds: float
    cpu_seconds: float  # of all threads of the process
    loss: float
    joules: float | None = None


class EpochClock:
    """An iterator of orders that times the interval from each order to its `epoch_done`."""

    def __init__(
        self,
        orders: Iterator[Integers],
        lap_done: Callable[[Lap], None],
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
        energy: Counter = lambda: None,
    ) -> None:
        """Hand out `orders`; call `lap_done` after every epoch, off the clock."""
        self._orders = orders
        self._lap_done = lap_done
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._energy = energy
        self._running = False
        self._laps = 0
        self._started = self._cpu_started = 0.0
        self._joules: float | None = None

    def train(self, model: Model, epochs: int) -> None:
        """Let a model train; raise BrokenContract if that were not so many epochs."""
        model.train(self, self.epoch_done)
        if self._laps != epochs:
            raise BrokenContract(
                f"train returned after {self._laps} epochs; expected one for each of the "
                f"{epochs} orders: see bench/workload/contract.py"
            )

    def __iter__(self) -> Iterator[Integers]:
        """Return itself: there is one pass over the orders."""
        return self

    def __next__(self) -> Integers:
        """Hand out the next order and start the clock."""
        if self._running:
            raise BrokenContract(
                "the next order was asked for before epoch_done was called for the last one; "
                "expected epoch_done(mean_loss) after every epoch: see bench/workload/contract.py"
            )
        order = next(self._orders)
        order.setflags(write=False)
        self._running = True
        self._joules = self._energy()
        self._cpu_started = self._cpu_clock()
        self._started = self._clock()
        return order

    def epoch_done(self, mean_loss: float) -> None:
        """Stop the clock and report the lap."""
        stopped = self._clock()
        cpu_stopped = self._cpu_clock()
        joules = spent(self._joules, self._energy())
        if not self._running:
            raise BrokenContract(
                "epoch_done was called without an epoch under way; expected one call for each "
                "order that was taken: see bench/workload/contract.py"
            )
        self._running = False
        self._laps += 1
        if not math.isfinite(mean_loss):
            raise NotFinite(f"the mean loss of an epoch is {mean_loss}; expected a finite number")
        seconds, cpu_seconds = stopped - self._started, cpu_stopped - self._cpu_started
        self._lap_done(Lap(seconds, cpu_seconds, float(mean_loss), joules))
