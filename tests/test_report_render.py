"""The pages as a whole: from run files alone, twice the same, whatever lies beside them."""

import json
import os
import re
from pathlib import Path

import msgspec
import pytest
from made import (
    make_cell,
    make_described,
    make_failed,
    make_floor,
    make_machine,
    make_planned,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    with_proof,
    with_result,
)

from bench.records import CannotSave, FloorOf, Gpu, Moment, Run, Skipped, write_run
from bench.report.render import render
from bench.workload import VARIANTS

HOSTILE = "<script>alert('x')</script> | a \n `b` ~~c~~ [d](e) \\"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder for reports."""
    (tmp_path / "runs").mkdir()
    return tmp_path


def rendered(reports: Path, **runs: Run) -> str:
    """Write the runs, render, and return all Markdown."""
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


def content(folder: Path) -> dict[str, bytes]:
    """Return what all files of a folder hold, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def test_a_machine_has_its_page_and_its_row(reports: Path) -> None:
    """The page is named after the machine, and the index links to it."""
    rendered(reports, a=make_run())
    assert (reports / "amd-epyc-9354-2-cores.md").exists()
    index = (reports / "README.md").read_text()
    assert "[AMD EPYC 9354, 2 cores](amd-epyc-9354-2-cores.md)" in index
    assert "](runs/a.json) |" in index
    assert "2.2948, 0.1468, 2.2567, 0.1412" in index


def test_a_page_has_all_tables_and_the_command(reports: Path) -> None:
    """Speed, cost, quality, who did not take part, versions, and how to reproduce it."""
    run = make_run(
        skipped=(Skipped("jax", "not installed (jax): python -m pip install jax"),),
        command="python -m bench run --backend numpy,torch",
    )
    page = rendered(reports, a=run)
    for part in ("### Speed", "### Cost", "### Quality", "### Not taking part", "### Reproduce"):
        assert part in page
    assert "- jax: not installed (jax): python -m pip install jax" in page
    assert "```\npython -m bench run --backend numpy,torch\n```" in page
    assert "framework 1.2.3, Python 3.11.9, openblas 0.3.30 with 2 threads" in page
    assert_tables_are_whole(page)


def test_the_notebooks_seconds_are_divided_by_ours_for_the_same_work_only(reports: Path) -> None:
    """`relu` on 6,000 images was 14 s: 0.25 s are 56 times as fast; `keras-example` has none."""
    run = make_run({"numpy": [0.25] * 5}, VARIANTS["relu"])
    other = make_run({"numpy": [0.25] * 5}, VARIANTS["keras-example"])
    rendered(reports, a=run, b=other)
    rows = [line for line in (reports / "README.md").read_text().splitlines() if "9354" in line]
    (relu,) = [row for row in rows if "| relu " in row]
    (keras,) = [row for row in rows if "| keras-example " in row]
    assert " 56 |" in relu
    assert " 56 |" not in keras


def test_unproven_and_failed_rows_are_shown_with_their_reasons(reports: Path) -> None:
    """Struck through with a footnote, listed with reason and log."""
    run = with_proof(make_run(), "torch", make_proved(mistakes=("drops the short batch",)))
    failed = make_failed("raised", "MemoryError: no", "allocating 1e12 bytes")
    page = rendered(reports, a=with_result(run, "numpy", failed, round=1))
    assert "~~torch~~ ¹" in page
    assert "¹ not proved: it computes another network (drops the short batch)" in page
    assert "### Failed trials" in page
    assert "round 2: raised: MemoryError: no\n  - allocating 1e12 bytes" in page


def test_risks_of_the_moment_are_said(reports: Path) -> None:
    """What the machine was like stands above the numbers that it endangers."""
    run = make_run()
    trials = tuple(msgspec.structs.replace(trial, moment=Moment(load=1.5)) for trial in run.trials)
    page = rendered(reports, a=msgspec.structs.replace(run, trials=trials))
    assert "Other programs kept up to 1.5 cores busy in 4 of 4 trials" in page


def test_workloads_inputs_and_threads_never_share_a_table(reports: Path) -> None:
    """Four runs that differ in one of them each are four tables of speed."""
    other_inputs = make_run({"numpy": [0.25]})
    other_inputs = with_result(other_inputs, "numpy", make_trained(inputs="ba9876543210"))
    page = rendered(
        reports, a=make_run(), b=make_run(workload=make_workload(epochs=4)), c=make_run(threads=1),
        d=other_inputs,
    )  # fmt: skip
    assert page.count("### Speed") == 4


def test_machines_have_pages_of_their_own(reports: Path) -> None:
    """Rows of different machines never meet."""
    gpu = make_machine(gpus=(Gpu("NVIDIA H200", 150_000_000_000, "550.1", 700.0),))
    rendered(reports, a=make_run(), b=make_run(machine=gpu))
    pages = sorted(path.name for path in reports.glob("*.md"))
    assert len(pages) == 3
    assert any("h200" in name for name in pages)


