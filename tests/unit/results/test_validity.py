"""Flags: whatever speaks against a row flags it by name, and neither honesty nor noise does."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import (
    flags_of,
    make_epoch,
    make_epochs,
    make_failed,
    make_run,
    make_trained,
    make_verified,
    make_workload,
    with_result,
    with_verification,
)
from made_sweeps import make_sweep

from bench.results import validity
from bench.results.records import Epoch, Flag, Trained
from bench.results.validity import TELLING_EPOCHS, device_idle, falling_loss, tolerance
from bench.workload import CPU, SGD, VARIANTS, Adam, Axis, Device, RMSprop

FOUR = {name: [0.25, 0.26] for name in ("jax", "keras", "numpy", "torch")}
GPU = Device("cuda", 0)


def with_last(result: Trained, **changes: Any) -> Trained:
    """Return a trial with its last epoch changed."""
    *first, last = result.epochs
    epochs = (*first, msgspec.structs.replace(last, **changes))
    return msgspec.structs.replace(result, epochs=epochs)


def with_copies(pairs: Sequence[tuple[float, float]], seconds: float = 0.25) -> list[Epoch]:
    """Return epochs with these seconds of the first copy and of the idle one."""
    return [make_epoch(seconds, copy_seconds=one, idle_copy_seconds=two) for one, two in pairs]


@pytest.mark.parametrize("backends", [["alone"], ["jax", "torch"], [*FOUR]])
def test_rows_that_agree_have_no_flags(backends: list[str]) -> None:
    assert validity.flags(make_run({name: [0.25, 0.26] for name in backends})) == {}


@pytest.mark.parametrize(
    ("result", "flag"),
    [
        (make_failed("killed", "ended by SIGKILL"), "failed (killed: ended by SIGKILL)"),
        (make_verified(flags=(Flag("losses", "3.0e-04 off"),)), "losses: 3.0e-04 off"),
    ],
)
def test_a_row_that_is_not_verified_is_flagged_with_the_reason(result: Any, flag: str) -> None:
    run = with_verification(make_run(FOUR), "torch", result)
    assert flags_of(run, "torch") == [f"verification: {flag}"]
    assert len(validity.flags(run)) == 1


def test_a_row_without_a_verification_is_flagged() -> None:
    run = make_run({"numpy": [0.25]}, verifications=())
    assert flags_of(run, "numpy") == ["verification: missing: the run ended before it"]


def test_what_the_child_found_flags_its_row_in_every_round_that_it_was_found() -> None:
    run = make_run(FOUR)
    for number in (0, 1):
        found = make_trained(flags=(Flag("predictions", "3 are wrong"),))
        run = with_result(run, "keras", found, number)
    expected = [f"predictions: 3 are wrong (round {number})" for number in (1, 2)]
    assert flags_of(run, "keras") == expected
    assert len(validity.flags(run)) == 1


def test_a_failed_trial_is_no_flag() -> None:
    assert validity.flags(with_result(make_run(FOUR), "jax", make_failed())) == {}


def test_slow_epochs_and_long_gaps_are_no_flag() -> None:
    slow = [make_epoch(seconds, 1 / at) for at, seconds in enumerate((5.0, 0.1, 9.0), start=1)]
    trained = make_trained(epochs=slow, between_seconds=30.0)
    assert validity.flags(with_result(make_run({"jax": [0.25]}), "jax", trained)) == {}


@pytest.mark.parametrize(
    ("device", "epochs", "seconds", "waited", "flagged"),
    [
        (CPU, TELLING_EPOCHS, 0.25, 0.0014, False),  # the most beside two busy loops
        (CPU, TELLING_EPOCHS, 0.25, 0.0022, True),
        (CPU, TELLING_EPOCHS, 1.0, 0.0045, False),  # but an epoch is long
        (CPU, 3, 0.6, 0.035, False),  # the first copies of Keras on TensorFlow, on busy cores
        (CPU, 3, 0.02, 0.05, True),
        (CPU, 1, 0.02, 0.05, True),
        (GPU, TELLING_EPOCHS, 0.02, 0.004, False),  # some frameworks copy only once
        (GPU, TELLING_EPOCHS, 1.0, 0.04, False),
        (GPU, TELLING_EPOCHS, 1.0, 0.06, True),
    ],
)
def test_a_device_that_is_still_at_work_makes_every_first_copy_wait(
    device: Device, epochs: int, seconds: float, waited: float, flagged: bool
) -> None:
    laps = with_copies([(0.0003 + waited, 0.0003)] * epochs, seconds)
    assert (device_idle([laps], device) is not None) is flagged


DELAYS = some.floats(0, 0.06)


@given(
    first=some.lists(DELAYS, min_size=7, max_size=7),
    second=some.lists(DELAYS, min_size=TELLING_EPOCHS, max_size=TELLING_EPOCHS),
)
def test_copies_that_a_busy_machine_delays_in_some_epochs_are_no_flag(
    first: list[float], second: list[float]
) -> None:
    """Three of ten first copies without a delay are enough, however long all others take."""
    pairs = zip([*first, 0, 0, 0], second, strict=True)
    epochs = with_copies([(0.001 + one, 0.001 + other) for one, other in pairs])
    assert device_idle([epochs], CPU) is None


@pytest.mark.parametrize(("rounds", "flagged"), [(1, False), (3, True)])
def test_a_device_that_was_at_work_in_most_rounds_flags_its_row_once(
    rounds: int, flagged: bool
) -> None:
    run = make_run({"jax": [0.25] * 4})
    for number in range(4):
        copies = {"copy_seconds": 0.004 if number < rounds else 0.001, "idle_copy_seconds": 0.001}
        epochs = [make_epoch(0.25, 1 / at, **copies) for at in range(1, TELLING_EPOCHS + 1)]
        run = with_result(run, "jax", make_trained(epochs=epochs), number)
    expected = ["device idle: still at work for 3 ms after the clock stopped"] if flagged else []
    assert flags_of(run, "jax") == expected


@pytest.mark.parametrize(
    ("losses", "flag"),
    [([2.0, 2.5, 1.9], None), ([2.0], None),
     ([2.0, 1.0, 2.0], "falling loss: 2 in the first epoch, 2 in the last")],
)  # fmt: skip
def test_the_loss_must_end_below_its_start(losses: list[float], flag: str | None) -> None:
    found = falling_loss([make_epoch(loss=loss) for loss in losses])
    assert (found and str(found)) == flag


@pytest.mark.parametrize("variant", ["relu", "relu-dropout"])
def test_another_accuracy_than_that_of_the_round_flags_the_row(variant: str) -> None:
    run = make_run(FOUR, make_workload(variant))
    run = with_result(run, "jax", with_last(make_trained(), accuracy=0.79))
    assert flags_of(run, "jax") == ["accuracy: 0.7900, unlike the others' 0.8200 (round 1)"]
    assert len(validity.flags(run)) == 1


def test_the_first_epoch_with_another_loss_than_the_round_flags_the_row() -> None:
    epochs = [msgspec.structs.replace(lap, loss=1.1 * lap.loss) for lap in make_epochs()]
    run = with_result(make_run(FOUR), "jax", make_trained(epochs=epochs))
    assert flags_of(run, "jax") == ["losses: 1.1 in epoch 1, unlike the others' 1 (round 1)"]


def test_other_dropout_masks_are_no_disagreement() -> None:
    """What is too much for `relu` may be the masks of `relu-dropout`."""
    other = with_last(make_trained(), accuracy=0.829, loss=0.34)
    assert flags_of(with_result(make_run(FOUR), "jax", other), "jax") != []
    dropping = make_run(FOUR, make_workload("relu-dropout"))
    assert flags_of(with_result(dropping, "jax", other), "jax") == []


def test_rounds_are_not_compared_with_each_other() -> None:
    """Another seed may end elsewhere."""
    run = make_run()
    for backend in ("numpy", "torch"):
        run = with_result(run, backend, with_last(make_trained(), accuracy=0.7), round=1)
    assert validity.flags(run) == {}


@pytest.mark.parametrize(("accuracy", "flagged"), [(0.885, False), (0.9, False), (0.86, True)])
def test_a_lower_precision_that_learns_less_than_its_own_float32_is_flagged(
    accuracy: float, flagged: bool
) -> None:
    run = make_sweep({"torch": (1e-3, 20e-6)}, axes=Axis("precision", ("float32", "bfloat16")))
    rough = next(case for case in run.cases if run.workloads[case.workload].precision != "float32")
    exact = next(one.result for one in run.trials if one.case != rough).epochs[-1].accuracy
    trials = [
        msgspec.structs.replace(
            one, result=with_last(one.result, accuracy=exact + accuracy - 0.8876)
        ) if one.case == rough and one.round == 0 else one
        for one in run.trials
    ]  # fmt: skip
    found = validity.flags(msgspec.structs.replace(run, trials=tuple(trials)))
    named = [flag for flag in found.get(rough, ()) if "its float32" in flag.found]
    assert bool(named) == flagged
    assert not [flag for case, some in found.items() if case != rough for flag in some]


def test_rows_that_are_not_verified_are_judged_but_judge_nobody() -> None:
    run = make_run({"jax": [0.25], "keras": [0.25], "torch": [0.25]})
    for backend in ("jax", "keras"):
        run = with_verification(run, backend, make_failed())
        run = with_result(run, backend, with_last(make_trained(), accuracy=0.7))
    assert flags_of(run, "torch") == []
    assert flags_of(run, "jax")[1] == "accuracy: 0.7000, unlike torch's 0.8200 (round 1)"


@pytest.mark.parametrize(
    ("other", "flags"),
    [("numpy", []), ("jax", ["accuracy: 0.8200, unlike torch's 0.7000 (round 1)"])],
)
def test_of_two_each_is_told_whom_it_contradicts_but_the_reference_is_not_doubted(
    other: str, flags: list[str]
) -> None:
    run = make_run({other: [0.25], "torch": [0.25]})
    run = with_result(run, "torch", with_last(make_trained(), accuracy=0.7))
    assert flags_of(run, "torch") == [f"accuracy: 0.7000, unlike {other}'s 0.8200 (round 1)"]
    assert flags_of(run, other) == flags


def test_what_chance_explains_depends_on_the_work() -> None:
    """Rounding moves accuracies least, other masks more, RMSprop most; few samples are coarse."""
    exact, masks, restless = (
        tolerance(VARIANTS[name]) for name in ("relu", "relu-dropout", "keras-example")
    )
    assert exact.accuracy < masks.accuracy < restless.accuracy
    assert exact.loss < masks.loss < restless.loss
    one_image = 1 / 100
    assert tolerance(make_workload("relu", test_samples=100)).accuracy > one_image


def test_losses_may_part_farther_the_more_steps_an_epoch_has() -> None:
    """Eight verified backends were 1.1e-3 apart after 750 steps, batches of 8."""
    found = [tolerance(make_workload(train_samples=6_000, batch_size=size)).loss
             for size in (6_000, 128, 8, 1)]  # fmt: skip
    assert found[0] == found[1] == 0.001
    assert 3 * 1.1e-3 < found[2] < found[3] <= 0.05


def test_adam_blows_up_what_is_tiny_as_rmsprop_does() -> None:
    adam, rmsprop, sgd = (tolerance(make_workload(optimizer=one))
                          for one in (Adam(), RMSprop(), SGD(0.01)))  # fmt: skip
    assert adam == rmsprop and adam.loss > sgd.loss


@pytest.mark.parametrize(
    ("backends", "wrong", "number"),
    [(["jax", "numpy"], "jax", 0), (["jax", "torch", "keras"], "jax", 0), (["numpy"], "numpy", 1)],
)
def test_other_inputs_than_the_others_flag_the_row(
    backends: list[str], wrong: str, number: int
) -> None:
    """Most tell what the inputs are, in all rounds; NumPy's are right in any case."""
    run = make_run({name: [0.25, 0.25] for name in backends})
    run = with_result(run, wrong, make_trained(inputs="ba9876543210"), number)
    expected = f"inputs: ba9876543210, unlike the others' 0123456789ab (round {number + 1})"
    assert flags_of(run, wrong) == [expected]
    assert len(validity.flags(run)) == 1
