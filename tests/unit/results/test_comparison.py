"""Two runs, or two backends of one: verdicts, refusals, and what differs between them."""

from collections.abc import Sequence

import msgspec
import pytest
from made import (
    make_case,
    make_described,
    make_epoch,
    make_failed,
    make_inference,
    make_machine,
    make_run,
    make_trained,
    make_trial,
    make_workload,
    with_result,
    with_verification,
)
from made_sweeps import make_sweep

from bench.results.comparison import Compared, Side, compare, differences
from bench.results.records import Run
from bench.workload import Axis

BASE = [0.250, 0.252, 0.249, 0.251, 0.250]
OTHER = [0.251, 0.250, 0.250, 0.252, 0.249]  # as fast, with noise of its own
STILL = make_trained(epochs=3 * [make_epoch(loss=1.0)])


def run_of(factor: float = 1.0, seconds: Sequence[float] = BASE) -> Run:
    """Return a run of NumPy whose trials take so many times as long."""
    return make_run({"numpy": [factor * value for value in seconds]})


def only(base: Run, new: Run) -> Compared:
    """Return the only comparison of two runs."""
    (compared,) = compare(Side(base), Side(new))
    return compared


@pytest.mark.parametrize(
    ("factor", "seconds", "verdict"),
    [(1.2, OTHER, "slower"), (0.8, OTHER, "faster"), (1.0, OTHER, "no difference shown"),
     (1.05, [0.20, 0.31, 0.24, 0.28, 0.22], "no difference shown"),
     (4.0, [0.25], "no difference shown")],
)  # fmt: skip
def test_the_verdict_is_about_the_new_one(
    factor: float, seconds: list[float], verdict: str
) -> None:
    compared = only(run_of(), run_of(factor, seconds))
    assert (compared.verdict, compared.reason) == (verdict, None)
    assert compared.ratio == pytest.approx(factor, rel=0.03)
    assert compared.pairs == len(seconds)
    assert compared.interval is not None
    assert compared.interval.centre == compared.ratio


def test_only_rounds_of_both_are_compared() -> None:
    assert only(run_of(), with_result(run_of(1.2), "numpy", make_failed(), round=2)).pairs == 4


def test_two_backends_of_one_run_can_be_compared() -> None:
    run = make_run({"numpy": BASE, "torch": [1.2 * value for value in BASE]})
    (compared,) = compare(Side(run, "numpy"), Side(run, "torch"))
    assert (compared.base, compared.new, compared.verdict) == ("numpy", "torch", "slower")
    assert (compared.device, compared.variant) == ("cpu", "relu")


def test_calls_of_as_many_images_are_compared_as_well() -> None:
    base, new = (
        make_run({"numpy": [0.25]}, trials=(make_trial(make_case(), 0, make_trained(
            inference=(make_inference(microseconds), make_inference(images=size))
        )),))
        for microseconds, size in ((200, 128), (400, 64))
    )  # fmt: skip
    found = {one.images: one.ratio for one in compare(Side(base), Side(new))}
    assert list(found) == [None, 1, 5_000]
    assert found[1] == pytest.approx(2)
    assert (found[None], found[5_000]) == (1, 1)


def test_rows_without_a_partner_are_left_out() -> None:
    base = make_run({"numpy": BASE, "torch": BASE})
    new = make_run({"torch": BASE, "jax": BASE})
    assert [(one.base, one.new) for one in compare(Side(base), Side(new))] == [("torch", "torch")]
    assert compare(Side(base), Side(make_run({"jax": BASE}))) == []


def test_a_backend_of_one_side_is_compared_with_itself() -> None:
    run = make_run({"numpy": BASE, "torch": BASE})
    (compared,) = compare(Side(run, "numpy"), Side(run))
    assert (compared.base, compared.new) == ("numpy", "numpy")


OTHER_IMAGES = with_result(run_of(1, [0.25]), "numpy", make_trained(inputs="other"))


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (make_run({"numpy": BASE}, make_workload(epochs=4)), "different workloads"),
        (with_verification(run_of(), "numpy", make_failed()), "flagged: verification: failed (rai"),
        (msgspec.structs.replace(run_of(), verifications=()), "flagged: verification: missing"),
        (with_result(run_of(), "numpy", STILL), "flagged: falling loss: 1 in the first"),
        (with_result(run_of(), "numpy", make_trained(inputs="other")), "flagged: inputs: "),
        (make_run({"numpy": [0.25]}, rounds=1, trials=()), "has no successful trial"),
        (OTHER_IMAGES, "different inputs, 0123456789ab and other"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(new: Run, reason: str) -> None:
    """Other work and rows that nobody should believe have no ratio, either way."""
    for sides in ((run_of(), new), (new, run_of())):
        compared = only(*sides)
        assert compared.verdict == "not comparable"
        assert compared.ratio is compared.low is compared.high is compared.interval is None
        assert reason in (compared.reason or "")


def test_runs_without_a_common_round_are_not_comparable() -> None:
    base, new = (
        with_result(run_of(1, [0.25, 0.25]), "numpy", make_failed(), number) for number in (0, 1)
    )
    assert only(base, new).reason == "no round that both completed"


def test_what_differs_between_two_environments_is_listed() -> None:
    """Machine, threads, versions and variables, each with both values."""
    new = msgspec.structs.replace(
        run_of(),
        machine=make_machine(ram_bytes=8, kernel="6.1"),
        threads=4,
        backends={"numpy": make_described(framework="1.2.4", blas="0.3")},
        environments={"numpy": {"XLA_FLAGS": "--fast"}},
    )
    assert differences(run_of(), new) == [
        "XLA_FLAGS: absent → --fast (numpy)",
        "blas: absent → 0.3 (numpy)",
        "framework: 1.2.3 → 1.2.4 (numpy)",
        "kernel: absent → 6.1",
        "ram bytes: absent → 8",
        "threads: 2 → 4",
    ]


def test_what_differs_alike_for_several_backends_is_said_once() -> None:
    base = make_run({"numpy": BASE, "torch": BASE, "only_in_one": BASE})
    assert differences(base, base) == []
    newer = {name: make_described(framework="1.2.4") for name in ("torch", "numpy")}
    found = differences(base, msgspec.structs.replace(base, backends=newer))
    assert found == ["framework: 1.2.3 → 1.2.4 (numpy, torch)"]


def test_two_sweeps_are_compared_point_by_point() -> None:
    axes = [Axis("batch_size", (8, 128)), Axis("threads", (1, 2))]
    compared = compare(*[Side(make_sweep(axes=axes))] * 2)
    assert [one.variant for one in compared if one.base == "torch"] == [
        "relu, batch size 8, 1 thread", "relu, batch size 8, 2 threads", "relu, 1 thread",
        "relu, 2 threads",
    ]  # fmt: skip
    assert {one.ratio for one in compared} == {1.0}


def test_a_run_is_compared_with_the_point_of_its_threads() -> None:
    sweep = make_sweep(axes=Axis("threads", (1, 2)))
    plain = make_sweep(axes=[Axis("batch_size", (128,))], threads=2)
    assert [one.variant for one in compare(Side(plain), Side(sweep))] == ["relu, 2 threads"] * 2
