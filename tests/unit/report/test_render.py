"""The pages as a whole: from run files alone, twice the same, whatever lies beside them."""

import os
import re
from pathlib import Path

import msgspec
import pytest
from made import (
    make_bound_trial,
    make_case,
    make_described,
    make_failed,
    make_gemm_bound,
    make_machine,
    make_planned,
    make_run,
    make_verified,
    make_workload,
    with_verification,
)
from made_sweeps import make_sweep

from bench.machine import slug
from bench.report.render import render
from bench.results.hardware import Gpu
from bench.results.records import Flag, Run, Skipped
from bench.results.store import CannotSave, write_run

GOLDEN = Path(__file__).parent / "golden"
LATER = "2026-02-02T03:04:05+00:00"
HOSTILE = "<script>alert('x')</script> | a \n `b` ~~c~~ [d](e) \\"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path


def rendered(reports: Path, **runs: Run) -> str:
    for name, run in runs.items():
        write_run(reports / "runs" / f"{name}.json", run)
    assert render(reports).problems == []
    return "\n".join(path.read_text() for path in sorted(reports.glob("*.md")))


def assert_tables_are_whole(markdown: str) -> None:
    """Check that in every table all lines have the same number of cells."""
    blocks = re.findall(r"(?:^\|.*$\n?)+", markdown, flags=re.MULTILINE)
    assert blocks
    for block in blocks:
        widths = {len(re.split(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_the_golden_run_has_its_golden_pages(reports: Path) -> None:
    """Byte for byte; where a change is meant, UPDATE_GOLDEN=1 writes them again: read the diff."""
    (reports / "runs" / "run.json").write_bytes((GOLDEN / "run.json").read_bytes())
    render(reports)
    pages = {path.name: path.read_text() for path in reports.glob("*.md")}
    if os.environ.get("UPDATE_GOLDEN"):
        for path in GOLDEN.glob("*.md"):
            path.unlink()
        for name, page in pages.items():
            (GOLDEN / name).write_text(page)
    golden = {path.name: path.read_text() for path in GOLDEN.glob("*.md")}
    assert pages == golden, "if the change is meant, run this test with UPDATE_GOLDEN=1 set"


def test_rendered_again_nothing_is_written(reports: Path) -> None:
    """Nothing depends on the moment of rendering, and unchanged files are not written again."""
    bound = make_bound_trial(make_workload())
    rendered(reports, a=make_run(gemm_bounds=(bound,)), b=make_run(threads=1))
    times = {path: path.stat().st_mtime_ns for path in reports.rglob("*")}
    again = render(reports)
    assert (again.pages, again.charts) == ([], [])
    assert {path: path.stat().st_mtime_ns for path in reports.rglob("*")} == times


def test_a_run_that_is_moved_away_takes_its_page_along(reports: Path) -> None:
    """But nothing that is not ours."""
    rendered(reports, mine=make_run(), other=make_run(label="lab"))
    (reports / "notes.md").write_text("# My notes")
    (reports / "folder.md").mkdir()
    (reports / "runs" / "other.json").unlink()
    render(reports)
    kept = {"README.md", "notes.md", "folder.md", f"{slug(make_machine())}.md"}
    assert {path.name for path in reports.glob("*.md")} == kept


def test_a_sweep_is_one_line_of_the_index_and_one_section_of_its_machine(reports: Path) -> None:
    """Its points do not take the place of a run of one of them."""
    page = rendered(reports, plain=make_run(), sweep=make_sweep())
    assert_tables_are_whole(page)
    assert page.count("relu, 6,000 images, cpu: by batch size | 8, 32: numpy; 128") == 1
    assert page.count("### Cost") == 1
    assert len(list((reports / "charts").glob("*-by-batch-size-*-curve-*.svg"))) == 2
    assert "History" not in rendered(reports, again=make_sweep(created=LATER))


def test_broken_files_are_named_and_left_alone(reports: Path) -> None:
    """The rest is reported."""
    write_run(reports / "runs" / "good.json", make_run())
    (reports / "runs" / "cut.json").write_text('{"schema": 4, "tri')
    (reports / "runs" / "notes.txt").write_text("not a run file")
    (problem,) = render(reports).problems
    assert "cut.json" in problem
    assert (reports / "runs" / "cut.json").read_text() == '{"schema": 4, "tri'
    assert "numpy" in (reports / f"{slug(make_machine())}.md").read_text()


def test_without_runs_there_is_an_index(tmp_path: Path) -> None:
    assert render(tmp_path).problems == []
    assert "Published figures" in (tmp_path / "README.md").read_text()


def test_a_run_that_has_only_begun_can_be_shown(reports: Path) -> None:
    """Interrupted before its first outcome it is a page without numbers, said to be unfinished."""
    page = rendered(reports, a=make_planned())
    assert "0 rounds (unfinished: 2 were planned)" in page
    assert_tables_are_whole(page)


def test_hostile_text_in_every_field_breaks_no_table(reports: Path) -> None:
    """Tags, pipes, line breaks and marks in any name show as text, in tables and out of them."""
    work = make_workload()
    case = make_case(HOSTILE[:90], "cpu", work)
    base = make_run({"numpy": [0.25, 0.26, 0.24]}, work)
    trials = [msgspec.structs.replace(trial, case=case) for trial in base.trials]
    failed = make_failed("raised", HOSTILE, HOSTILE, "# x")
    trials.append(msgspec.structs.replace(trials[0], round=3, result=failed))
    run = make_run(
        {},
        machine=make_machine(
            cpu_model=HOSTILE, os=HOSTILE, kernel=HOSTILE, hypervisor=HOSTILE, virtual_machine=True,
            architecture=HOSTILE, python=HOSTILE, instruction_sets=(HOSTILE,),
            caches={HOSTILE[:90]: 1}, gpus=(Gpu(HOSTILE[:90], 1, HOSTILE, 1.0),),
        ),
        command=HOSTILE + "\n```\n<script>",
        cases=(case,),
        backends={case.backend: make_described(["cpu"], **{HOSTILE[:90]: HOSTILE})},
        skipped=(Skipped(HOSTILE[:90], HOSTILE),),
        gemm_bounds=(make_bound_trial(work, result=make_gemm_bound(library=HOSTILE[:90])),),
        verifications=(msgspec.structs.replace(base.verifications[0], case=case),),
        trials=tuple(trials),
    )  # fmt: skip
    flagged = with_verification(run, case.backend, make_verified(flags=(Flag("x", HOSTILE),)))
    page = rendered(reports, a=run, b=msgspec.structs.replace(flagged, threads=1))
    assert_tables_are_whole(page)
    assert not re.search(r"<script", re.sub(r"(?s)(`{3,})\n.*?\n *\1", "", page))


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    """The message names the folder and another way."""
    (tmp_path / "README.md").mkdir()  # where the index would be written
    with pytest.raises(
        CannotSave, match=rf"{tmp_path} cannot be written: .*name another --reports"
    ):
        render(tmp_path)
