"""The child of bare_ratios: trains with a backend's Model and with its bare loop, in turn.

Started as `python -m tests.benchmarks.bare_pairs PLAN RESULT`. Both live in this one process, on
the same images, start parameters and orders; who goes first changes from pair to pair.
"""

import gc
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.clock import EpochClock, Lap
from bench.contract import Samples
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


Side = Callable[[Workload, Samples], list[float]]


def main() -> None:
    """Carry out the pairs of the first argument and write them to the second."""
    source, target = map(Path, sys.argv[1:])
    plan = msgspec.json.decode(source.read_bytes(), type=Pairs)
    sides = {"harness": harness_side(plan), "bare": bare_side(plan.backend)}
    train, _ = scale(read_raw(plan.workload), plan.workload)
    pairs = []
    for number in range(plan.count):
        names = ["harness", "bare"] if number % 2 == 0 else ["bare", "harness"]
        pairs.append(Pair(**{name: _timed(sides[name], plan.workload, train) for name in names}))
    target.write_bytes(msgspec.json.encode(pairs))


def harness_side(plan: Pairs) -> Side:
    """Return what trains with the backend's Model under the clock of `bench run`."""
    backend = load_backend(plan.backend, Path(plan.path))

    def seconds(workload: Workload, train: Samples) -> list[float]:
        laps: list[Lap] = []
        clock = EpochClock(epoch_orders(workload), laps.append)
        model = backend.Model(workload, start_parameters(workload), train, "cpu")
        model.train(clock, clock.epoch_done)
        return [lap.seconds for lap in laps]

    return seconds


def bare_side(backend: str) -> Side:
    """Return what trains with the hand-written loop."""
    loop = getattr(bare, f"bare_{backend}")

    def seconds(workload: Workload, train: Samples) -> list[float]:
        found: list[float] = loop(
            workload, start_parameters(workload), train, epoch_orders(workload)
        )
        return found

    return seconds


def _timed(side: Side, workload: Workload, train: Samples) -> tuple[float, ...]:
    """Train a fresh network; what an earlier one left behind is thrown away before, not in it."""
    gc.collect()
    return tuple(side(workload, train))


if __name__ == "__main__":
    main()
