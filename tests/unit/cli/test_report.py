"""`python -m bench report`: what it says."""

from pathlib import Path

import pytest
from made import make_machine, make_run

from bench.cli.report import report
from bench.machine import slug
from bench.results.store import write_run
from bench.run.choices import Refused


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder with one run and a file that is none."""
    (tmp_path / "runs").mkdir()
    write_run(tmp_path / "runs" / "a.json", make_run())
    (tmp_path / "runs" / "b.json").write_text("{}")
    return tmp_path


def test_it_says_how_many_files_it_wrote_and_which_it_left_out(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(reports, page=False, verbose=False) == 0
    out, err = capsys.readouterr()
    assert out == f"wrote 2 pages and 6 charts to {reports}\n"
    assert err.startswith("left out: b.json ")


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"there is no run file in .*absent.runs; expected at least"):
        report(tmp_path / "absent", page=False, verbose=False)


def test_it_says_so_if_nothing_has_changed(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report(reports, page=False, verbose=False)
    capsys.readouterr()
    report(reports, page=False, verbose=False)
    assert capsys.readouterr().out == f"nothing has changed in {reports}\n"
    report(reports, page=True, verbose=False)
    assert capsys.readouterr().out == f"wrote 1 page to {reports}\n"


def test_it_names_the_files_if_asked(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(reports, page=False, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9 and lines[0] == f"wrote {reports / slug(make_machine())}.md"
