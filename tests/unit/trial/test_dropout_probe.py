"""The probe of dropout; what it says of wrong models is in test_verification."""

from itertools import pairwise

import msgspec
import numpy as np
import pytest
from wrong.plain import Plain

from backends.numpy import Model as NumPyModel
from bench.trial import dropout_probe
from bench.workload import CPU


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("model", [NumPyModel, Plain])
def test_correct_dropout_is_not_flagged_at_any_rate(model: type[Plain], rate: float) -> None:
    assert dropout_probe.flags(model, rate, CPU) == ()


def drawn(rate: float, epochs: int, seed: int) -> np.ndarray:
    """Return the levels of independent masks, without a model."""
    random = np.random.default_rng(seed)
    shape = (epochs * dropout_probe.IMAGES, dropout_probe.UNITS)
    below, above = (random.random(shape, np.float32) >= rate for _ in range(2))
    return (below * (above + 2 * np.roll(above, -1, axis=1))).astype(np.int8)


def test_independent_masks_are_not_flagged_in_twenty_repeats() -> None:
    for seed in range(20):
        levels = drawn(0.2, dropout_probe.WORKLOAD.epochs, seed)
        assert list(dropout_probe.judge_shares(levels, 0.2)) == []
        assert list(dropout_probe.judge_masks(levels)) == []


def test_the_gradients_show_all_masks_that_made_a_difference() -> None:
    seen: list[np.ndarray] = []

    class Noting(Plain):
        def drop(self, values, number):
            dropped = super().drop(np.ones_like(values), number)
            seen.append(dropped > 0)
            return values * dropped

    workload = msgspec.structs.replace(dropout_probe.WORKLOAD, dropout=0.2, epochs=1)
    train = dropout_probe.one_pixel_images(workload)
    model = Noting(workload, dropout_probe.start_of(workload), train, "cpu")
    copies = [model.parameters()]
    model.train(
        iter([np.arange(len(train.labels))]), lambda loss: copies.append(model.parameters())
    )
    (levels,) = (dropout_probe.levels_between(*pair) for pair in pairwise(copies))
    below, above = np.concatenate(seen[::2]), np.concatenate(seen[1::2])
    assert np.array_equal(levels, below * (above + 2 * np.roll(above, -1, axis=1)))
