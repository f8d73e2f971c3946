"""Overhead and cost along the batch size."""

import numpy as np
import pytest
from made_sweeps import BATCHES, TURNS, TWO, make_sweep
from simulated_sweeps import normal, recorded, right

from bench.results.overhead import Fit, fitted
from bench.results.sweeps import sweeps_of
from bench.workload import Axis

EXACT = np.ones((2, len(BATCHES.values), 4, TURNS))


def fits(noise: np.ndarray | None = EXACT, **changes: object) -> list[Fit | None]:
    (sweep,) = sweeps_of(make_sweep(noise=noise, **changes))
    return [fitted(rows) for rows in sweep.rows.values()]


def test_without_noise_overhead_and_cost_are_found_exactly() -> None:
    """The short last batch is a step like the others: 6,000 images are 2.9 batches of 2,048."""
    for fit, (overhead, cost) in zip(fits(), TWO.values(), strict=True):
        assert fit is not None and fit.misfit is None
        assert (fit.overhead.centre, fit.cost.centre) == pytest.approx((overhead, cost))


def test_what_does_not_fit_is_named() -> None:
    """A contender that takes half as long again at one batch size is no overhead and cost."""
    noise = EXACT.copy()
    noise[0, 2] = 1.5
    bad, good = fits(noise * (1 + 0.001 * np.arange(4)[:, None]))
    assert good is not None and good.misfit is None
    assert bad is not None and bad.misfit is not None
    assert bad.misfit.value == 128 and 0.1 < bad.misfit.share < 0.4


def test_what_noise_explains_is_no_misfit() -> None:
    noise = np.exp(0.5 * np.random.default_rng(1337).normal(size=(2, 5, 4, 1)) * np.ones(TURNS))
    assert [fit and fit.misfit for fit in fits(noise)] == [None, None]


def test_two_values_and_one_round_tell_little() -> None:
    assert fits(None, axes=Axis("batch_size", (8, 32))) == [None, None]
    one, _ = fits(None, rounds=1)
    assert one is not None and one.overhead.low is None and one.misfit is None


@pytest.mark.parametrize("own", [normal, recorded])
def test_known_overhead_cost_and_crossover_lie_within_their_intervals(own: object) -> None:
    """95 % each; of 1,000 sweeps: see simulated_sweeps."""
    found = right(TWO, own, sweeps=150)
    assert min(found.overhead, found.cost, found.crossover) >= 0.9
    assert found.claimed == 1
