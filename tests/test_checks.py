"""The self-checks: every violation marks its row by its name, and honest rows have no mark."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import (
    make_epoch,
    make_failed,
    make_floor,
    make_proof,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    marks_of,
    with_result,
)

from bench import checks
from bench.records import Epoch, FloorOf, Trained

FOUR = {name: [0.25, 0.26] for name in ("jax", "keras", "numpy", "torch")}


def laps(*seconds: float) -> Sequence[Epoch]:
    """Return epochs of these seconds whose loss falls."""
    return [make_epoch(value, 1 / (number + 1)) for number, value in enumerate(seconds)]


def test_a_row_whose_proof_holds_is_proved() -> None:
    """There is nothing to say of it."""
    run = make_run()
    assert checks.proof_mistake(run.proofs[0]) is None


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (make_failed("killed", "ended by SIGKILL"), "not proved: killed: ended by SIGKILL"),
        (make_proved(loss_deviation=3e-4), "loss 3.0e-04 off, limit 2e-06"),
        (make_proved(parameter_deviation=0.5), "parameters 5.0e-01 off, limit 1e-04"),
        (make_proved(mistakes=("drops nothing in training",)), "drops nothing in training"),
        (make_proved(loss_deviation=float("nan")), "loss nan off"),
        (make_proved(loss_deviation=1.0, parameter_deviation=2.0), "limit 2e-06; parameters"),
    ],
)
def test_a_proof_that_does_not_hold_says_why(result: Any, said: str) -> None:
    """Failures, deviations beyond their limits and mistakes are given in words."""
    mistake = checks.proof_mistake(make_proof(make_run().cells[0], result))
    assert mistake is not None
    assert mistake.startswith("not proved")
    assert said in mistake


def test_a_row_without_a_proof_is_unproven() -> None:
    """A run that ended before the proof proves nothing."""
    assert checks.proof_mistake(None) == "not proved: the run ended before its proof"


@given(
    seconds=some.floats(0.001, 1_000), noise=some.lists(some.floats(0.8, 1.2), min_size=1),
    settle=some.floats(0, 0.0025),
)  # fmt: skip
def test_honest_trials_have_no_mark(seconds: float, noise: list[float], settle: float) -> None:
    """Whatever the speed, epochs within 20 % of each other and short copies are believed."""
    epochs = laps(*(seconds * factor for factor in noise))
    trained = make_trained(epochs=epochs, settle_seconds=settle)
    assert checks.trial_mistakes(trained, on_cpu=True) == []


def test_honest_runs_have_no_mark() -> None:
    """Rows of one run that agree with each other stay without marks."""
    assert checks.marks(make_run(FOUR)) == {}
    assert checks.marks(make_run({"alone": [0.25]})) == {}


@pytest.mark.parametrize(
    ("trained", "name"),
    [
        (make_trained(epochs=4, settle_seconds=0.05), "clock stopped early: "),
        (make_trained(0.01, 4, settle_seconds=0.007), "clock stopped early"),
        (make_trained(epochs=4 * [make_epoch(loss=1)]), "loss did not fall: 1 in"),
        (make_trained(epochs=laps(0.2, 0.1, 0.1, 0.31)), "epochs ran away: "),
        (make_trained(epochs=4, total_seconds=60.0), "time unaccounted for: 58"),
    ],
)
def test_each_violation_marks_its_row_by_name(trained: Trained, name: str) -> None:
    """The violation, its figures and its round stand at the row that committed it, alone."""
    run = with_result(make_run(FOUR, make_workload(epochs=4)), "torch", trained, round=1)
    (mark,) = [mark for mark in marks_of(run, "torch") if "disagrees" not in mark]
    assert mark.startswith(name)
    assert mark.endswith("(round 2)")
    assert set(checks.marks(run)) == {run.cells[3]}


def test_what_is_within_the_limits_is_no_violation() -> None:
    """A slow first epoch, a short wait and a small gap are how honest trials look."""
    for trained in (
        make_trained(epochs=laps(5.0, 0.1, 0.1)),  # compiling
        make_trained(0.1, 8, settle_seconds=0.0025),  # 1.5 ms beyond the idle copy
        make_trained(1.0, 8, settle_seconds=0.0055),  # 4.5 ms, but an epoch is long
        make_trained(epochs=laps(0.01, 0.004, 0.019)),  # one interruption by the system
        make_trained(epochs=[make_epoch(loss=3)]),  # one epoch cannot fall
        make_trained(total_seconds=make_trained().total_seconds + 0.15),
    ):
        assert checks.trial_mistakes(trained, on_cpu=True) == []


@pytest.mark.parametrize(
    ("seconds", "wait"), [(0.01, 0.0025), (0.02, 0.004), (1.0, 0.0055), (1.0, 0.04)]
)
def test_an_accelerator_may_copy_slower_the_first_time(seconds: float, wait: float) -> None:
    """Some frameworks keep what was copied; what would mark a row of the CPU is allowed there.

    So it is in few epochs, all of which a busy machine may disturb.
    """
    few, trained = (
        make_trained(seconds, epochs, settle_seconds=wait, idle_copy_seconds=0.0)
        for epochs in (7, 8)
    )
    assert checks.trial_mistakes(few, on_cpu=True) == []
    assert checks.trial_mistakes(trained, on_cpu=False) == []
    (mark,) = checks.trial_mistakes(trained, on_cpu=True)
    assert mark.startswith("clock stopped early")


def test_phases_account_for_the_time_of_a_trial() -> None:
    """Start, import, data, build, epochs, evaluations and both copies are the phases."""
    trained = make_trained(0.25, 3)
    assert checks.accounted_seconds(trained) == pytest.approx(trained.total_seconds)


def test_an_epoch_faster_than_the_device_marks_the_row() -> None:
    """Twice the rate of one large product is more than any clock may say."""
    run = make_run({"numpy": [0.25], "torch": [0.001]})
    floor = FloorOf("cpu", run.cells[0].workload, make_floor(peak_flop_per_second=2e11))
    run = msgspec.structs.replace(run, floors=(floor,))
    (mark,) = marks_of(run, "torch")
    assert mark.startswith("faster than the device: ")
    assert marks_of(run, "numpy") == []
    elsewhere = msgspec.structs.replace(run, floors=(FloorOf("mps", "x", make_floor()),))
    assert marks_of(elsewhere, "torch") == []


@pytest.mark.parametrize(
    ("device", "seconds", "marked"), [("cpu", 0.24, 0), ("cpu", 0.35, 1), ("cuda:0", 0.35, 0)]
)
def test_work_hidden_in_the_evaluation_marks_the_row(
    device: str, seconds: float, marked: int
) -> None:
    """Its products are a third of an epoch's: who takes longer than an epoch does other work."""
    run = make_run(FOUR, device=device)
    slow = [
        msgspec.structs.replace(epoch, evaluation_seconds=seconds)
        for epoch in make_trained().epochs
    ]
    run = with_result(run, "jax", make_trained(epochs=tuple(slow)))
    found = [mark for mark in marks_of(run, "jax") if mark.startswith("work off the clock: ")]
    assert len(found) == marked


def test_failed_trials_and_floors_leave_no_mark() -> None:
    """They are shown as failures, not as violations."""
    run = with_result(make_run(FOUR), "jax", make_failed())
    floor = FloorOf("cpu", run.cells[0].workload, make_failed())
    assert checks.marks(msgspec.structs.replace(run, floors=(floor,))) == {}


def test_a_violation_in_every_round_is_said_for_every_round() -> None:
    """Marks are in the order of the trials, none twice."""
    run = make_run({"numpy": [0.25, 0.25]})
    for number in (0, 1):
        run = with_result(run, "numpy", make_trained(total_seconds=60.0), round=number)
    marks = marks_of(run, "numpy")
    assert [mark[-9:] for mark in marks] == ["(round 1)", "(round 2)"]
