"""A run without children: what is planned, in which order, what is saved, how it goes on."""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from made import (
    make_described,
    make_epoch,
    make_failed,
    make_floor,
    make_planned,
    make_proved,
    make_run,
    make_trained,
)

from bench import runner
from bench.records import CannotSave, Failed, Floor, Moment, Proved, Run, Trained
from bench.runner import Done, Outcome, Step, carry_out, missing, plan_cells, shuffled
from bench.worker import Result

RESULTS: dict[str, Result] = {
    "floor": make_floor(),
    "prove": make_proved(),
    "train": make_trained(),
}


class FakeSteps:
    """Does steps by bringing made-up results, and notes what was done."""

    def __init__(self, **results: Result) -> None:
        self.results = {**RESULTS, **results}
        self.done: list[Step] = []

    def __call__(self, step: Step) -> tuple[Result, Moment]:
        """Return the result for the step's backend, else for its task."""
        self.done.append(step)
        return self.results.get(step.cell.backend, self.results[step.task]), Moment(load=0.1)


class Saved(list[Run]):
    """Keeps what was saved."""

    def __call__(self, run: Run) -> None:
        """Save a run."""
        self.append(run)

    @property
    def last(self) -> Run:
        """The run as it was saved last."""
        return self[-1]


def finish(run: Run, steps: FakeSteps | None = None, **options: object) -> Run:
    """Carry out all that is missing and return the run as it was saved last."""
    saved = Saved([run])
    list(carry_out(run, steps or FakeSteps(), saved, **options))  # type: ignore[arg-type]
    return saved.last


def test_there_is_a_row_for_each_backend_device_and_variant() -> None:
    """Variants stand outside, then backends, then their devices."""
    devices = {"numpy": ["cpu"], "torch": ["cpu", "cuda:0"]}
    cells, workloads = plan_cells(devices, ["relu", "sigmoid"], None, None, None)
    assert [(cell.variant, cell.backend, cell.device) for cell in cells] == [
        (variant, backend, device)
        for variant in ("relu", "sigmoid")
        for backend, names in devices.items()
        for device in names
    ]
    assert all(workloads[cell.workload].fingerprint == cell.workload for cell in cells)


def test_proofs_come_first_then_rounds_each_with_its_floor() -> None:
    """Everything is proved before anything is timed, and round follows upon round."""
    steps = FakeSteps()
    finish(make_planned(["numpy", "torch", "jax"], rounds=2), steps)
    tasks = [(step.task, step.round) for step in steps.done]
    first, second = ([("floor", number), *3 * [("train", number)]] for number in (0, 1))
    assert tasks == [*3 * [("prove", 0)], *first, *second]


def test_every_row_has_one_proof_and_one_trial_a_round() -> None:
    """Nothing is done twice, nothing is left out."""
    run = finish(make_planned(["a", "b", "c", "d"], rounds=5))
    assert Counter(trial.cell for trial in run.trials) == dict.fromkeys(run.cells, 5)
    assert {(trial.cell, trial.round) for trial in run.trials} == {
        (cell, number) for cell in run.cells for number in range(5)
    }
    assert [proof.cell for proof in run.proofs] == list(run.cells)
    assert missing(run) == []


