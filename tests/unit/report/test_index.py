"""The index: the history of a machine's rows."""

from collections.abc import Mapping, Sequence

import msgspec
from made import make_described, make_run, make_verified, make_workload, with_verification

from bench.report import index
from bench.report.sections import Section, sections_of
from bench.results.records import Flag, Run

STEADY = [0.200, 0.202, 0.201, 0.199, 0.200]
SLOWER = [0.220, 0.222, 0.221, 0.219, 0.220]


def run(day: int, seconds: Mapping[str, Sequence[float]], version: str = "1.0") -> Run:
    backends = {name: make_described(framework=version) for name in seconds}
    return make_run(seconds, created=f"2026-01-{day:02}T00:00:00+00:00", backends=backends)


def sections(*runs: Run) -> list[Section]:
    return [section for number, one in enumerate(runs)
            for section in sections_of(f"{number}.json", one)]  # fmt: skip


def lines(*runs: Run) -> list[list[str]]:
    """Return the cells of the lines of all tables, headers left out."""
    table = [line for line in index.history(sections(*runs)).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [line for line in cells if line[0] != "backend" and not line[0].startswith(":-")]


def test_where_all_runs_are_sweeps_there_is_no_empty_table() -> None:
    assert "fastest backend" not in index.page({}, {}, {})


def test_a_machine_with_one_run_has_no_history() -> None:
    assert index.history(sections(run(1, {"numpy": STEADY}))) == ""
    assert index.history([]) == ""


def test_a_release_that_got_slower_is_seen() -> None:
    """The change stands beside the new version with its interval; the newest comes first."""
    new, old = lines(run(1, {"torch": STEADY}, "2.12"), run(2, {"torch": SLOWER}, "2.13"))
    assert new[2:4] == ["2026-01-02", "framework 2.13"]
    assert old[2:4] == ["2026-01-01", "framework 2.12"]
    assert (new[6], old[6]) == ("1.0998 [1.0991, 1.1005] ×", "–")


def test_no_difference_shown_is_a_tilde() -> None:
    """A change whose interval contains none is not called one; one trial has no interval."""
    new, _ = lines(run(1, {"torch": STEADY}), run(2, {"torch": STEADY[::-1]}))
    assert new[6] == "~"
    new, _ = lines(run(1, {"torch": [0.2]}), run(2, {"torch": [0.4]}))
    assert new[6] == "~"


def test_a_change_of_the_adapter_is_said() -> None:
    """Beside equal versions nobody would know what changed."""
    old, new = (
        msgspec.structs.replace(run(day, {"torch": STEADY}), sources={"torch": source})
        for day, source in ((1, "a1b2"), (2, "c3d4"))
    )
    assert lines(old, new)[0][6] == r"\~, other adapter"


def test_flagged_rows_have_no_history() -> None:
    wrong = make_verified(flags=(Flag("losses", "off"),))
    flagged = with_verification(run(2, {"numpy": SLOWER}), "numpy", wrong)
    assert lines(run(1, {"numpy": STEADY}), flagged) == []


def test_other_work_or_threads_do_not_share_a_history() -> None:
    one = make_run({"numpy": STEADY})
    other = make_run({"numpy": STEADY}, workload=make_workload("sigmoid"))
    assert lines(one, other, make_run({"numpy": STEADY}, threads=4)) == []


def test_only_the_newest_are_shown_and_the_oldest_of_them_is_compared() -> None:
    """The history does not grow without end."""
    found = lines(*(run(day, {"numpy": STEADY}) for day in range(1, 21)))
    assert len(found) == index.NEWEST
    assert found[0][2] == "2026-01-20" and found[-1][6] == "~"
