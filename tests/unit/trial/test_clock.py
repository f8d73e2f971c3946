"""The clock of a trial, by a scripted time: what is on it, what is off, what is refused."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bench.trial.clock import EpochClock, Lap
from bench.trial.failure import BrokenContract, NotFinite
from bench.workload.contract import Integers


class Time:
    """A time that passes only when a test says so; reading it counts as `step` seconds."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 100.0
        self.step = step

    def __call__(self) -> float:
        """Return the time, in seconds."""
        self.now += self.step
        return self.now


def orders(count: int = 2) -> Iterator[Integers]:
    """Yield orders of three samples."""
    return iter([np.array([2, 0, 1]) for _ in range(count)])


def clock_of(
    time: Time, laps: list[Lap], cpu: Time | None = None, after: Callable[[], None] | None = None
) -> EpochClock:
    """Return a clock that reads these times, collects laps and then does `after`."""

    def lap_done(lap: Lap) -> None:
        laps.append(lap)
        if after:
            after()

    return EpochClock(orders(), lap_done, time, cpu or Time())


def test_it_runs_from_handing_out_an_order_to_epoch_done() -> None:
    """What passes between the two is the epoch; what passes before and after is not."""
    time, laps = Time(), list[Lap]()
    clock = clock_of(time, laps)
    time.now += 50
    for _ in clock:
        time.now += 2
        clock.epoch_done(0.5)
        time.now += 7
    assert [lap.seconds for lap in laps] == [2, 2]


def test_making_the_next_order_is_off_the_clock() -> None:
    """An order that takes long to make costs the backend nothing."""
    time, laps = Time(), list[Lap]()

    def slow_orders() -> Iterator[Integers]:
        time.now += 40
        yield np.array([0])

    clock = EpochClock(slow_orders(), laps.append, time, Time())
    next(clock)
    time.now += 3
    clock.epoch_done(1.0)
    assert laps[0].seconds == 3


def test_evaluation_is_off_the_clock() -> None:
    """What the harness does inside epoch_done is in no lap."""
    time, laps = Time(), list[Lap]()

    def evaluate() -> None:
        time.now += 30

    clock = clock_of(time, laps, after=evaluate)
    for _ in clock:
        time.now += 1
        clock.epoch_done(0.5)
    assert [lap.seconds for lap in laps] == [1, 1]


def test_cpu_seconds_are_told_apart() -> None:
    """CPU time comes from a clock of its own."""
    time, cpu, laps = Time(), Time(), list[Lap]()
    clock = clock_of(time, laps, cpu)
    next(clock)
    time.now, cpu.now = time.now + 2, cpu.now + 7
    clock.epoch_done(0.5)
    assert laps == [Lap(2, 7, 0.5)]


def test_nothing_is_read_between_the_two_readings() -> None:
    """Exactly one tick passes between the readings of an epoch: starting and stopping are last."""
    time, laps = Time(step=1), list[Lap]()
    clock = clock_of(time, laps)
    next(clock)
    clock.epoch_done(0.5)
    assert laps[0].seconds == 1


def test_the_next_order_before_epoch_done_is_refused() -> None:
    """A backend cannot fetch orders ahead, and the clock goes on running."""
    time, laps = Time(), list[Lap]()
    clock = clock_of(time, laps)
    next(clock)
    with pytest.raises(BrokenContract, match="before epoch_done"):
        next(clock)
    time.now += 5
    clock.epoch_done(0.5)
    assert laps[0].seconds == 5


def test_epoch_done_twice_is_refused() -> None:
    """An epoch ends once."""
    laps = list[Lap]()
    clock = clock_of(Time(), laps)
    next(clock)
    clock.epoch_done(0.5)
    with pytest.raises(BrokenContract, match="without an epoch under way"):
        clock.epoch_done(0.5)
    assert len(laps) == 1


def test_epoch_done_before_any_order_is_refused() -> None:
    """An epoch begins with an order."""
    with pytest.raises(BrokenContract, match="without an epoch under way"):
        clock_of(Time(), []).epoch_done(0.5)


def test_all_orders_at_once_are_refused() -> None:
    """`list(orders)` is an order taken before its turn."""
    with pytest.raises(BrokenContract):
        list(clock_of(Time(), []))


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf"), np.float32("nan")])
def test_a_loss_that_is_no_finite_number_is_refused(loss: float) -> None:
    """NaN and the infinities end the trial, with a message that names them."""
    laps = list[Lap]()
    clock = clock_of(Time(), laps)
    next(clock)
    with pytest.raises(NotFinite, match="expected a finite number"):
        clock.epoch_done(loss)
    assert laps == []


def test_a_loss_of_numpy_becomes_a_plain_float() -> None:
    """What frameworks hand over is recorded as a float of Python."""
    laps = list[Lap]()
    clock = clock_of(Time(), laps)
    next(clock)
    clock.epoch_done(np.float32(0.25))
    assert type(laps[0].loss) is float


def test_orders_cannot_be_written_into() -> None:
    """The arrays belong to the harness: a backend that sorts one in place is stopped."""
    order = next(clock_of(Time(), []))
    with pytest.raises(ValueError, match="read-only"):
        order.sort()


def test_after_the_last_order_iteration_ends() -> None:
    laps = list[Lap]()
    clock = clock_of(Time(), laps)
    seen = 0
    for _ in clock:
        seen += 1
        clock.epoch_done(0.5)
    assert seen == len(laps) == 2
    with pytest.raises(StopIteration):
        next(clock)
