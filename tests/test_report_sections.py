"""Which rows stand in one table: only those that did the same work with the same inputs."""

import msgspec
from made import (
    make_failed,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    with_proof,
    with_result,
)

from bench.records import Run
from bench.report.sections import Key, newest_widest, sections_of

DATES = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 5)]


def joined(*runs: Run) -> Run:
    """Return one run with the rows of all."""
    workloads = {name: work for run in runs for name, work in run.workloads.items()}
    return msgspec.structs.replace(
        runs[0],
        workloads=workloads,
        cells=tuple(cell for run in runs for cell in run.cells),
        proofs=tuple(proof for run in runs for proof in run.proofs),
        trials=tuple(trial for run in runs for trial in run.trials),
    )


def test_a_run_of_one_workload_is_one_section() -> None:
    """Its key holds fingerprint, inputs and threads."""
    run = make_run()
    (section,) = sections_of("a.json", run)
    assert section.key == Key(run.cells[0].workload, "0123456789ab", 2)
    assert [row.cell for row in section.rows] == list(run.cells)


def test_workloads_never_share_a_table() -> None:
    """Rows of different fingerprints stand in sections of their own."""
    run = joined(make_run(), make_run(workload=make_workload("sigmoid")))
    sections = sections_of("a.json", run)
    assert [{row.cell.variant for row in one.rows} for one in sections] == [{"relu"}, {"sigmoid"}]


def test_inputs_never_share_a_table() -> None:
    """A backend that was given other inputs stands apart, though its workload is the same."""
    run = make_run({"numpy": [0.25], "torch": [0.3]})
    run = with_result(run, "torch", make_trained(inputs="other"))
    assert [[row.cell.backend for row in one.rows] for one in sections_of("a.json", run)] == [
        ["numpy"], ["torch"],
    ]  # fmt: skip


def test_a_row_whose_rounds_had_different_inputs_is_marked() -> None:
    """Resumed with other images, a row belongs into no table: it is marked and not compared."""
    run = make_run({"numpy": [0.25, 0.25], "torch": [0.3, 0.3]})
    run = with_result(run, "torch", make_trained(inputs="other"), round=1)
    (section,) = sections_of("a.json", run)
    mixed = "its rounds were given different inputs: 0123456789ab, other"
    assert mixed in section.marks[run.cells[1]]
    assert run.cells[0] not in section.marks


def test_a_row_without_trials_joins_the_others_of_its_workload() -> None:
    """Nobody is hidden for having failed."""
    run = with_result(make_run({"torch": [0.3], "numpy": [0.25]}), "torch", make_failed())
    (section,) = sections_of("a.json", run)
    assert {row.cell.backend for row in section.rows} == {"numpy", "torch"}


def test_if_all_trials_failed_there_is_still_a_section() -> None:
    """Its inputs are not known."""
    run = with_result(make_run({"torch": [0.3]}), "torch", make_failed())
    (section,) = sections_of("a.json", run)
    assert section.key.inputs == ""


def shown(*runs: Run) -> list[str]:
    """Return which of the runs "0", "1" … are shown."""
    sections = [one for number, run in enumerate(runs) for one in sections_of(str(number), run)]
    return [section.run_name for section in newest_widest(sections).values()]


def dated(run: Run, day: int) -> Run:
    """Return the run as of a day."""
    return msgspec.structs.replace(run, created=DATES[day])


def test_of_equal_runs_the_newest_is_shown() -> None:
    """Whatever the order of the files."""
    old, new = dated(make_run(), 0), dated(make_run(), 1)
    assert shown(old, new) == ["1"]
    assert shown(new, old) == ["0"]


def test_a_run_with_more_sound_rows_is_shown_rather_than_a_newer_one() -> None:
    """A quick look at one backend does not push the comparison of many aside."""
    wide, narrow = dated(make_run(), 0), dated(make_run({"numpy": [0.25]}), 1)
    assert shown(wide, narrow) == ["0"]
    unproven = with_proof(dated(make_run(), 2), "torch", make_proved(loss_deviation=1.0))
    assert shown(wide, unproven) == ["0"]


def test_other_threads_are_another_table() -> None:
    """Runs with one and with two threads stand side by side, never in one table."""
    assert shown(make_run(threads=1), make_run(threads=2)) == ["0", "1"]