def test_rendered_again_every_byte_is_the_same(reports: Path) -> None:
    """Nothing depends on the moment of rendering, and unchanged files are not written again."""
    run = make_run()
    floor = FloorOf("cpu", run.cells[0].workload, make_floor())
    rendered(reports, a=msgspec.structs.replace(run, floors=(floor,)), b=make_run(threads=1))
    before = content(reports)
    times = {path: path.stat().st_mtime_ns for path in reports.rglob("*")}
    assert render(reports).written == []
    assert content(reports) == before
    assert {path: path.stat().st_mtime_ns for path in reports.rglob("*")} == times


def test_a_new_run_of_another_machine_leaves_the_page_of_the_first_alone(reports: Path) -> None:
    """Only what concerns the new run changes."""
    rendered(reports, a=make_run())
    page = reports / "amd-epyc-9354-2-cores.md"
    before = page.stat().st_mtime_ns
    rendered(reports, b=make_run(machine=make_machine(cpu_model="Apple M4")))
    assert page.stat().st_mtime_ns == before


def test_broken_and_foreign_files_are_named_and_left_alone(reports: Path) -> None:
    """The rest is reported."""
    write_run(reports / "runs" / "good.json", make_run())
    newer = json.loads((reports / "runs" / "good.json").read_text()) | {"schema": 99}
    broken = {"cut.json": b'{"schema": 1, "tri', "foreign.json": b'{"name": "x"}',
              "empty.json": b"", "newer.json": json.dumps(newer).encode()}  # fmt: skip
    for name, damaged in broken.items():
        (reports / "runs" / name).write_bytes(damaged)
    (reports / "runs" / "notes.txt").write_text("not a run file")
    result = render(reports)
    assert len(result.problems) == len(broken)
    for name, damaged in broken.items():
        assert sum(name in problem for problem in result.problems) == 1
        assert (reports / "runs" / name).read_bytes() == damaged
    assert "numpy" in (reports / "amd-epyc-9354-2-cores.md").read_text()


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_file_whose_name_is_no_text_is_left_out(reports: Path) -> None:
    """No page could name it; what is said of it can be printed and stand in a page."""
    try:
        write_run(reports / "runs" / os.fsdecode(b"\xff\x1b.json"), make_run())
    except CannotSave:
        pytest.skip("this file system takes no such names")
    (reports / "runs" / "foreign.json").write_text('{"schema": 1, "\\u001b[31mred": 1}')
    problems = render(reports, with_page=True).problems
    assert len(problems) == 2
    assert all(problem.isprintable() for problem in problems)


def test_without_runs_there_is_an_index(tmp_path: Path) -> None:
    """A folder without any run file, or none at all, has an empty index."""
    assert render(tmp_path).problems == []
    assert "Published figures" in (tmp_path / "README.md").read_text()


def test_a_run_that_has_only_begun_can_be_shown(reports: Path) -> None:
    """Interrupted before its first outcome it is a page without numbers, said to be unfinished."""
    page = rendered(reports, a=make_planned())
    assert "not finished" in page
    assert_tables_are_whole(page)


def test_a_machine_of_which_nothing_is_known_has_a_page(reports: Path) -> None:
    """Absent facts are absent, none is guessed."""
    nothing = make_machine(cpu_model=None, physical_cores=None, logical_cores=None)
    page = rendered(reports, a=make_run(machine=nothing))
    assert "unknown processor" in page
    assert "None" not in page


def test_hostile_text_in_every_field_breaks_no_table(reports: Path) -> None:
    """Tags, pipes, line breaks and marks in any name show as text, in tables and out of them."""
    work = make_workload(variant="relu")
    work = msgspec.structs.replace(work, variant=HOSTILE[:90])
    cell = make_cell(HOSTILE[:90], HOSTILE[:50], work)
    base = make_run({"numpy": [0.25, 0.26, 0.24]}, work)
    trials = tuple(msgspec.structs.replace(trial, cell=cell) for trial in base.trials)
    failed = msgspec.structs.replace(
        trials[0], round=3, result=make_failed("raised", HOSTILE, HOSTILE, "# x")
    )
    run = make_run(
        {},
        machine=make_machine(
            cpu_model=HOSTILE, os=HOSTILE, kernel=HOSTILE, hypervisor=HOSTILE, virtual_machine=True,
            architecture=HOSTILE, python=HOSTILE, instruction_sets=(HOSTILE,),
            caches={HOSTILE[:90]: 1}, gpus=(Gpu(HOSTILE[:90], 1, HOSTILE, 1.0),),
        ),
        command=HOSTILE + "\n```\n<script>",
        workloads={work.fingerprint: work},
        cells=(cell,),
        backends={cell.backend: make_described([cell.device], **{HOSTILE[:90]: HOSTILE})},
        skipped=(Skipped(HOSTILE[:90], HOSTILE),),
        floors=(FloorOf(cell.device, work.fingerprint, make_floor(library=HOSTILE[:90])),),
        proofs=(msgspec.structs.replace(base.proofs[0], cell=cell,
                                        result=make_proved(mistakes=(HOSTILE,))),),
        trials=(*trials, failed),
    )  # fmt: skip
    page = rendered(reports, a=run)
    assert_tables_are_whole(page)
    without_code = re.sub(r"(`{3,})\n.*\n\1", "", page)
    assert not re.search(r"<script", without_code)


def test_a_folder_that_cannot_be_written_to_is_said(
    reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the page and another way."""

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    write_run(reports / "runs" / "a.json", make_run())
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotSave, match=r"--reports"):
        render(reports)
