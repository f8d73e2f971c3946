"""A run without children: what is done in which order, what is saved, how it goes on."""

from collections.abc import Callable
from itertools import islice

import msgspec
import pytest
from fakes import FakeExecutor
from made import (
    make_case,
    make_described,
    make_failed,
    make_gemm_bound,
    make_planned,
    make_trained,
    make_workload,
)

from bench.results.records import Failed, GemmBound, Run
from bench.run.groups import BOUND, Group, Place, groups, missing_stages
from bench.run.schedule import Awake, Saved, carry_out, missing_verifications
from bench.workload import CPU, Device


def finish(
    run: Run,
    executor: FakeExecutor | None = None,
    wants_more: Callable[[Run], int | None] = lambda run: None,
) -> Run:
    """Carry out what is missing and return the run as it was saved last."""
    saved = [run]
    list(carry_out(run, executor or FakeExecutor(), saved.append, wants_more))
    return saved[-1]


def test_all_is_verified_before_anything_is_timed() -> None:
    events = carry_out(make_planned(rounds=2), FakeExecutor(), lambda run: None)
    stages = [event.stage for event in events if isinstance(event, Awake)]
    assert stages[:3] == ["verification", "verification", "start"]
    assert "verification" not in stages[2:]


def test_every_case_has_one_verification_and_one_trial_a_round() -> None:
    run = finish(make_planned(list("abcd"), rounds=5))
    assert [one.case for one in run.verifications] == list(run.cases)
    assert [(trial.round, trial.case) for trial in run.trials] == [
        (number, case) for number in range(5) for case in run.cases
    ]
    assert [bound.round for bound in run.gemm_bounds] == [0, 1, 2, 3, 4]
    assert not missing_verifications(run) and not list(missing_stages(run))


def with_groups(*sizes: int, device: str = "cpu", **changes: object) -> Run:
    """Return a planned run whose cases take turns in groups of these sizes."""
    workload = make_workload()
    cases = [make_case(f"toy{n}", device, workload) for n in range(sum(sizes))]
    left = iter(cases)
    made = tuple(tuple(islice(left, size)) for size in sizes)
    return make_planned(cases=tuple(cases), groups=made, **changes)


def test_who_takes_turns_is_decided_by_the_executor_once_all_are_verified() -> None:
    run = finish(make_planned(["a", "b"]))
    assert run.groups == (run.cases,)
    apart = msgspec.structs.replace(run, groups=tuple((case,) for case in run.cases), trials=())
    executor = FakeExecutor()
    assert finish(apart, executor).groups == apart.groups
    assert {group.cases for group in executor.groups} == set(apart.groups)


def by_number(run: Run, round: int = 0) -> list[Group]:
    return sorted(groups(run, round), key=lambda group: group.number)


def test_a_group_knows_its_place_its_round_and_its_turns() -> None:
    run = with_groups(2, 1, extra_epochs=(2, 4))
    pair, alone = by_number(run, 1)
    assert (pair.cases, pair.number, pair.round, pair.turns) == (run.groups[0], 0, 1, 3 + 4)
    assert (alone.cases, alone.number, alone.round, alone.turns) == (run.groups[1], 1, 1, 3)


def test_the_groups_of_a_round_come_in_an_order_of_its_own() -> None:
    run = with_groups(*[2] * 6, rounds=4)
    stages = list(missing_stages(run))
    assert stages == list(missing_stages(run))
    assert all(len(stage) == 1 for stage in stages), "they have no contenders in common"
    orders = [[one.number for (one,) in stages[at : at + 6]] for at in range(0, 24, 6)]
    assert len(set(map(tuple, orders))) == 4
    assert all(sorted(order) == list(range(6)) for order in orders)


def test_groups_of_the_same_contenders_come_one_after_the_other_in_an_order_of_the_round() -> None:
    works = [make_workload(batch_size=size) for size in (8, 16, 32, 64)]
    made = tuple(tuple(make_case(name, "cpu", work) for name in pair)
                 for pair in ("ab", "cd") for work in works)  # fmt: skip
    named = {work.fingerprint: work for work in works}
    run = make_planned(
        cases=tuple(case for group in made for case in group), groups=made, workloads=named,
        rounds=3,
    )  # fmt: skip
    stages = list(missing_stages(run))
    assert [len(stage) for stage in stages] == [4] * 6
    for stage in stages:
        assert len({group.contenders for group in stage}) == len({g.round for g in stage}) == 1
    orders = {tuple(group.workload.batch_size for group in stage) for stage in stages}
    assert len(orders) > 1


