"""Adding a backend touches one file: it is listed, proved, run and stands in the tables."""

import re
from pathlib import Path

import pytest
from toys import SMALL, bench, only_run, write_toy

from bench.records import Proved, Trained

TOY = '''\
"""A toy: NumPy's network under another name."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.0"]
#
# [tool.bench]
# purpose = "A toy that computes what NumPy does"
# ///

from backends.numpy import Model, devices

__all__ = ["Model", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return a version of its own."""
    return {"toy": "4.2"}
'''


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the one file."""
    folder = tmp_path_factory.mktemp("toys")
    write_toy(folder, "toy", TOY)
    return folder


def test_it_is_listed_beside_the_others(toys: Path) -> None:
    """With its purpose, without having been imported."""
    with bench("list", toys=toys) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    lines = [re.sub(" +", " ", line).strip() for line in out.splitlines()]
    assert "toy ready A toy that computes what NumPy does" in lines
    assert any(line.startswith("numpy ") for line in lines)


def test_it_runs_and_stands_in_the_tables(toys: Path, tmp_path: Path) -> None:
    """Proof, trial, version, speed, cost and quality: all of it from the one file."""
    options = ("--backend", "toy", "--rounds", "1", "--epochs", "2", *SMALL)
    with bench("run", *options, "--reports", str(tmp_path), toys=toys) as process:
        out, err = process.communicate()
    assert process.returncode == 0, out + err
    run = only_run(tmp_path)
    (proof,), (trial,) = run.proofs, run.trials
    assert isinstance(proof.result, Proved)
    assert proof.result.holds
    assert isinstance(trial.result, Trained)
    (page,) = [path for path in tmp_path.glob("*.md") if path.name != "README.md"]
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| toy ")]
    assert len(rows) >= 3, "speed, cost and quality"
    assert "4.2" in text
    assert "toy" in (tmp_path / "README.md").read_text()
    assert "toy · cpu · relu: proved" in out
