"""The page of one machine."""

import msgspec
from made import make_failed, make_run, with_result

from bench.report import machine_page
from bench.report.sections import sections_of
from bench.results.records import Run


def page_of(run: Run) -> str:
    return machine_page.page("A machine", "slug", {one: {} for one in sections_of("a.json", run)})


def test_the_last_lines_that_a_failed_trial_printed_stand_below_it() -> None:
    failed = make_failed("killed", "ended by SIGKILL", "zero", "one", "two ```", "three")
    page = page_of(with_result(make_run(), "torch", failed, 1))
    lines = ["- torch on cpu, round 2: killed: ended by SIGKILL", "  ````", "  one", "  two ```",
             "  three", "  ````"]  # fmt: skip
    assert "\n".join(lines) in page and "zero" not in page


def test_cases_that_did_not_take_turns_with_all_others_say_so() -> None:
    run = make_run({name: [0.2, 0.3] for name in "abcd"})
    assert "took turns" not in page_of(run)
    split = msgspec.structs.replace(run, groups=(run.cases[:2], run.cases[2:]))
    assert page_of(split).count("These cases took turns with each other; the others") == 2
