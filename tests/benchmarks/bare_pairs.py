"""The child of bare_ratios: trains with a backend's Model and with its bare loop, in turn.

Started as `python -m tests.benchmarks.bare_pairs PLAN RESULT`. Both live in this one process, on
the same images, start parameters and orders. Within a pair they take turns epoch by epoch, so that
what happens to the machine happens to both; who goes first changes from pair to pair.
"""

import gc
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from greenlet import getcurrent, greenlet

from bench.clock import EpochClock, Lap
from bench.contract import Orders, Samples
from bench.discovery import inspect
from bench.inputs import epoch_orders, read_raw, scale, start_parameters
from bench.records import Record
from bench.worker import load_backend
from bench.workload import Workload
from tests.benchmarks import bare


class Pairs(Record, frozen=True):
    """What to do."""

    backend: str
    path: str  # of the backend's file
    workload: Workload
    count: int


class Pair(Record, frozen=True):
    """Seconds of every epoch, the first ones included."""

    harness: tuple[float, ...]
    bare: tuple[float, ...]


Side = Callable[[Workload, Samples, Orders], list[float]]


def main() -> None:
    """Carry out the pairs of the first argument and write them to the second."""
    source, target = map(Path, sys.argv[1:])
    plan = msgspec.json.decode(source.read_bytes(), type=Pairs)
    sides = {"harness": harness_side(plan), "bare": bare_side(plan.backend)}
    train, _ = scale(read_raw(plan.workload), plan.workload)
    pairs = []
    for number in range(plan.count):
        names = ["harness", "bare"] if number % 2 == 0 else ["bare", "harness"]
        gc.collect()  # what the last pair left behind is thrown away before, not in this one
        seconds = in_turn([partial(sides[name], plan.workload, train) for name in names],
                          partial(epoch_orders, plan.workload))  # fmt: skip
        pairs.append(Pair(**dict(zip(names, map(tuple, seconds), strict=True))))
    target.write_bytes(msgspec.json.encode(pairs))


def in_turn(
    sides: Sequence[Callable[[Orders], list[float]]], orders: Callable[[], Orders]
) -> list[list[float]]:
    """Let all train, an epoch of the one after an epoch of the other; return what they return.

    Each waits where it asks for an order, for no clock runs there. They are greenlets of one
    thread: in threads of their own each would have its own OpenMP threads, and all together be
    more than there are cores.
    """
    scheduler = getcurrent()

    def waiting() -> Orders:
        for order in orders():
            scheduler.switch()
            yield order

    running = {number: greenlet(side) for number, side in enumerate(sides)}
    returned = {number: one.switch(waiting()) for number, one in running.items()}  # they build
    while running:
        for number, one in list(running.items()):
            returned[number] = one.switch()
            if one.dead:
                del running[number]
    return [returned[number] for number in range(len(sides))]


def harness_side(plan: Pairs) -> Side:
    """Return what trains with the backend's Model under the clock of `bench run`."""
    path = Path(plan.path)
    backend = load_backend(plan.backend, path, inspect(path).hides)

    def seconds(workload: Workload, train: Samples, orders: Orders) -> list[float]:
        laps: list[Lap] = []
        clock = EpochClock(orders, laps.append)
        model = backend.Model(workload, start_parameters(workload), train, "cpu")
        model.train(clock, clock.epoch_done)
        return [lap.seconds for lap in laps]

    return seconds


def bare_side(backend: str) -> Side:
    """Return what trains with the hand-written loop."""
    loop = getattr(bare, f"bare_{backend}")

    def seconds(workload: Workload, train: Samples, orders: Orders) -> list[float]:
        found: list[float] = loop(workload, start_parameters(workload), train, orders)
        return found

    return seconds


if __name__ == "__main__":
    main()
