"""How often what is said of sweeps is right: many sweeps of known answers, with noise as recorded.

    PYTHONPATH=tests:. python tests/simulated_sweeps.py 1000

prints the shares for that many sweeps of each kind.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from made_sweeps import BATCHES, TURNS, TWO, Costs, make_sweep
from numpy.typing import NDArray

from bench.results.crossovers import contests_of
from bench.results.overhead import fitted
from bench.results.sweeps import Sweep, sweeps_of

Floats = NDArray[np.float64]
Own = Callable[[np.random.Generator, tuple[int, ...]], Floats]  # noise of every turn of its own

ROUNDS, VALUES = 3, len(BATCHES.values)
# Standard deviations of the log seconds that all share who take turns: of a round, of a point in
# it, and of a turn; and of one process.
ROUND, POINT, TURN, PROCESS = 0.15, 0.05, 0.06, 0.005
RECORDED = Path(__file__).parent / "unit" / "results" / "recorded_turns.json"
GPU: Costs = {"numpy": (0.1e-3, 40e-6), "torch cuda:0": (1.0e-3, 2e-6)}
EQUAL: Costs = dict.fromkeys(["numpy", "torch"], (1e-3, 20e-6))
EIGHT: Costs = dict.fromkeys("abcdefgh", (1e-3, 20e-6))


def normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return 0.05 * generator.standard_normal(shape)


def recorded(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Log seconds of a recorded run, less what the contenders of a turn share; about 0.1."""
    rounds = json.loads(RECORDED.read_text())["rounds"]
    logs = np.log([[one[name][1:] for name in rounds[0]] for one in rounds])
    logs -= np.median(logs, axis=(0, 2), keepdims=True)
    logs -= np.median(logs, axis=1, keepdims=True)
    return generator.choice(logs.ravel(), shape) * generator.choice([-1, 1], shape)


def simulate(contenders: Costs, own: Own, sweeps: int, gain: float = 0.0) -> Iterator[Sweep]:
    """Yield sweeps; by `gain` log seconds the second contender is faster at the last value."""
    generator = np.random.default_rng(1337)
    shape = (VALUES, ROUNDS, TURNS)
    for _ in range(sweeps):
        logs = own(generator, (len(contenders), *shape))
        logs += ROUND * generator.standard_normal((ROUNDS, 1))
        logs += POINT * generator.standard_normal((VALUES, ROUNDS, 1))
        logs += TURN * generator.standard_normal(shape)
        logs += PROCESS * generator.standard_normal((len(contenders), VALUES, ROUNDS, 1))
        logs[1, -1] -= gain
        yield from sweeps_of(make_sweep(contenders, noise=np.exp(logs), rounds=ROUNDS))


class Right(NamedTuple):
    """Shares of intervals that hold the truth, and of sweeps in which the crossover is claimed."""

    overhead: float
    cost: float
    crossover: float
    claimed: float


def right(contenders: Costs, own: Own, sweeps: int) -> Right:
    """Return how often two contenders of known overhead and cost are described rightly."""
    (first, one), (second, other) = contenders.values()
    truth = (second - first) / (one - other)
    overheads, costs, crossovers = [], [], []
    for sweep in simulate(contenders, own, sweeps):
        for rows, (overhead, cost) in zip(sweep.rows.values(), contenders.values(), strict=True):
            fit = fitted(rows)
            assert fit is not None
            overheads.append(fit.overhead.low <= overhead <= fit.overhead.high)
            costs.append(fit.cost.low <= cost <= fit.cost.high)
        found = [one.at for contest in contests_of(sweep) for one in contest.crossovers]
        crossovers += [at.low <= truth <= at.high for at in found]
    return Right(*map(float, map(np.mean, (overheads, costs, crossovers))),
                 len(crossovers) / sweeps)  # fmt: skip


def claimed(contenders: Costs, own: Own, sweeps: int, gain: float = 0.0) -> float:
    """Return the share of sweeps in which any crossover is claimed."""
    found = (any(contest.crossovers for contest in contests_of(sweep))
             for sweep in simulate(contenders, own, sweeps, gain))  # fmt: skip
    return sum(found) / sweeps


def report(sweeps: int) -> None:
    """Print all shares."""
    for own in (normal, recorded):
        for contenders in (TWO, GPU):
            print(own.__name__, dict(contenders), right(contenders, own, sweeps))
        for name, equal in {"two": EQUAL, "eight": EIGHT}.items():
            shares = [claimed(equal, own, sweeps, gain) for gain in (0.0, 0.5)]
            print(f"{own.__name__}, {name} that never cross: claimed in {shares}")


if __name__ == "__main__":
    report(int(sys.argv[1]))
