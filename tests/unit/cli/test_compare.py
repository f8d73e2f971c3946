"""`compare`: ratios, verdicts, refusals, and a gate that fails only beyond doubt."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from made import make_failed, make_machine, make_run, make_workload, with_verification

from bench.cli.compare import compare_files
from bench.results.records import Run
from bench.results.store import BrokenRunFile, write_run
from bench.run.choices import Refused

STEADY = [0.250, 0.251, 0.249, 0.250, 0.252]


class Files:
    """Compares runs as the command does, and keeps what it prints."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def compare(
        self, base: Run, new: Run, limit: float | None = None, as_json: bool = False
    ) -> int:
        """Write both and compare them; return the exit status."""
        write_run(self.folder / "base.json", base)
        write_run(self.folder / "new.json", new)
        names = [str(self.folder / f"{name}.json") for name in ("base", "new")]
        return compare_files(*names, limit, as_json)

    @property
    def printed(self) -> str:
        """What was printed since it was last asked for."""
        captured = self._capsys.readouterr()
        return captured.out + captured.err


@pytest.fixture
def files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Files:
    return Files(tmp_path, capsys)


def slower_by(factor: float, seconds: Sequence[float] = STEADY) -> Run:
    return make_run({"numpy": [factor * value for value in seconds]})


@pytest.mark.parametrize(
    ("new", "status"),
    [(slower_by(1.2), 1), (slower_by(1.03), 0), (slower_by(0.8), 0),
     (slower_by(1.3, [0.2, 0.5, 0.22, 0.45, 0.25]), 0)],
)  # fmt: skip
def test_the_gate_fails_only_beyond_its_limit_and_beyond_the_noise(
    files: Files, new: Run, status: int
) -> None:
    assert files.compare(slower_by(1.0), new, limit=0.05) == status
    said = "slower by significantly more than 5.0%: numpy on cpu, relu"
    printed = files.printed
    assert (said in printed) is bool(status)
    assert ("No row is slower by significantly more than 5.0%." in printed) is not bool(status)


def test_two_backends_of_one_file_are_compared(files: Files) -> None:
    path = files.folder / "run.json"
    write_run(path, make_run({"numpy": STEADY, "torch": [2 * s for s in STEADY]}))
    assert compare_files(f"{path}#numpy", f"{path}#torch", None, False) == 0
    printed = files.printed
    assert "slower" in printed
    assert "measured at different times" not in printed


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (make_run({"numpy": STEADY}, make_workload(epochs=4)), "numpy: different workloads"),
        (with_verification(slower_by(1.0), "numpy", make_failed()), "verification: failed (raised"),
        (make_run({"torch": STEADY}), "have no row in common"),
    ],
)
def test_what_cannot_be_compared_is_refused(files: Files, new: Run, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        files.compare(slower_by(1.0), new)
    assert reason in str(refused.value)


def test_two_runs_are_said_to_differ_in_time_and_in_what_else_is_known(files: Files) -> None:
    files.compare(slower_by(1.0), msgspec.structs.replace(slower_by(1.0), threads=8))
    printed = files.printed
    assert "measured at different times" in printed
    assert "threads: 2 → 8" in printed


def test_json_is_for_machines(files: Files) -> None:
    assert files.compare(slower_by(1.0), slower_by(1.2), limit=0.05, as_json=True) == 1
    found = json.loads(files.printed)
    assert found["compared"][0]["verdict"] == "slower"
    assert found["slower_than_allowed"] == ["numpy on cpu, relu"]


def test_an_unknown_backend_is_named_with_the_nearest(files: Files) -> None:
    write_run(files.folder / "run.json", slower_by(1.0))
    with pytest.raises(Refused, match="Did you mean 'numpy'"):
        compare_files(*[f"{files.folder / 'run.json'}#nunpy"] * 2, None, False)


def test_a_missing_file_is_named(files: Files) -> None:
    with pytest.raises(BrokenRunFile, match=r"no\.json is not a run file: No such file"):
        compare_files(str(files.folder / "no.json"), "also-no.json", None, False)


HOSTILE = "\x1b[2J\x9b31m\u202ered\nline"


def test_a_terminal_obeys_nothing_in_a_file(files: Files) -> None:
    """Names and facts from run files are printed without control characters."""
    base, new = (
        make_run({HOSTILE: [factor * seconds for seconds in STEADY]},
                 machine=make_machine(cpu_model=model))
        for factor, model in ((1.0, HOSTILE), (2.0, "other"))
    )  # fmt: skip
    files.compare(base, new, limit=0.05)
    printed = files.printed
    assert "red line" in printed
    assert not set(HOSTILE) - set("[2J31mred\nline") & set(printed)
