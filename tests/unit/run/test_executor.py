"""Who takes turns with whom, and what is done side by side: without children."""

import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_case, make_failed, make_planned, make_verified, make_workload
from toys import PATIENCE_SECONDS

from bench.results.records import Case, Failed, Run, Verification, Verified
from bench.run.executor import Session, side_by_side
from bench.run.groups import MEMORY_SHARE, UNKNOWN_BYTES, split

RELU, SIGMOID = make_workload("relu"), make_workload("sigmoid")
VERIFIED = make_verified(peak_memory_bytes=1_000)


def session(available: int | None = 10**9, together: int | None = None) -> Session:
    """Return a session without backends on a machine with so much memory."""
    return Session({}, 1, 9.0, together=together, available_bytes=lambda: available)


def run_of(*cases: Case, result: Verified | Failed = VERIFIED) -> Run:
    """Return a run of cases that were verified; each needed 1,000 bytes."""
    works = {work.fingerprint: work for work in (RELU, SIGMOID)}
    verifications = tuple(Verification(case, result) for case in cases)
    return make_planned(cases=cases, workloads=works, verifications=verifications)


def cases(count: int, device: str = "cpu") -> list[Case]:
    return [make_case(f"toy{number}", device, RELU) for number in range(count)]


def sizes(run: Run, *given: int | None) -> list[int]:
    """Return how many take turns in each group on a machine: see `session`."""
    return [len(group) for group in session(*given).group(run)]


def test_cases_of_one_workload_on_the_processor_take_turns() -> None:
    first, other, second = (
        make_case("a", "cpu", RELU), make_case("a", "cpu", SIGMOID), make_case("b", "cpu", RELU),
    )  # fmt: skip
    run = run_of(first, other, second)
    assert session().group(run) == ((first, second), (other,))


def test_cases_that_differ_in_precision_alone_take_turns() -> None:
    rough = msgspec.structs.replace(RELU, precision="bfloat16")
    cases = [make_case("a", "cpu", work) for work in (RELU, rough, SIGMOID)]
    run = msgspec.structs.replace(
        run_of(*cases), workloads={work.fingerprint: work for work in (RELU, rough, SIGMOID)}
    )
    assert session().group(run) == ((cases[0], cases[1]), (cases[2],))


def test_on_accelerators_each_case_is_by_itself_unless_told_otherwise() -> None:
    run = run_of(*cases(2, "cuda:0"), *cases(2, "cuda:1"))
    assert sizes(run) == [1, 1, 1, 1]
    assert sizes(run, 10**9, 8) == [4]


def test_no_more_take_turns_than_was_asked_for_or_fit_into_memory() -> None:
    assert sizes(run_of(*cases(7)), 10**9, 3) == [2, 2, 3]
    assert sizes(run_of(*cases(6)), 8_000) == [6]
    assert sizes(run_of(*cases(6)), 7_000) == [3, 3]
    assert sizes(run_of(*cases(6)), 1) == [1] * 6


@pytest.mark.parametrize("result", [make_failed(), make_verified(peak_memory_bytes=None)])
def test_where_no_verification_tells_the_memory_that_a_case_needs_it_is_assumed(
    result: Verified | Failed,
) -> None:
    run, enough = run_of(*cases(4), result=result), int(5 * UNKNOWN_BYTES / MEMORY_SHARE) + 1
    assert sizes(run, enough) == [4]
    assert sizes(run, enough - 2) == [2, 2]
    assert sizes(run, None) == [4]


@given(
    needed=some.lists(some.integers(1, 1_000), min_size=1, max_size=20),
    most=some.integers(1, 20),
    available=some.integers(1, 30_000),
)
def test_groups_are_even_in_order_and_fit_where_anything_fits(
    needed: list[int], most: int, available: int
) -> None:
    chosen = cases(len(needed))
    groups = split(chosen, most, needed, available)
    assert [case for group in groups for case in group] == chosen
    lengths = list(map(len, groups))
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1
    bytes_of = dict(zip(chosen, needed, strict=True))
    for group in groups:
        fits = sum(map(bytes_of.get, group)) + max(needed) <= MEMORY_SHARE * available
        assert fits or max(lengths) == 1


def test_what_is_done_side_by_side_is_told_at_once() -> None:
    gate = threading.Event()

    def do(session: Session, item: str) -> str:
        if item == "slow":
            assert gate.wait(PATIENCE_SECONDS)
        return item.upper()

    events = side_by_side(session(), do, ["slow", "quick", "last"], at_once=2)
    told = [next(events) for _ in range(5)]
    gate.set()
    assert told == [("slow", None), ("quick", None), ("quick", "QUICK"), ("last", None),
                    ("last", "LAST")]  # fmt: skip
    assert list(events) == [("slow", "SLOW")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_one_raises_ends_all_that_runs_side_by_side(error: type[BaseException]) -> None:
    begun: list[str] = []
    waiting = threading.Event()

    def do(session: Session, item: str) -> None:
        begun.append(item)
        if item == "waits":
            waiting.set()
            while True:
                session.look()
        assert waiting.wait(PATIENCE_SECONDS)
        raise error

    with pytest.raises(error):
        list(side_by_side(session(), do, ["waits", "raises", "never"], at_once=2))
    assert begun == ["waits", "raises"]