def test_a_gemm_bound_takes_turns_with_each_group_and_once_with_cases_by_themselves() -> None:
    assert [group.bounds for group in by_number(with_groups(2, 2))] == [{Place(CPU): None}] * 2
    alone = by_number(with_groups(1, 1, 1, device="cuda:0"))
    assert [group.bounds for group in alone] == [{Place(Device("cuda", 0)): None}, {}, {}]


def test_the_gemm_bound_beside_cases_by_themselves_is_measured_by_one_that_can() -> None:
    """Each may have an interpreter of its own."""
    able = msgspec.structs.replace(make_described(), measures_bound=True)
    backends = {"toy0": make_described(), "toy1": able, "toy2": able}
    run = msgspec.structs.replace(with_groups(1, 1, 1, device="opencl:0"), backends=backends)
    alone = by_number(run)
    assert [len(group.bounds) for group in alone] == [0, 1, 0]


@pytest.mark.parametrize(
    ("result", "library"), [(make_gemm_bound(library="JAX 1.2"), "JAX 1.2"), (make_failed(), None)]
)
def test_the_library_that_was_fastest_measures_the_other_gemm_bounds(
    result: GemmBound | Failed, library: str | None
) -> None:
    executor = FakeExecutor({BOUND: result})
    run = finish(make_planned(rounds=3), executor)
    assert [group.bounds[Place(CPU)] for group in executor.groups] == [None, library, library]
    assert [bound.result for bound in run.gemm_bounds] == [result] * 3


def test_each_verification_and_each_group_is_saved_as_soon_as_it_is_done() -> None:
    saved: list[Run] = []
    done = []
    for event in carry_out(make_planned(rounds=2), FakeExecutor(), saved.append):
        if isinstance(event, Saved):
            assert event.run == saved[-1]
            done.append((len(event.run.verifications), len(event.run.trials)))
    assert done == [(1, 0), (2, 0), (2, 0), (2, 2), (2, 4)], "and once for the groups"
    assert len(saved) == 5
    msgspec.json.decode(msgspec.json.encode(saved[-1]), type=Run)


@pytest.mark.parametrize("events", range(1, 40, 5))
def test_an_interrupted_run_goes_on_with_what_is_missing(events: int) -> None:
    saved = [make_planned(rounds=2)]
    for _ in islice(carry_out(saved[0], FakeExecutor(), saved.append), events):
        before = saved[-1]
    after = finish(before)
    assert not missing_verifications(after) and not list(missing_stages(after))
    assert after.verifications[: len(before.verifications)] == before.verifications
    assert after.trials[: len(before.trials)] == before.trials
    assert (len(after.verifications), len(after.trials)) == (2, 4)


def test_a_round_that_is_half_done_is_done_again_as_a_whole() -> None:
    whole = finish(make_planned(rounds=2))
    old = msgspec.structs.replace(whole, trials=whole.trials[:3])
    executor = FakeExecutor({"numpy": make_trained(0.5), BOUND: make_gemm_bound(0.4)})
    run = finish(old, executor)
    assert [group.round for group in executor.groups] == [1]
    assert run.trials[:2] == whole.trials[:2]
    assert [trial.case.backend for trial in run.trials[2:]] == ["numpy", "torch"]
    assert run.trials[2].result == make_trained(0.5)
    expected = [make_gemm_bound(), make_gemm_bound(0.4)]
    assert [bound.result for bound in run.gemm_bounds] == expected


def test_a_finished_run_has_nothing_left_to_do() -> None:
    run, saved = finish(make_planned()), []
    assert list(carry_out(run, FakeExecutor(), saved.append)) == []
    assert saved == []


def test_rounds_are_added_while_they_are_wanted_with_so_many_extra_epochs() -> None:
    asked: list[int] = []

    def wants_more(run: Run) -> int | None:
        asked.append(len(run.trials))
        return 10 * run.rounds if run.rounds < 4 else None

    executor = FakeExecutor()
    run = finish(make_planned(rounds=2), executor, wants_more)
    assert (run.rounds, len(run.trials), run.extra_epochs) == (4, 8, (0, 0, 20, 30))
    assert [group.turns for group in executor.groups] == [3, 3, 23, 33]
    assert asked == [4, 6, 8], "only after a whole round"


def test_the_gemm_bounds_of_other_groups_stay_when_a_group_is_done_again() -> None:
    run = finish(with_groups(2, 2, rounds=1))
    again = msgspec.structs.replace(run, trials=run.trials[:-1])
    executor = FakeExecutor({BOUND: make_gemm_bound(0.4)})
    bounds = finish(again, executor).gemm_bounds
    (redone,) = executor.groups
    assert {one.group: one.result for one in bounds} == {
        redone.number: make_gemm_bound(0.4), 1 - redone.number: make_gemm_bound(),
    }  # fmt: skip
