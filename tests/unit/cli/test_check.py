"""`check`: exit status and words for run files that somebody sends."""

import os
from pathlib import Path

import pytest
from made import make_honest_run, make_run

from bench.cli.check import check
from bench.results.store import write_run


def test_each_file_is_judged_and_one_refusal_is_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, broken = (tmp_path / f"{name}.json" for name in ("good", "bad", "broken"))
    write_run(good, make_honest_run())
    write_run(bad, make_run())
    broken.write_text("{")
    assert check([good]) == 0
    assert check([good, bad, broken]) == 1
    printed = capsys.readouterr().out
    assert "good.json: accepted" in printed
    assert "bad.json: not accepted\n  - rounds: 2; expected 3 or more" in printed
    assert "broken.json is not a run file" in printed


@pytest.mark.skipif(os.name == "nt", reason="names are text on Windows")
def test_a_file_with_a_strange_name_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is no text is printed as far as it is."""
    assert check([tmp_path / os.fsdecode(b"sent\xff\x1b.json")]) == 1
    assert "sent  .json: not accepted" in capsys.readouterr().out
