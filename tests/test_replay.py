"""The last epoch, trained again: what chance explains is let pass, other work is not."""

import msgspec
import numpy as np
import pytest
from made import make_workload

from bench.contract import Layer, Parameters, Samples
from bench.inputs import epoch_orders, read_raw, scale, start_parameters
from bench.replay import Change, mistakes, replay
from bench.workload import VARIANTS, Workload

CHANCE = ["relu-dropout", "keras-example"]


def small(variant: str) -> Workload:
    """Return a variant with a small network and enough steps to fill RMSprop's memory."""
    return make_workload(variant, hidden=(48, 32), train_samples=3_000, test_samples=10, epochs=3)


def honest(workload: Workload) -> tuple[Samples, list[np.ndarray], Change]:
    """Return what a backend with masks of its own does in the last epoch."""
    samples, _ = scale(read_raw(workload), workload)
    orders = list(epoch_orders(workload))
    other = msgspec.structs.replace(workload, seed=workload.seed + 5)
    first = replay(other, samples, orders[:2], start_parameters(workload))
    return samples, orders, replay(other, samples, orders, first.after)


def found_in(workload: Workload, change: Change, first_loss: float = 1.0) -> str:
    """Return what is found in a change that claims to be that of the last epoch."""
    samples, orders, _ = honest(workload)
    return "; ".join(mistakes(workload, samples, orders, first_loss, change))


@pytest.mark.parametrize("variant", VARIANTS)
def test_honest_work_is_let_pass(variant: str) -> None:
    """Other dropout masks, and what RMSprop remembers of them, are no mistake."""
    workload = small(variant)
    assert found_in(workload, honest(workload)[2]) == ""


@pytest.mark.parametrize("variant", VARIANTS)
def test_half_of_the_change_is_other_work(variant: str) -> None:
    """Weights that moved half as far are named layer by layer."""
    workload = small(variant)
    change = honest(workload)[2]
    halfway: Parameters = [
        Layer((old.weight + new.weight) / 2, new.bias)
        for old, new in zip(change.before, change.after, strict=True)
    ]
    assert "layer 1 changed by" in found_in(workload, change._replace(after=halfway))


@pytest.mark.parametrize("variant", VARIANTS)
def test_biases_that_stay_are_other_work(variant: str) -> None:
    """They are few beside the weights, and are looked at apart."""
    change = honest(small(variant))[2]
    after = [
        Layer(new.weight, old.bias) for old, new in zip(change.before, change.after, strict=True)
    ]
    assert "bias 1 changed by 0; expected" in found_in(small(variant), change._replace(after=after))


def test_a_loss_that_rounding_does_not_explain_is_found() -> None:
    """Without chance a thousandth of the first epoch's loss is too much."""
    change = honest(small("relu"))[2]
    wrong = change._replace(loss=change.loss + 1e-3)
    assert found_in(small("relu"), wrong).startswith("the loss ")


def test_too_few_steps_for_rmsprop_to_forget_tell_nothing_of_masks() -> None:
    """A reference that has too little to remember is farther from all than they are apart."""
    workload = make_workload("keras-example", train_samples=1_000, test_samples=10, epochs=5)
    samples, orders, change = honest(workload)
    assert mistakes(workload, samples, orders, 1.0, change) == []


@pytest.mark.parametrize("variant", CHANCE)
def test_a_late_loss_may_be_mostly_chance(variant: str) -> None:
    """It is judged by the first epoch's: 2 % of that may be half of a loss that is almost 0."""
    change = honest(small(variant))[2]
    assert found_in(small(variant), change._replace(loss=change.loss + 0.02)) == ""
    assert "the loss " in found_in(small(variant), change._replace(loss=change.loss + 0.2))


def test_without_steps_to_remember_nothing_is_said_of_rmsprop() -> None:
    """In the first epochs of a small set its memory cannot be guessed."""
    workload = make_workload("keras-example", hidden=(8,), train_samples=300, epochs=2)
    samples, orders, change = honest(workload)
    assert mistakes(workload, samples, orders, 1.0, change._replace(loss=99.0)) == []
