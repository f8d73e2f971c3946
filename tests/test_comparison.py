"""Two runs, or two backends of one: verdicts, refusals, and what differs between them."""

from collections.abc import Sequence

import msgspec
import pytest
from made import (
    make_described,
    make_failed,
    make_machine,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    with_proof,
    with_result,
)

from bench.comparison import Compared, Side, compare, differences
from bench.records import Run

BASE = [0.250, 0.252, 0.249, 0.251, 0.250]


def run_of(factor: float = 1.0, seconds: Sequence[float] = BASE) -> Run:
    """Return a run of NumPy whose trials take so many times as long."""
    return make_run({"numpy": [factor * value for value in seconds]})


def only(base: Run, new: Run) -> Compared:
    """Return the only comparison of two runs."""
    (compared,) = compare(Side(base), Side(new))
    return compared


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.2, "slower"), (0.8, "faster"), (1.0, "no difference shown")]
)
def test_the_verdict_is_about_the_new_one(factor: float, verdict: str) -> None:
    """20 % more seconds are slower, 20 % less faster, the same is no difference."""
    new = run_of(factor, [0.251, 0.250, 0.250, 0.252, 0.249])
    compared = only(run_of(), new)
    assert compared.verdict == verdict
    assert compared.ratio == pytest.approx(factor, rel=0.01)
    assert compared.trials == 5
    assert compared.reason is None


def test_a_difference_within_the_noise_is_not_shown() -> None:
    """A ratio whose interval contains 1 is neither faster nor slower."""
    compared = only(run_of(), run_of(1.05, [0.20, 0.31, 0.24, 0.28, 0.22]))
    assert compared.verdict == "no difference shown"
    assert compared.low is not None
    assert compared.high is not None
    assert compared.low < 1 < compared.high


def test_one_pair_shows_no_difference() -> None:
    """A single trial has no interval, however large the ratio."""
    compared = only(run_of(1, [0.25]), run_of(4, [0.25]))
    assert (compared.verdict, compared.low) == ("no difference shown", None)
    assert not compared.is_slower_by_more_than(0.05)


def test_only_rounds_of_both_are_compared() -> None:
    """Rounds are paired by their number; what one side lacks is left out."""
    new = with_result(run_of(1.2), "numpy", make_failed(), round=2)
    assert only(run_of(), new).trials == 4


def test_two_backends_of_one_run_can_be_compared() -> None:
    """Sides that are backends are compared whatever their names."""
    run = make_run({"numpy": BASE, "torch": [1.2 * value for value in BASE]})
    (compared,) = compare(Side(run, "numpy"), Side(run, "torch"))
    assert (compared.base, compared.new, compared.verdict) == ("numpy", "torch", "slower")


def test_rows_without_a_partner_are_left_out() -> None:
    """Of two runs the rows that both have are compared, each with its own."""
    base = make_run({"numpy": BASE, "torch": BASE})
    new = make_run({"torch": BASE, "jax": BASE})
    assert [(one.base, one.new) for one in compare(Side(base), Side(new))] == [("torch", "torch")]
    assert compare(Side(base), Side(make_run({"jax": BASE}))) == []


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (make_run({"numpy": BASE}, make_workload(epochs=4)), "different workloads"),
        (with_proof(run_of(), "numpy", make_proved(loss_deviation=1.0)), "new is marked: not prov"),
        (with_proof(run_of(), "numpy", make_failed()), "new is marked: not proved: raised"),
        (msgspec.structs.replace(run_of(), proofs=()), "new is marked: not proved: the run ended"),
        (with_result(run_of(), "numpy", make_trained(settle_seconds=1.0)), "clock stopped early"),
        (with_result(run_of(), "numpy", make_trained(inputs="other")), "different inputs"),
        (make_run({"numpy": []}), "new has no successful trial"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(new: Run, reason: str) -> None:
    """Other work, other inputs and rows that nobody should believe have no ratio, either way."""
    for sides in ((run_of(), new), (new, run_of())):
        compared = only(*sides)
        assert compared.verdict == "not comparable"
        assert compared.ratio is compared.low is compared.high is None
        assert reason.removeprefix("new ") in (compared.reason or "")


def test_a_mixture_of_inputs_is_not_compared_even_with_itself() -> None:
    """A row whose rounds were given different inputs has no comparable seconds."""
    mixed = with_result(run_of(), "numpy", make_trained(inputs="other"))
    assert (only(mixed, mixed).reason or "").startswith("different inputs")


def test_runs_without_a_common_round_are_not_comparable() -> None:
    """Rounds share the machine's mood, so other rounds are no pairs."""
    base = with_result(run_of(1, [0.25, 0.25]), "numpy", make_failed(), round=0)
    new = with_result(run_of(1, [0.25, 0.25]), "numpy", make_failed(), round=1)
    assert only(base, new).reason == "no round that both completed"


@pytest.mark.parametrize(("limit", "beyond"), [(0.05, True), (0.15, True), (0.25, False)])
def test_slower_by_more_than_a_limit_means_the_whole_interval(limit: float, beyond: bool) -> None:
    """A gate closes only if the lower bound lies beyond the limit."""
    new = run_of(1.2, [0.251, 0.250, 0.250, 0.252, 0.249])
    assert only(run_of(), new).is_slower_by_more_than(limit) is beyond


def test_equal_environments_differ_in_nothing() -> None:
    """Other seconds are no other environment."""
    assert differences(run_of(), run_of(1.2)) == []


def test_what_differs_between_two_environments_is_listed() -> None:
    """Machine, threads and versions, each with both values."""
    new = msgspec.structs.replace(
        run_of(),
        machine=make_machine(ram_bytes=8, kernel="6.1"),
        threads=4,
        backends={"numpy": make_described(framework="1.2.4", blas="0.3")},
    )
    assert differences(run_of(), new) == [
        "blas: absent → 0.3 (numpy)",
        "framework: 1.2.3 → 1.2.4 (numpy)",
        "kernel: absent → 6.1",
        "ram bytes: absent → 8",
        "threads: 2 → 4",
    ]


def test_what_differs_alike_for_several_backends_is_said_once() -> None:
    """A new library below all of them is one difference."""
    both = make_run({"numpy": BASE, "torch": BASE})
    newer = {name: make_described(framework="1.2.4") for name in ("numpy", "torch")}
    found = differences(both, msgspec.structs.replace(both, backends=newer))
    assert found == ["framework: 1.2.3 → 1.2.4 (numpy, torch)"]


def test_backends_of_one_side_only_differ_in_nothing() -> None:
    """What is not compared is not listed."""
    assert differences(run_of(), make_run({"torch": BASE})) == []
