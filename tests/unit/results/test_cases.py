"""What is derived from the outcomes of one case."""

from typing import Any

import msgspec
import pytest
from made import (
    make_described,
    make_epoch,
    make_failed,
    make_run,
    make_trained,
    with_result,
    with_verification,
)

from bench.results.cases import rows_of


@pytest.mark.parametrize(
    ("seconds", "extra", "expected"),
    [([9.0, 1.0, 4.0], (2.0,), (1.0, 4.0, 2.0)), ([9.0], (), (9.0,)), ([9.0], (2.0,), (2.0,))],
)
def test_the_first_epoch_which_compiles_counts_only_if_it_is_alone(
    seconds: list[float], extra: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    trained = make_trained(epochs=[make_epoch(value) for value in seconds], extra_seconds=extra)
    assert trained.timed_seconds == expected


def test_rows_that_took_turns_share_a_group() -> None:
    run = make_run({"torch": [0.3], "numpy": [0.2], "jax": [0.1]})
    run = msgspec.structs.replace(run, groups=(run.cases[:2], run.cases[2:]))
    torch, numpy, alone = (row.timings.group for row in rows_of(run))
    assert torch == numpy is not None
    assert alone is None


def test_every_case_has_its_row_in_the_runs_order() -> None:
    run = make_run({"torch": [0.3, 0.31], "numpy": [0.2, 0.21]})
    torch, numpy = rows_of(run)
    assert (torch.case, numpy.case) == run.cases
    assert torch.seconds == {0: 0.3, 1: 0.31}
    assert torch.version == "1.2.3"
    assert torch.workload == run.workloads[torch.case.workload]
    assert torch.verification == run.verifications[0]


def test_failed_trials_stand_apart() -> None:
    failed = make_failed("killed", "ended by SIGKILL")
    (row,) = rows_of(with_result(make_run({"numpy": [0.2, 0.21, 0.22]}), "numpy", failed, round=1))
    assert row.seconds == {0: 0.2, 2: 0.22}
    assert row.failures == {1: failed}
    assert row.total_seconds == {0: 2.5, 2: 2.5}
    assert row.interval is not None
    assert row.interval.values == 2


def test_of_a_row_without_trials_nothing_is_derived() -> None:
    (row,) = rows_of(make_run({"numpy": []}, verifications=()))
    assert (row.interval, row.verification) == (None, None)
    assert row.inputs == frozenset()
    assert not row.is_sound


def test_a_flag_makes_a_row_unsound() -> None:
    sound, flagged = rows_of(with_verification(make_run(), "torch", make_failed()))
    assert sound.is_sound
    assert not flagged.is_sound
    assert [flag.check for flag in flagged.flags] == ["verification"]


@pytest.mark.parametrize(
    ("values", "typical"), [([1.0, None, 3.0], 2.0), ([None], None), ([], None)]
)
def test_typical_is_the_median_of_what_is_known(values: list[Any], typical: float | None) -> None:
    (row,) = rows_of(make_run({"numpy": [0.2]}))
    assert row.typical(values) == typical


def test_a_mixture_of_inputs_shows() -> None:
    run = with_result(make_run({"numpy": [0.2, 0.2]}), "numpy", make_trained(inputs="other"), 1)
    (row,) = rows_of(run)
    assert row.inputs == {"0123456789ab", "other"}


@pytest.mark.parametrize(
    ("backends", "version"),
    [
        ({"numpy": make_described(keras="3.15.1", tensorflow="2.21.0")}, "3.15.1"),
        ({"numpy": msgspec.structs.replace(make_described(), versions={})}, None),
        ({}, None),
    ],
)
def test_the_version_is_the_first_that_a_backend_names(backends: Any, version: str | None) -> None:
    (row,) = rows_of(make_run({"numpy": [0.2]}, backends=backends))
    assert row.version == version
