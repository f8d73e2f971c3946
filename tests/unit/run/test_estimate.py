"""How long a run will take, before it starts and while it goes."""

from dataclasses import dataclass

import msgspec
import pytest
from fakes import FakeExecutor
from made import make_case, make_planned, make_verification, make_workload

from bench.results.jobs import INFERENCE_TURNS
from bench.results.records import Run
from bench.run.estimate import Estimate, verification_seconds
from bench.run.groups import BOUND, Group, Place, missing_stages
from bench.run.schedule import Awake, carry_out
from bench.workload import CPU, VARIANTS, Workload


def planned(*works: Workload, rounds: int = 2, threads: int | None = None) -> Run:
    """Return a run of two backends over some workloads, nothing of it done."""
    groups = tuple(
        tuple(
            msgspec.structs.replace(make_case(name, "cpu", work), threads=threads)
            for name in ("numpy", "torch")
        )
        for work in works
    )
    cases = tuple(case for group in groups for case in group)
    named = {work.fingerprint: work for work in works}
    return make_planned(cases=cases, groups=groups, workloads=named, rounds=rounds)


@dataclass
class Machine:
    """Tells how long a step takes, once the run goes."""

    factor: float = 1.0

    def seconds(self, awake: Awake) -> float:
        if awake.stage in ("start", "build") or awake.group is None:
            return 3 * self.factor
        slower = {"numpy": 1.0, "torch": 2.0, BOUND: 0.5}[awake.who]
        return slower * self.factor * awake.group.workload.epoch_flop / 1e11


def test_all_steps_are_counted_and_a_contender_starts_once_a_round() -> None:
    run = planned(make_workload(epochs=3), make_workload("sigmoid", epochs=3))
    executor, steps = FakeExecutor(), 0
    estimate = Estimate(run)
    before = estimate.total
    for event in carry_out(run, executor, lambda run: None):
        if isinstance(event, Awake) and event.group:
            estimate.begun(event)
            steps += 1
    builds_and_epochs, inferences = 3 * (1 + 3), 2 * INFERENCE_TURNS  # of a group
    assert steps == before == 2 * 2 * (builds_and_epochs + inferences)  # rounds, workloads
    assert estimate.total == before
    assert estimate.seconds_left == 0.0


@pytest.mark.parametrize("factor", [0.1, 1.0, 10.0])
def test_once_some_steps_are_done_the_others_are_scaled_by_them(factor: float) -> None:
    works = [make_workload(batch_size=size) for size in (8, 128)]
    run, machine = planned(*works, rounds=4), Machine(factor)
    estimate, total = Estimate(run), 0.0
    first = None
    for stage in missing_stages(run):
        for event in FakeExecutor().take_turns(stage):
            if isinstance(event, Awake):
                estimate.begun(event)
                estimate.took(event, machine.seconds(event))
                total += machine.seconds(event)
        first = first or (total, estimate.seconds_left)
    assert first is not None
    assert first[1] == pytest.approx(3 * first[0], rel=0.3)


def test_more_threads_wider_layers_and_smaller_batches_are_taken_into_account() -> None:
    def seconds(work: Workload, threads: int | None = None) -> float:
        return Estimate(planned(work, threads=threads)).seconds_left

    usual = seconds(VARIANTS["relu"])
    assert seconds(VARIANTS["relu"], threads=1) > usual
    assert seconds(make_workload(epochs=10, batch_size=8)) > usual
    assert seconds(make_workload(epochs=10, hidden=(2048, 2048))) > 2 * usual


def test_where_starting_takes_longer_only_that_is_expected_to() -> None:
    run = planned(make_workload(epochs=3), rounds=2)
    usual, slow, slower = (Estimate(run, starting=factor).seconds_left for factor in (1, 2, 3))
    assert usual < slow < slower < 3 * usual
    assert slower - slow == pytest.approx(slow - usual)
    assert verification_seconds(run) < verification_seconds(run, starting=3.0)


def test_how_long_starting_took_replaces_what_was_expected_of_it() -> None:
    run, left = planned(make_workload(epochs=3)), []
    for factor in (1.0, 5.0):
        estimate = Estimate(run, starting=factor)
        group = Group(make_workload(epochs=3), run.cases, bounds={Place(CPU): None})
        for who in ("numpy", "torch", BOUND):
            estimate.took(Awake("start", who, CPU, group, 0), 2.0)
        left.append(estimate.seconds_left)
    assert left[0] == left[1]


def test_on_an_accelerator_as_many_are_expected_to_verify_at_once_as_take_turns() -> None:
    work = make_workload()
    cases = tuple(make_case(name, "cuda:0", work) for name in ("torch", "jax"))
    run = make_planned(cases=cases, workloads={work.fingerprint: work}, threads=8)
    together = msgspec.structs.replace(run, together=2)
    assert verification_seconds(run) == 2 * verification_seconds(together)


def test_verifications_are_expected_until_they_are_done() -> None:
    few, many = (planned(*(make_workload(batch_size=size) for size in range(1, count + 1)))
                 for count in (1, 4))  # fmt: skip
    assert (
        0 < verification_seconds(few) < verification_seconds(many) < 4 * verification_seconds(few)
    )
    done = tuple(map(make_verification, many.cases))
    assert verification_seconds(msgspec.structs.replace(many, verifications=done)) == 0


def test_a_disturbed_step_does_not_move_what_its_like_will_take() -> None:
    run = planned(make_workload(epochs=3))
    estimate = Estimate(run)
    group = Group(make_workload(epochs=3), run.cases, bounds={Place(CPU): None})
    for seconds in (2.0, 2.0, 90.0):
        for who in ("numpy", "torch", BOUND):
            estimate.took(Awake("epoch", who, CPU, group, 2), seconds)
    for who in ("numpy", "torch", BOUND):
        estimate.took(Awake("start", who, CPU, group, 0), 5.0)
        estimate.took(Awake("epoch", who, CPU, group, 1), 7.0)
        estimate.took(Awake("inference", who, CPU, group, 4), 0.5)
    inferences = 2 * 2 * INFERENCE_TURNS
    assert estimate.seconds_left == 6 * 5.0 + 6 * 7.0 + 12 * 2.0 + inferences * 0.5
