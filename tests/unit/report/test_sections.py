"""Which rows stand in one table, in which order, and which are the fastest."""

import re
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from made import (
    make_failed,
    make_run,
    make_trained,
    make_verified,
    make_workload,
    with_result,
    with_verification,
)
from made_sweeps import make_sweep

from bench.report.sections import Section, newest_widest, sections_of
from bench.results.records import Flag, Run
from bench.workload import CPU, Axis

DATES = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 5)]
FIVE = {"numpy": [0.250, 0.252, 0.249, 0.251, 0.250], "torch": [0.300, 0.303, 0.299, 0.301, 0.302]}
WRONG = make_verified(flags=(Flag("losses", "0.003 off"),))


def joined(*runs: Run) -> Run:
    return msgspec.structs.replace(
        runs[0],
        workloads={name: work for run in runs for name, work in run.workloads.items()},
        cases=tuple(case for run in runs for case in run.cases),
        verifications=tuple(one for run in runs for one in run.verifications),
        trials=tuple(trial for run in runs for trial in run.trials),
    )


def section_of(run: Run) -> Section:
    (section,) = sections_of("a.json", run)
    return section


def names(section: Section) -> list[str]:
    return [row.case.backend for row in section.rows]


def test_workloads_never_share_a_table() -> None:
    run = joined(make_run(), make_run(workload=make_workload("sigmoid")))
    assert [one.workload.variant for one in sections_of("a.json", run)] == ["relu", "sigmoid"]


def test_inputs_never_share_a_table() -> None:
    run = with_result(make_run(), "torch", make_trained(inputs="other"))
    run = with_result(run, "torch", make_trained(inputs="other"), round=1)
    assert list(map(names, sections_of("a.json", run))) == [["numpy"], ["torch"]]


def test_a_row_without_trials_joins_the_others_of_its_workload() -> None:
    run = with_result(make_run({"torch": [0.3], "numpy": [0.25]}), "torch", make_failed())
    assert names(section_of(run)) == ["numpy", "torch"]


def test_only_cases_that_took_turns_share_a_table() -> None:
    """Of a workload of which not all cases fitted into memory; a group may be one case."""
    run = make_run({name: [0.2, 0.3] for name in ("a", "b", "c")})
    a, b, c = run.cases
    split = sections_of("a.json", msgspec.structs.replace(run, groups=((a, b), (c,))))
    assert [(names(one), one.key.part) for one in split] == [(["a", "b"], 1), (["c"], 2)]
    for groups in (((a, b, c),), ((a,), (b,), (c,))):  # all took turns, or none did
        assert section_of(msgspec.structs.replace(run, groups=groups)).key.part == 0


def shown(*runs: Run) -> list[str]:
    """Return which of the runs "0", "1" … are shown."""
    sections = [one for number, run in enumerate(runs) for one in sections_of(str(number), run)]
    return [section.run_name for section in newest_widest(sections)]


def dated(run: Run, day: int) -> Run:
    return msgspec.structs.replace(run, created=DATES[day])


def test_of_equal_runs_the_newest_is_shown_whatever_the_order_of_the_files() -> None:
    old, new = dated(make_run(), 0), dated(make_run(), 1)
    assert shown(old, new) == ["1"]
    assert shown(new, old) == ["0"]


def test_a_run_with_more_sound_rows_is_shown_rather_than_a_newer_one() -> None:
    wide, narrow = dated(make_run(), 0), dated(make_run({"numpy": [0.25]}), 1)
    assert shown(wide, narrow) == ["0"]
    assert shown(wide, with_verification(dated(make_run(), 2), "torch", WRONG)) == ["0"]


def test_accelerators_come_before_processors() -> None:
    cpu, cuda = make_run(workload=make_workload("keras-example")), make_run(device="cuda:0")
    assert shown(cpu, cuda) == ["1", "0"]


def test_flagged_and_failed_rows_come_last_and_count_for_nothing() -> None:
    run = make_run({"fast": [0.01, 0.01], **FIVE, "mlx": [0.02]})
    run = with_result(with_verification(run, "fast", WRONG), "mlx", make_failed())
    section = section_of(run)
    assert names(section) == ["numpy", "torch", "fast", "mlx"]
    assert [section.relative(row) for row in section.rows[2:]] == ["–", "–"]
    assert section.winners == "numpy"


def test_a_difference_in_the_last_bits_does_not_change_the_order() -> None:
    once = {"torch": [0.25, 0.26], "numpy": [0.25, 0.26]}
    again = {"torch": [0.25, 0.26], "numpy": [0.25000000000000006, 0.26]}
    assert names(section_of(make_run(once))) == names(section_of(make_run(again)))


def test_rows_are_given_relative_to_the_fastest_paired_by_round() -> None:
    section = section_of(make_run(FIVE))
    first, second = map(section.relative, section.rows)
    assert first == "1"
    assert re.fullmatch(r"1\.20\d* \[1\.\d+, 1\.\d+\] ×", second)


def test_a_difference_that_is_not_shown_is_a_tilde() -> None:
    section = section_of(make_run({"numpy": [0.25, 0.28, 0.24], "torch": [0.26, 0.25, 0.27]}))
    assert sorted(map(section.relative, section.rows)) == ["1", "~"]
    assert len(section.fastest_group) == 2


def test_a_member_of_the_fastest_group_is_never_called_slower() -> None:
    near = {"numpy": [0.250] * 5, "torch": [0.2525, 0.2535, 0.2505, 0.2530, 0.2520]}
    alone = section_of(make_run(near))
    assert alone.relative(alone.rows[1]).endswith("×")
    slower = {name: [0.5, 0.51, 0.5, 0.52, 0.5] for name in ("jax", "mlx", "cupy", "a", "b", "c")}
    among = section_of(make_run(near | slower))
    assert among.relative(among.rows[1]) == "~" and among.rows[1].case in among.fastest_group


@pytest.mark.parametrize(
    ("seconds", "named"),
    [
        (FIVE, "numpy"),
        ({"numpy": [0.25, 0.28, 0.24, 0.26], "torch": [0.26, 0.25, 0.27, 0.25]}, "numpy, torch"),
        ({"numpy": [0.25]}, "numpy"),
        ({"numpy": [0.2], "torch": [0.9]}, "none shown (numpy lowest)"),
    ],
)
def test_the_winners_are_those_that_trials_show(
    seconds: Mapping[str, Sequence[float]], named: str
) -> None:
    assert set(section_of(make_run(seconds)).winners.split(", ")) == set(named.split(", "))


def test_equal_flags_share_a_footnote() -> None:
    run = make_run({"numpy": [0.25], "torch": [0.3], "jax": [0.3]})
    for name in ("numpy", "torch"):
        run = with_verification(run, name, WRONG)
    run = with_verification(run, "jax", make_failed("timed out", "no result"))
    assert set(section_of(run).notes.values()) == {" ¹", " ²"}


def test_threads_that_are_an_axis_have_tables_and_bounds_of_their_own() -> None:
    one, two = sections_of("a.json", make_sweep(axes=Axis("threads", (1, 2))))
    assert (one.key.threads, two.key.threads) == (1, 2)
    assert two.work == "relu, 6,000 images, 2 threads"
    assert two.bounds[CPU].seconds < 0.9 * one.bounds[CPU].seconds
