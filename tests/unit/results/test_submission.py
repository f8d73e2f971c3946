"""What can be published: an honest run passes, every doubt is named."""

from collections.abc import Sequence

import msgspec
import pytest
from made import (
    make_bound_trial,
    make_failed,
    make_gemm_bound,
    make_honest_run,
    make_honest_trained,
    make_run,
    with_result,
    with_verification,
)

from bench.results import submission
from bench.results.records import Run
from bench.workload import CPU, VARIANTS, Adam, Device, workload_for
from bench.workload.inputs import inputs_hash, read_raw

RELU = workload_for("relu", CPU)
HONEST = make_honest_trained()
STANDARD = [(variant, device) for variant in VARIANTS for device in (CPU, Device("mps"))]


def test_an_honest_run_has_no_findings() -> None:
    assert submission.findings(make_honest_run()) == []


def test_one_slow_trial_of_many_is_no_finding() -> None:
    """What counts is how well the seconds are known: it does not get harder with more rounds."""
    seconds = [0.24 + 0.001 * number for number in range(20)]
    seconds[7] = 0.40
    assert submission.findings(make_honest_run(["numpy"], seconds)) == []


def changed(**changes: object) -> Run:
    """Return an honest run with parts replaced."""
    return msgspec.structs.replace(make_honest_run(), **changes)


def spoiled(
    inputs: str = HONEST.inputs,
    factor: float = 1.0,
    accuracy: float = 0.887,
    others: Sequence[str] = ("numpy",),
) -> Run:
    """Return an honest run of PyTorch and others with the second trial of PyTorch changed."""
    epochs = [msgspec.structs.replace(epoch, seconds=factor * epoch.seconds, accuracy=accuracy)
              for epoch in HONEST.epochs]  # fmt: skip
    result = msgspec.structs.replace(HONEST, inputs=inputs, epochs=tuple(epochs))
    return with_result(make_honest_run([*others, "torch"]), "torch", result, round=1)


def test_one_erratic_backend_of_many_is_no_finding() -> None:
    assert submission.findings(spoiled(factor=3.0, others=["numpy", "jax", "tensorflow"])) == []


BOUNDS = make_honest_run().gemm_bounds


def test_a_device_whose_gemm_bound_nothing_can_measure_is_no_finding() -> None:
    absent = make_failed("no library", "no library here can multiply matrices on opencl:0")
    bounds = tuple(make_bound_trial(RELU, number, absent) for number in range(3))
    assert submission.findings(changed(gemm_bounds=bounds)) == []


@pytest.mark.parametrize(
    ("run", "finding"),
    [
        (with_verification(make_honest_run(), "torch", make_failed()), "verification: failed"),
        (changed(verifications=()), "missing verifications: 2; expected none"),
        (changed(trials=make_honest_run().trials[:-1]), "missing trials: 1; expected none"),
        (changed(gemm_bounds=BOUNDS[1:]), "missing GEMM bounds: 1; expected none"),
        (changed(gemm_bounds=(make_bound_trial(RELU, 0, make_failed()), *BOUNDS[1:])),
         "GEMM bound of cpu failed in round 1: raised: ValueError: no"),
        (with_result(make_honest_run(), "torch", make_failed()), "round 1 failed: raised: Value"),
        (spoiled(accuracy=0.95), "accuracy 0.9500 in round 2; expected 0.87 to 0.905"),
        (spoiled(accuracy=0.95), "accuracy: 0.9500, unlike numpy's"),
        (spoiled("ffffffffffff"), "torch on cpu, relu: inputs ffffffffffff; expected 27aea593bc00"),
        (spoiled(factor=1e-3), "the timing must be wrong"),
        (spoiled(factor=3.0), "expected ± 25 % or better"),
        (changed(rounds=1), "rounds: 1; expected 3 or more"),
        (changed(cases=(), trials=(), verifications=()), "it has no rows"),
        (make_run(), "(relu, 3 epochs) is no variant, nor a point of a sweep from one"),
    ],
)  # fmt: skip
def test_every_doubt_is_named(run: Run, finding: str) -> None:
    assert any(finding in found for found in submission.findings(run))


def moved(inputs: str | None = None, **changes: object) -> Run:
    """Return an honest run that did another work, with its inputs unless others are given."""
    work = msgspec.structs.replace(RELU, **changes)
    names = {RELU.fingerprint: work.fingerprint,
             HONEST.inputs: inputs or inputs_hash(read_raw(work), work)}  # fmt: skip
    text = msgspec.json.encode(make_honest_run()).decode()
    for old, new in names.items():
        text = text.replace(old, new)
    run = msgspec.json.decode(text, type=Run)
    return msgspec.structs.replace(run, workloads={work.fingerprint: work})


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 32}, {"hidden": (64, 64, 64)}, {"optimizer": Adam(0.01), "dropout": 0.3},
     {"train_samples": 1_000}, {"precision": "bfloat16"}],
)  # fmt: skip
def test_a_point_of_a_sweep_is_accepted(changes: dict[str, object]) -> None:
    assert submission.findings(moved(**changes)) == []
    (finding, *_) = submission.findings(moved("ffffffffffff", **changes))
    assert "inputs ffffffffffff; expected " in finding


@pytest.mark.parametrize(
    "changes", [{"epochs": 3}, {"test_samples": 100}, {"seed": 7}, {"hidden": (64, 32)}]
)
def test_other_epochs_images_or_seeds_are_no_point_of_a_sweep(changes: dict[str, object]) -> None:
    assert any("nor a point of a sweep" in one for one in submission.findings(moved(**changes)))


@pytest.mark.parametrize(
    ("device", "over", "accepted"),
    [("cpu", 1.9, True), ("cpu", 2.1, False), ("mps", 1.05, True), ("mps", 1.2, False)],
)
def test_no_epoch_is_faster_than_its_device(device: str, over: float, accepted: bool) -> None:
    """On the CPU the peak may be measured beside neighbours, or with a slower library."""
    run = make_run({"numpy": [0.25]}, RELU, device)
    fastest = min(epoch.seconds for epoch in run.trials[0].result.epochs)
    bound = make_gemm_bound(peak_flop_per_second=RELU.epoch_flop / fastest / over)
    other = msgspec.structs.replace(bound, peak_flop_per_second=1e20)  # as in bfloat16
    bfloat16 = msgspec.structs.replace(RELU, precision="bfloat16")
    bounds = tuple(
        make_bound_trial(work, 0, one, device) for work, one in ((RELU, bound), (bfloat16, other))
    )
    found = submission.findings(msgspec.structs.replace(run, gemm_bounds=bounds))
    assert any("the timing must be wrong" in one for one in found) is not accepted


@pytest.mark.parametrize(("variant", "device"), STANDARD)
def test_the_expected_inputs_are_those_of_the_shipped_images(variant: str, device: Device) -> None:
    """They are known for every variant, on the CPU and on accelerators of any kind."""
    workload = workload_for(variant, device)
    found = inputs_hash(read_raw(workload), workload)
    assert submission.ORIGINS[workload].inputs == found
