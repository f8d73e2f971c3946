"""Verification: every wrong model is caught by a check that names it, correct ones pass."""

from itertools import product

import msgspec
import numpy as np
import pytest
from wrong.judge import of_trial, of_verification
from wrong.plain import Plain
from wrong.table import MISTAKES, MODELS, Mistake

from backends.numpy import Model as NumPyModel
from bench.results.records import Failed, Verified
from bench.trial import verification
from bench.workload import CPU, SGD, VARIANTS, Adam, RMSprop, Workload
from bench.workload.contract import Floats

SIZES = {"epochs": 4, "train_samples": 1_500, "test_samples": 300}  # more than the eight steps have


WORKLOADS = {**VARIANTS, "adam": Workload(optimizer=Adam())}


def small(name: str, **changes: object) -> Workload:
    """Return a workload with narrow hidden layers, where mistakes stand out as much."""
    return msgspec.structs.replace(WORKLOADS[name], **{"hidden": (64, 64), **SIZES, **changes})


def caught(where: str) -> list[Mistake]:
    """Return the mistakes that are caught there."""
    return [mistake for mistake in MISTAKES if mistake.where == where]


def test_the_table_names_every_wrong_model() -> None:
    assert {mistake.name for mistake in MISTAKES} == set(MODELS)


@pytest.mark.parametrize("mistake", caught("verification"), ids=lambda one: one.name)
def test_verification_names_a_mistake(mistake: Mistake) -> None:
    found = of_verification(mistake.model, small(mistake.variant))
    assert [one for one in found if one.startswith(mistake.check)], found


@pytest.mark.parametrize("variant", ["sigmoid", "relu", "keras-example", "adam"])
@pytest.mark.parametrize(("precision", "honest", "wrong"), [
    ("bfloat16", "precision.BrainFloat", "precision.TensorFloat precision.HalfParameters"),
    ("tf32", "precision.TensorFloat", "precision.BrainFloat precision.HalfParameters"),
])  # fmt: skip
def test_a_lower_precision_is_verified_from_both_sides(
    precision: str, honest: str, wrong: str, variant: str
) -> None:
    workload = small(variant, precision=precision, dropout=0.0)
    assert of_verification(MODELS[honest], workload) == []
    for model in (Plain, NumPyModel, *map(MODELS.get, wrong.split())):
        found = of_verification(model, workload)
        assert [one for one in found if one.startswith(("precision", "parameters"))], (model, found)


@pytest.mark.parametrize("mistake", caught("trial"), ids=lambda one: one.name)
def test_a_trial_names_a_mistake_also_of_a_backend_that_runs_alone(mistake: Mistake) -> None:
    found = of_trial(mistake.model, small(mistake.variant, epochs=10))
    assert [one for one in found if one.startswith(mistake.check)], found


@pytest.mark.parametrize("mistake", caught("round"), ids=lambda one: one.name)
def test_what_shows_late_is_named_beside_other_backends(mistake: Mistake) -> None:
    assert of_verification(mistake.model, small(mistake.variant)) == []
    found = of_trial(mistake.model, small(mistake.variant), others=[NumPyModel, Plain])
    assert [one for one in found if one.startswith(mistake.check)], found


@pytest.mark.parametrize("variant", ["sigmoid", "keras-example"])
@pytest.mark.parametrize("name", [
    "precision.TensorFloat", "precision.TensorFloatBackward", "precision.DoublePrecision",
    "updates.RateOff", "updates.WeightDecay", "updates.MeanOverFullBatch", "network.NoBiases",
    "sizes.OwnOrder", "sizes.HalfSkipped",
])  # fmt: skip
def test_the_slightest_mistakes_are_caught_in_the_other_variants(name: str, variant: str) -> None:
    assert of_verification(MODELS[name], small(variant))


@pytest.mark.parametrize("name", [
    "SmallEpsilon", "LargeEpsilon", "EpsilonCorrected", "Uncorrected", "FastSquares", "SlowMeans",
    "MeanOnly", "RateOff", "WeightDecay",
])  # fmt: skip
def test_another_adam_is_caught_also_in_odd_workloads(name: str) -> None:
    workload = small("adam", batch_size=1, hidden=(17, 17, 17), train_samples=200)
    assert of_verification(MODELS[f"updates.{name}"], workload)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_correct_model_passes_at_full_width(variant: str) -> None:
    workload = msgspec.structs.replace(VARIANTS[variant], **SIZES)
    assert of_verification(Plain, workload) == []


class RowByRow(Plain):
    """Adds up the losses of a batch in float32, one after the other."""

    def loss(self, probabilities: Floats, targets: Floats) -> float:
        chosen = (probabilities * targets).sum(axis=1)
        return float(np.cumsum(-np.log(chosen), dtype=np.float32)[-1])