def test_the_order_differs_from_round_to_round_and_not_from_time_to_time() -> None:
    """A resumed round goes on in the order in which it began."""
    run = make_planned(list("abcdefgh"))
    orders = [shuffled(run, number) for number in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    assert all(set(order) == set(run.cells) for order in orders)
    assert shuffled(run, 3) == orders[3]


def test_every_row_comes_first_in_some_round() -> None:
    """The shuffling favours nobody: over many rounds each of three rows starts a third."""
    run = make_planned(["a", "b", "c"])
    firsts = Counter(shuffled(run, number)[0].backend for number in range(300))
    assert all(70 < count < 130 for count in firsts.values())


def floors_missing(run: Run) -> list[Step]:
    """Return the floors that are still to be measured."""
    return [step for step in missing(run) if step.task == "floor"]


def test_the_floor_is_measured_once_a_round_where_a_library_is() -> None:
    """Of several backends the one whose interpreter has a library for it measures the floor."""
    run = make_planned(["keras_jax", "numpy", "torch"], rounds=3)
    assert [(step.cell.backend, step.round) for step in floors_missing(run)] == [
        ("numpy", 0), ("numpy", 1), ("numpy", 2),
    ]  # fmt: skip


def test_the_library_that_was_fastest_measures_the_other_floors() -> None:
    """In the first round it is found; the rounds of one run are by one library."""
    steps = FakeSteps(floor=make_floor(library="JAX 1.2"))
    finish(make_planned(rounds=3), steps)
    asked = [step.library for step in steps.done if step.task == "floor"]
    assert asked == [None, "JAX 1.2", "JAX 1.2"]


def test_a_floor_that_failed_is_not_tried_in_every_round() -> None:
    """What is not there in the first round will not be there in the next one."""
    run = finish(make_planned(rounds=3), FakeSteps(floor=make_failed()))
    assert [floor.round for floor in run.floors] == [0]
    assert missing(run) == []


def test_a_run_from_before_lacks_no_floor() -> None:
    """A floor was measured once, ahead of the first round; rounds that are added have theirs."""
    run = finish(make_planned(rounds=3))
    run = msgspec.structs.replace(run, floors=run.floors[:1])
    assert missing(run) == []
    longer = msgspec.structs.replace(run, rounds=4)
    assert [(step.round, step.library) for step in floors_missing(longer)] == [(3, "OpenBLAS 0.3")]
    without = msgspec.structs.replace(run, floors=())
    assert [step.round for step in floors_missing(without)] == [0], "rates are judged by it"


def test_every_outcome_is_saved_at_once() -> None:
    """After each step the run with its outcome is saved before the next step begins."""
    run, saved, steps = make_planned(rounds=1), Saved(), FakeSteps()
    for event in carry_out(run, steps, saved):
        if isinstance(event, Done):
            assert event.run == saved.last
            outcomes = (*event.run.floors, *event.run.proofs, *event.run.trials)
            assert len(outcomes) == len(steps.done) == len(saved)


def test_a_step_is_announced_before_it_is_done() -> None:
    """Whoever shows the run knows what runs while it runs."""
    steps = FakeSteps()
    for event in carry_out(make_planned(), steps, Saved()):
        if isinstance(event, Step):
            assert event not in steps.done


def test_proofs_may_be_done_together() -> None:
    """They are left to who does some at a time, in whatever order they end; nothing else is."""
    run = make_planned(["numpy", "torch"], rounds=1)
    alone, together = FakeSteps(), FakeSteps()

    def backwards(steps: Sequence[Step]) -> Iterator[tuple[Step, Outcome | None]]:
        yield from ((step, None) for step in steps)
        yield from ((step, together(step)) for step in reversed(steps))

    ended = finish(run, alone, run_together=backwards)
    assert [step.cell for step in together.done] == list(reversed(run.cells))
    assert {step.task for step in alone.done} == {"floor", "train"}
    assert [proof.cell for proof in ended.proofs] == list(reversed(run.cells))
    assert missing(ended) == []


def test_what_was_seen_of_the_machine_is_kept() -> None:
    """Each trial has its moment and its start, in UTC."""
    run = finish(make_planned(rounds=1))
    assert {trial.moment for trial in run.trials} == {Moment(load=0.1)}
    assert all(trial.started.endswith("+00:00") for trial in run.trials)
    msgspec.json.decode(msgspec.json.encode(run), type=Run)


@pytest.mark.parametrize("done", [0, 1, 2, 3, 5, 6])
def test_an_interrupted_run_goes_on_with_what_is_missing(done: int) -> None:
    """Interrupted after any step and resumed, a run does each step once, in the same order."""
    whole, first, second = FakeSteps(), FakeSteps(), FakeSteps()
    run, saved = make_planned(), Saved([make_planned()])
    finish(run, whole)
    outcomes = 0
    for event in carry_out(run, first, saved):
        outcomes += isinstance(event, Done)
        if outcomes == done:
            break
    resumed = finish(saved.last, second)
    assert first.done + second.done == whole.done
    assert missing(resumed) == []


def test_a_finished_run_has_nothing_left() -> None:
    """Resuming it does nothing and saves nothing."""
    run = finish(make_planned())
    saved = Saved()
    assert list(carry_out(run, FakeSteps(), saved)) == []
    assert saved == []


def test_a_failed_trial_is_not_tried_again() -> None:
    """A failure is an outcome: resuming leaves it as it is."""
    run = finish(make_planned(), FakeSteps(torch=make_failed("killed", "ended by SIGKILL")))
    assert missing(run) == []


def test_rounds_are_added_while_they_are_wanted() -> None:
    """`wants_more` is asked after each full round, and the run knows how many there were."""
    asked: list[int] = []

    def wants_more(run: Run) -> bool:
        asked.append(len(run.trials))
        return run.rounds < 4

    run = finish(make_planned(rounds=2), wants_more=wants_more)
    assert run.rounds == 4
    assert len(run.trials) == 8
    assert asked == [4, 6, 8]


def test_one_failing_backend_costs_nobody_else_anything() -> None:
    """Its trials are failures with their reasons, all others have their results."""
    failed = make_failed("raised", "ValueError: no", "last line")
    run = finish(make_planned(["numpy", "torch"]), FakeSteps(torch=failed))
    results = {trial.cell.backend: trial.result for trial in run.trials}
    assert results == {"numpy": RESULTS["train"], "torch": failed}
    assert runner.failures(run) == 3 * [failed]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (make_described(), "the child brought a Described"),
        (make_proved(), "the child brought a Proved"),
        (make_trained(epochs=2), "2 epochs in the result; expected 3"),
        (make_trained(epochs=0), "0 epochs in the result; expected 3"),
        (make_trained(epochs=(make_epoch(), make_epoch(0.0), make_epoch())), "took no time"),
        (make_trained(epochs=(make_epoch(), make_epoch(-1.0), make_epoch())), "took no time"),
    ],
)  # fmt: skip
def test_a_result_that_cannot_be_is_a_failure(result: Result, reason: str) -> None:
    """A trial's result of the wrong kind, of too few epochs or of no time is no result."""
    run = make_run({"numpy": []}, trials=())
    step = Step("train", run.cells[0], 0)
    trial = runner.with_outcome(run, step, result, Moment(), "").trials[0]
    assert isinstance(trial.result, Failed)
    assert trial.result.kind == "no result"
    assert reason in trial.result.reason


@pytest.mark.parametrize("task", ["floor", "prove"])
def test_a_stray_result_of_a_floor_or_proof_is_a_failure(task: str) -> None:
    """A child that brings something else brings nothing."""
    run = finish(make_planned(["numpy"]), FakeSteps(**{task: make_described()}))
    outcome = (run.floors if task == "floor" else run.proofs)[0]
    assert outcome.result == Failed("no result", "the child brought a Described")


def test_if_saving_fails_the_run_stops_there() -> None:
    """A full disk ends the run at once: nothing is measured that cannot be kept."""

    def full(run: Run) -> None:
        raise CannotSave("no room")

    steps = FakeSteps()
    with pytest.raises(CannotSave):
        list(carry_out(make_planned(), steps, full))
    assert len(steps.done) == 1


def test_results_of_all_kinds_are_put_where_they_belong() -> None:
    """Floors, proofs and trials are kept apart."""
    run = finish(make_planned(["numpy"], rounds=1))
    assert isinstance(run.floors[0].result, Floor)
    assert isinstance(run.proofs[0].result, Proved)
    assert isinstance(run.trials[0].result, Trained)
