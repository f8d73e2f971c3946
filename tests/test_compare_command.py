"""`compare`: ratios, verdicts, refusals, and a gate that fails only beyond doubt."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.records import Run, write_run
from tests.made import make_failed, make_machine, make_run, make_workload, with_proof

STEADY = [0.250, 0.251, 0.249, 0.250, 0.252]


def compare(folder: Path, base: Run, new: Run, *options: str) -> Result:
    """Compare two runs as a user does."""
    write_run(folder / "base.json", base)
    write_run(folder / "new.json", new)
    files = [str(folder / "base.json"), str(folder / "new.json")]
    return CliRunner().invoke(main, ["compare", *files, *options])


def steady(factor: float) -> Run:
    return make_run({"numpy": [factor * seconds for seconds in STEADY]})


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.2, "slower"), (0.8, "faster"), (1.0, "no difference shown")]
)
def test_the_verdict_follows_the_interval(tmp_path: Path, factor: float, verdict: str) -> None:
    """A clear difference is named, none is claimed where none is shown."""
    result = compare(tmp_path, steady(1.0), steady(factor))
    assert result.exit_code == 0
    assert verdict in result.output


@pytest.mark.parametrize(("factor", "status"), [(1.2, 1), (1.03, 0), (0.8, 0)])
def test_the_gate_fails_only_beyond_its_limit(tmp_path: Path, factor: float, status: int) -> None:
    """With --fail-above 5% a slowdown of 20 % fails, one of 3 % does not."""
    result = compare(tmp_path, steady(1.0), steady(factor), "--fail-above", "5%")
    assert result.exit_code == status


def test_a_noisy_slowdown_does_not_fail_the_gate(tmp_path: Path) -> None:
    """A centre beyond the limit whose interval is not is no failure."""
    noisy = make_run({"numpy": [0.2, 0.5, 0.22, 0.45, 0.25]})
    assert compare(tmp_path, steady(1.0), noisy, "--fail-above", "5%").exit_code == 0


def test_two_backends_of_one_file_are_compared(tmp_path: Path) -> None:
    """FILE#BACKEND on both sides compares two rows of one run."""
    write_run(tmp_path / "run.json", make_run({"numpy": STEADY, "torch": [2 * s for s in STEADY]}))
    file = str(tmp_path / "run.json")
    result = CliRunner().invoke(main, ["compare", f"{file}#numpy", f"{file}#torch"])
    assert result.exit_code == 0
    assert "slower" in result.output
    assert "2." in result.output


def test_other_work_is_not_compared(tmp_path: Path) -> None:
    """Different workloads are refused, with exit status 2."""
    other = make_run({"numpy": STEADY}, make_workload(epochs=4))
    result = compare(tmp_path, steady(1.0), other)
    assert result.exit_code == 2
    assert "different workloads" in result.output


def test_unproven_rows_are_not_compared(tmp_path: Path) -> None:
    """A row without a valid proof is refused."""
    result = compare(tmp_path, steady(1.0), with_proof(steady(1.0), "numpy", make_failed()))
    assert result.exit_code == 2
    assert "not proved" in result.output


def test_what_differs_between_the_environments_is_said(tmp_path: Path) -> None:
    """Other threads and another machine are named."""
    new = msgspec.structs.replace(steady(1.0), threads=8)
    assert "threads: 2 → 8" in compare(tmp_path, steady(1.0), new).output


def test_json_is_for_machines(tmp_path: Path) -> None:
    """--json prints the same as one JSON object."""
    result = compare(tmp_path, steady(1.0), steady(1.2), "--json", "--fail-above", "5%")
    found = json.loads(result.stdout)
    assert found["compared"][0]["verdict"] == "slower"
    assert found["slower_than_allowed"] == ["numpy on cpu, relu"]
    assert result.exit_code == 1


def test_an_unknown_backend_is_named_with_the_nearest(tmp_path: Path) -> None:
    """FILE#BACKEND with a typo says what there is."""
    write_run(tmp_path / "run.json", steady(1.0))
    result = CliRunner().invoke(main, ["compare", *[f"{tmp_path / 'run.json'}#nunpy"] * 2])
    assert result.exit_code == 2
    assert "did you mean 'numpy'" in result.output


@pytest.mark.parametrize("limit", ["x", "-5%", "0", "5000%"])
def test_a_limit_that_is_no_share_is_refused(tmp_path: Path, limit: str) -> None:
    """--fail-above says what it expects."""
    result = compare(tmp_path, steady(1.0), steady(1.0), f"--fail-above={limit}")
    assert result.exit_code == 2
    assert "expected something like 5%" in result.output


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is a message, not a traceback."""
    result = CliRunner().invoke(main, ["compare", str(tmp_path / "no.json"), "also-no.json"])
    assert result.exit_code == 2
    assert "no.json is not a run file" in result.output


HOSTILE = "\x1b[2J\x9b31m\u202ered\nline"


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_terminal_obeys_nothing_in_a_file(tmp_path: Path, factor: float) -> None:
    """Names, versions and reasons from run files are printed without control characters."""
    base, new = (
        make_run({HOSTILE: [one * seconds for seconds in STEADY]},
                 machine=make_machine(cpu_model=model))
        for one, model in ((1.0, HOSTILE), (factor, "other"))
    )  # fmt: skip
    unproven = with_proof(new, HOSTILE, make_failed("raised", HOSTILE))
    for other in (new, unproven):
        result = compare(tmp_path, base, other, "--fail-above", "5%")
        assert result.exit_code in (0, 1, 2)
        assert "red line" in result.output
        assert not set(HOSTILE) - set("[2J31mred\nline") & set(result.output)
