"""What is read off the trials of one row."""

import msgspec
import pytest
from made import (
    make_described,
    make_epoch,
    make_failed,
    make_run,
    make_trained,
    with_result,
)

from bench.rows import epoch_seconds, framework_version, rows_of


def test_the_headline_of_a_trial_is_the_median_of_its_later_epochs() -> None:
    """The first epoch, which compiles, is not part of it."""
    epochs = [make_epoch(seconds) for seconds in (9.0, 1.0, 4.0, 2.0)]
    assert epoch_seconds(make_trained(epochs=epochs)) == 2.0


def test_a_single_epoch_is_all_there_is() -> None:
    """Of one epoch that one is the headline."""
    assert epoch_seconds(make_trained(epochs=[make_epoch(9.0)])) == 9.0


def test_every_cell_has_its_row_in_the_runs_order() -> None:
    """Rows hold the seconds of each round, the workload and the framework's version."""
    run = make_run({"torch": [0.3, 0.31], "numpy": [0.2, 0.21]})
    torch, numpy = rows_of(run)
    assert (torch.cell.backend, numpy.cell.backend) == ("torch", "numpy")
    assert torch.seconds == {0: 0.3, 1: 0.31}
    assert torch.version == "1.2.3"
    assert torch.workload == run.workloads[torch.cell.workload]
    assert torch.proof == run.proofs[0]


def test_failed_trials_stand_apart() -> None:
    """A row's seconds are those of the trials that succeeded, under their own rounds."""
    failed = make_failed("killed", "ended by SIGKILL")
    (row,) = rows_of(with_result(make_run({"numpy": [0.2, 0.21, 0.22]}), "numpy", failed, round=1))
    assert row.seconds == {0: 0.2, 2: 0.22}
    assert row.failures == {1: failed}
    assert row.interval is not None
    assert row.interval.trials == 2


def test_a_row_without_trials_has_no_interval() -> None:
    """Nothing is derived from nothing."""
    (row,) = rows_of(make_run({"numpy": []}, proofs=()))
    assert row.interval is None
    assert row.proof is None
    assert row.inputs == frozenset()
    assert row.typical([]) is None


def test_one_trial_has_a_centre_and_no_bounds() -> None:
    """An interval needs two."""
    (row,) = rows_of(make_run({"numpy": [0.2]}))
    assert row.interval is not None
    assert row.interval.centre == pytest.approx(0.2)
    assert (row.interval.low, row.interval.high) == (None, None)


def test_typical_is_the_median_of_what_is_known() -> None:
    """Unknown values are left out; if none is known nothing is."""
    (row,) = rows_of(make_run({"numpy": [0.2]}))
    assert row.typical([1.0, None, 3.0]) == 2.0
    assert row.typical([None]) is None


def test_different_inputs_show() -> None:
    """The hashes of all trials are kept, so that a mixture is seen."""
    run = with_result(make_run({"numpy": [0.2, 0.2]}), "numpy", make_trained(inputs="other"), 1)
    (row,) = rows_of(run)
    assert row.inputs == {"0123456789ab", "other"}


def test_the_version_is_the_first_that_a_backend_names() -> None:
    """A backend that names none, or is not described, has none."""
    run = make_run({"numpy": [0.2]})
    described = make_described(keras="3.15.1", tensorflow="2.21.0")
    changed = msgspec.structs.replace(run, backends={"numpy": described})
    assert framework_version(changed, "numpy") == "3.15.1"
    assert framework_version(msgspec.structs.replace(run, backends={}), "numpy") is None
    nothing = msgspec.structs.replace(described, versions={})
    unnamed = msgspec.structs.replace(run, backends={"numpy": nothing})
    assert framework_version(unnamed, "numpy") is None