@pytest.mark.parametrize("rows", [128, 1_000, 10_000])
def test_losses_may_be_added_up_row_by_row_however_many_there_are(rows: int) -> None:
    # One unit a layer: the losses are nearly equal.
    workload = small("sigmoid", hidden=(1,) * 7, batch_size=rows, train_samples=rows)
    assert of_verification(RowByRow, workload) == []


@pytest.mark.parametrize(("model", "changes"), list(product([NumPyModel, Plain], [
    {"batch_size": 1, "train_samples": 200}, {"batch_size": 7}, {"batch_size": 100},
    {"batch_size": 256}, {"hidden": (40,)}, {"hidden": (40, 30, 20)}, {"hidden": (300, 300)},
    {"scaling": "divide_by_255"}, {"optimizer": SGD(0.1)}, {"activation": "sigmoid"},
    {"optimizer": RMSprop()}, {"optimizer": RMSprop(), "activation": "sigmoid"},
    {"optimizer": RMSprop(), "batch_size": 16}, {"optimizer": Adam()},
    {"optimizer": Adam(), "activation": "sigmoid", "hidden": (20,) * 8},
    {"optimizer": Adam(), "batch_size": 1, "train_samples": 200}, {"hidden": (1,)},
    {"optimizer": Adam(), "batch_size": 60_000, "train_samples": 100},
    {"optimizer": SGD(1e-5)}, {"optimizer": Adam(1e-6)}, {"train_samples": 1},
])))  # fmt: skip
def test_no_correct_model_is_flagged_whatever_the_workload(
    model: type[Plain], changes: dict[str, object]
) -> None:
    assert of_verification(model, small("relu", **changes)) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_correct_model_is_not_flagged_in_a_trial(variant: str) -> None:
    found = of_trial(Plain, small(variant, epochs=3), others=[NumPyModel])
    assert not [one for one in found if not one.startswith("device idle")]  # a busy machine's


def test_each_workload_has_a_result_and_a_failure_costs_only_its_own() -> None:
    class FailsOnSigmoid(Plain):
        def __init__(self, workload, *rest):
            assert workload.activation == "relu", "no sigmoid here"
            super().__init__(workload, *rest)

    workloads = [small("sigmoid"), small("relu")]
    failed, verified = verification.verify(FailsOnSigmoid, workloads, CPU)
    assert failed == Failed(kind="raised", reason="AssertionError: no sigmoid here")
    assert isinstance(verified, Verified)
    assert not verified.flags


def test_results_come_one_by_one() -> None:
    results = verification.verify(Plain, [small("relu"), small("sigmoid")], CPU)
    assert isinstance(next(results), Verified)


@pytest.fixture
def built() -> list[Workload]:
    """The workloads that models of `noting` were built for."""
    return []


@pytest.fixture
def noting(built: list[Workload]) -> type[Plain]:
    """Return a correct model that notes what it is built for."""

    class Noting(Plain):
        def __init__(self, workload, *rest):
            built.append(workload)
            super().__init__(workload, *rest)

    return Noting


def test_workloads_that_differ_in_dropout_alone_share_what_is_done_without_it(
    noting: type[Plain], built: list[Workload]
) -> None:
    list(verification.verify(noting, [small("relu"), small("relu-dropout")], CPU))
    assert [workload.dropout for workload in built] == [0.0, 0.0, 0.2]  # eight steps, full size


def test_a_workload_no_larger_than_eight_steps_is_trained_once(
    noting: type[Plain], built: list[Workload]
) -> None:
    list(verification.verify(noting, [small("relu", train_samples=496)], CPU))
    assert [workload.train_samples for workload in built] == [496]


def test_a_verification_says_how_far_it_was_from_the_limits() -> None:
    (found,) = verification.verify(Plain, [small("relu")], CPU)
    assert isinstance(found, Verified)
    assert 0 < found.loss_deviation < found.loss_limit == 2e-6
    assert 0 < found.parameter_deviation < found.parameter_limit < 2e-5
    assert found.peak_memory_bytes


@pytest.mark.parametrize(("changes", "words"), [
    ({}, None),
    ({"optimizer": SGD(1.5), "hidden": (200, 200)}, "parameters after eight steps: rounding alone"),
    ({"batch_size": 1, "hidden": (684, 684), "train_samples": 60_000}, "of 60,000 images"),
])  # fmt: skip
def test_what_is_left_out_is_said(changes: dict[str, object], words: str | None) -> None:
    (found,) = verification.verify(MODELS["updates.RateOff"], [small("relu", **changes)], CPU)
    assert isinstance(found, Verified) and found.flags
    assert (words in found.left_out) if words else found.left_out is None


def test_where_rounding_may_flip_a_unit_the_limits_leave_room_for_it() -> None:
    workload = small("keras-example", dropout=0.0, batch_size=60_000, hidden=(300, 300))
    (correct,) = verification.verify(Plain, [workload], CPU)
    assert isinstance(correct, Verified)
    assert correct.flags == () and correct.parameter_limit > 1e-3
    assert of_verification(MODELS["updates.RateOff"], workload)
