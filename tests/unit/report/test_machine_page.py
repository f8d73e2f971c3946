"""The page of one machine."""

import msgspec
from made import make_failed, make_run, with_result
from made_sweeps import BATCHES, make_sweep, with_failed

from bench.report import machine_page
from bench.report.sections import sections_of
from bench.report.sweep_sections import sweep_sections_of
from bench.results.records import Run
from bench.workload import Axis


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
    assert "Not all cases took turns" not in page_of(run)
    split = msgspec.structs.replace(run, groups=(run.cases[:2], run.cases[2:]))
    page = page_of(split)
    assert page.count("Not all cases took turns with each other") == 2
    assert [f"## relu, 6,000 images, group {number}, cpu" in page for number in (1, 2)] == [
        True
    ] * 2


def page_with_sweeps(*runs: Run) -> str:
    sweeps = {sweep: {} for run in runs for sweep in sweep_sections_of(run.command, run)}
    return machine_page.page("A machine", "slug", {}, sweeps)


def test_a_sweep_is_one_section_and_its_points_are_folded_away() -> None:
    page = page_with_sweeps(make_sweep())
    titles = [line for line in page.splitlines() if line.startswith("#")]
    assert titles == [
        "# A machine", "## relu, 6,000 images, cpu: by batch size", "### Speed", "### Crossovers",
        "### Overhead and cost", "### Accuracy", "### Reproduce", "### Versions",
    ]  # fmt: skip
    assert page.count("<details><summary>batch size ") == 5
    assert "784 → 684 → 684 → 10, relu, SGD 0.01, 2 epochs, 5,000 test images. 4 rounds" in page


def test_points_and_circumstances_of_several_axes_stand_once() -> None:
    page = page_with_sweeps(make_sweep(axes=[BATCHES, Axis("threads", (1, 2))]))
    assert page.count("### Scaling") == 5 and page.count("### Crossovers") == 1
    assert page.count("<details>") == 10 and page.count("### Reproduce") == 1


def test_failures_name_their_point() -> None:
    page = page_with_sweeps(with_failed(make_sweep(), "torch", 1))
    assert "- torch on cpu (relu, batch size 32), round 1: raised: ValueError: no" in page
