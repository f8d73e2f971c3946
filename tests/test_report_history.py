"""The history of a machine's rows."""

from collections.abc import Mapping, Sequence

import pytest

from bench.records import Run
from bench.report import history
from bench.report.sections import Section, sections_of
from bench.statistics import Interval
from tests.made import make_described, make_proved, make_run, make_workload, with_proof

STEADY = [0.200, 0.202, 0.201, 0.199, 0.200]
SLOWER = [0.220, 0.222, 0.221, 0.219, 0.220]


def run(day: int, seconds: Mapping[str, Sequence[float]], version: str = "1.0") -> Run:
    """Return a run of one day of January."""
    backends = {name: make_described(framework=version) for name in seconds}
    return make_run(seconds, created=f"2026-01-{day:02}T00:00:00+00:00", backends=backends)


def sections(*runs: Run) -> list[Section]:
    """Return the sections of runs, in order."""
    return [section for number, one in enumerate(runs)
            for section in sections_of(f"{number}.json", one)]  # fmt: skip


def lines(*runs: Run) -> list[list[str]]:
    """Return the cells of the lines of all tables, headers left out."""
    table = [line for line in history.tables(sections(*runs)).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [line for line in cells if line[0] != "backend" and not line[0].startswith(":-")]


def test_a_machine_with_one_run_has_no_history() -> None:
    """Nothing is said where nothing can have changed."""
    assert history.tables(sections(run(1, {"numpy": STEADY}))) == ""
    assert history.tables([]) == ""


def test_a_release_that_got_slower_is_seen() -> None:
    """The change stands beside the new version with its interval; the newest comes first."""
    new, old = lines(
        run(1, {"torch": STEADY}, "2.12"),
        run(2, {"torch": SLOWER}, "2.13"),
    )
    assert new[2:4] == ["2026-01-02", "framework 2.13"] and old[2:4] == [
        "2026-01-01",
        "framework 2.12",
    ]
    assert new[6] == "+9.98 % [+9.91, +10.05] slower"
    assert old[6] == "–"


def test_a_release_that_got_faster_is_seen() -> None:
    """Less time is a negative change."""
    new, _ = lines(run(1, {"torch": SLOWER}), run(2, {"torch": STEADY}))
    assert new[6].startswith("−9.") and new[6].endswith("faster")


def test_no_difference_shown_is_a_tilde() -> None:
    """A change whose interval contains none is not called one."""
    new, _ = lines(run(1, {"torch": STEADY}), run(2, {"torch": STEADY[::-1]}))
    assert new[6] == "~"


def test_single_trials_show_no_change() -> None:
    """One trial has no interval."""
    new, _ = lines(run(1, {"torch": [0.2]}), run(2, {"torch": [0.4]}))
    assert new[6] == "~"


def test_rows_in_doubt_have_no_history() -> None:
    """What is not proved is not compared with what is."""
    doubtful = with_proof(run(2, {"numpy": SLOWER}), "numpy", make_proved(loss_deviation=1.0))
    assert lines(run(1, {"numpy": STEADY}), doubtful) == []


def test_other_work_or_threads_do_not_share_a_history() -> None:
    """Only the same workload, inputs and threads are compared."""
    one = make_run({"numpy": STEADY})
    other = make_run({"numpy": STEADY}, workload=make_workload("sigmoid"))
    assert lines(one, other, make_run({"numpy": STEADY}, threads=4)) == []


def test_only_the_newest_are_shown_and_the_oldest_of_them_is_compared() -> None:
    """The history does not grow without end."""
    runs = [run(day, {"numpy": STEADY}) for day in range(1, 21)]
    found = lines(*runs)
    assert len(found) == history.NEWEST
    assert found[0][2] == "2026-01-20" and found[-1][6] == "~"


def test_the_order_of_the_runs_does_not_matter() -> None:
    """The dates order them."""
    runs = [run(1, {"numpy": STEADY}), run(2, {"numpy": SLOWER})]
    assert lines(*runs) == lines(*reversed(runs))


def test_hostile_names_show_as_text() -> None:
    """A pipe or markup in a name makes no column and no markup."""
    name = "a|<b>*"
    found = history.tables(sections(run(1, {name: STEADY}), run(2, {name: STEADY})))
    assert "<b>" not in found and "a&#124;&lt;b&gt;\\*" in found


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (Interval(1.05, 1.08, 1.12, 5), "+8 % [+5, +12]"),
        (Interval(0.90, 0.93, 0.96, 5), "−7 % [−10, −4]"),
        (Interval(1.0021, 1.0032, 1.0043, 9), "+0.32 % [+0.21, +0.43]"),
        (Interval(2.0, 3.0, 4.0, 5), "+200 % [+100, +300]"),
    ],
)
def test_changes_have_no_digit_finer_than_their_spread(ratio: Interval, words: str) -> None:
    """Percent, with the bounds."""
    assert history.percent(ratio) == words
