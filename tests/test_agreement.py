"""Do the backends of a round agree: what marks a row, and what rounding and chance explain."""

from typing import Any

import msgspec
import pytest
from made import (
    make_epochs,
    make_run,
    make_trained,
    make_workload,
    marks_of,
    with_result,
)

from bench import agreement, checks
from bench.records import Trained
from bench.workload import VARIANTS

FOUR = {name: [0.25, 0.26] for name in ("jax", "keras", "numpy", "torch")}


def with_last(result: Trained, **changes: Any) -> Trained:
    """Return a trial with its last epoch changed."""
    *first, last = result.epochs
    epochs = (*first, msgspec.structs.replace(last, **changes))
    return msgspec.structs.replace(result, epochs=epochs)


@pytest.mark.parametrize("variant", ["relu", "relu-dropout"])
def test_another_accuracy_than_that_of_the_round_marks_the_row(variant: str) -> None:
    """Of four backends one that ends 3 % off is named, the other three are not."""
    run = make_run(FOUR, make_workload(variant))
    run = with_result(run, "jax", with_last(make_trained(), accuracy=0.79))
    assert list(checks.marks(run)) == [run.cells[0]]
    (mark,) = marks_of(run, "jax")
    assert mark == "accuracy disagrees: 0.7900 in round 1, the others 0.8200"


def test_another_loss_than_that_of_the_round_marks_the_row() -> None:
    """The first epoch that disagrees is named, and said once."""
    epochs = [msgspec.structs.replace(lap, loss=1.1 * lap.loss) for lap in make_epochs()]
    run = with_result(make_run(FOUR), "jax", make_trained(epochs=epochs))
    (mark,) = marks_of(run, "jax")
    assert mark == "loss disagrees: 1.1 in epoch 1 of round 1, the others 1"


def test_other_dropout_masks_are_no_disagreement() -> None:
    """What is too much for `relu` may be the masks of `relu-dropout`."""
    other = with_last(make_trained(), accuracy=0.829, loss=0.34)
    assert marks_of(with_result(make_run(FOUR), "jax", other), "jax") != []
    dropping = make_run(FOUR, make_workload("relu-dropout"))
    assert marks_of(with_result(dropping, "jax", other), "jax") == []


def test_rounds_and_workloads_are_compared_with_themselves_only() -> None:
    """Another seed may end elsewhere: rounds are not compared with each other."""
    other = with_last(make_trained(), accuracy=0.7)
    run = make_run()
    for backend in ("numpy", "torch"):
        run = with_result(run, backend, other, round=1)
    assert checks.marks(run) == {}


@pytest.mark.parametrize("backends", [["numpy", "jax"], ["jax", "torch", "keras"]])
def test_other_inputs_than_the_others_mark_the_row(backends: list[str]) -> None:
    """Who changes NumPy's generator gets other orders, and NumPy, or most, tell."""
    run = make_run({name: [0.25] for name in backends})
    other = msgspec.structs.replace(make_trained(), inputs="ba9876543210")
    found = checks.marks(with_result(run, "jax", other))
    assert [cell.backend for cell in found] == ["jax"]
    assert "other inputs: ba9876543210" in "".join(found[run.cells[backends.index("jax")]])


def test_what_chance_explains_depends_on_the_work() -> None:
    """Rounding moves accuracies least, other masks more, RMSprop most; few samples are coarse."""
    exact, masks, restless = (
        agreement.tolerance(VARIANTS[name]) for name in ("relu", "relu-dropout", "keras-example")
    )
    assert exact.accuracy < masks.accuracy < restless.accuracy
    assert exact.loss < masks.loss < restless.loss
    few = agreement.tolerance(make_workload("relu", test_samples=100))
    assert few.accuracy > 0.01  # one image of a hundred may flip


def test_of_two_each_is_told_whom_it_contradicts() -> None:
    """Nobody knows which of the two is wrong, unless one is NumPy, which is not doubted."""
    run = make_run({"jax": [0.25], "torch": [0.25]})
    run = with_result(run, "jax", with_last(make_trained(), accuracy=0.7))
    assert marks_of(run, "jax") == ["accuracy disagrees: 0.7000 in round 1, torch 0.8200"]
    assert marks_of(run, "torch") == ["accuracy disagrees: 0.8200 in round 1, jax 0.7000"]
    run = make_run({"numpy": [0.25], "torch": [0.25]})
    run = with_result(run, "torch", with_last(make_trained(), accuracy=0.7))
    assert marks_of(run, "torch") == ["accuracy disagrees: 0.7000 in round 1, numpy 0.8200"]
    assert marks_of(run, "numpy") == []
