"""A fleet of one machine, embedded, through the code path of all fleets; nothing twice."""

import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from made import make_planned, make_run

from bench import ROOT
from bench.results.fleets import read_fleet
from bench.results.store import read_run, write_run
from bench.run.dask_cluster import connected
from bench.run.fleet import in_words
from bench.run.node import Trouble, folder_of, measure

pytest.importorskip("distributed")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


TINY = ["--backend", "numpy", "--epochs", "1", "--rounds", "1", "--train-samples", "256",
        "--test-samples", "100"]  # fmt: skip


def test_this_machine_is_measured_once_and_resumed_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLP_BENCH_STATE", str(tmp_path / "state"))
    reports = ["--reports", str(tmp_path / "reports")]
    done = bench("fleet", *reports, "--label", "127.0.0.1=mine", *TINY)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "reports" / "fleets").iterdir()
    fleet = read_fleet(path)
    (member,) = fleet.members
    run = read_run(tmp_path / "reports" / "runs" / str(member.run))
    assert (run.fleet, run.label, member.reason) == (fleet.name, "node-1", None)
    assert (tmp_path / "reports" / f"fleet-{fleet.name}.md").exists()
    before = [file.stat().st_mtime_ns for file in (tmp_path / "reports" / "runs").iterdir()]
    again = bench("fleet", *reports, "--resume", fleet.name)
    assert again.returncode == 0 and "(done)" in again.stderr
    assert [f.stat().st_mtime_ns for f in (tmp_path / "reports" / "runs").iterdir()] == before
    answer = measure(fleet.name, "node-1", TINY)
    assert (
        answer.is_complete
        and answer.content == (tmp_path / "reports" / "runs" / str(member.run)).read_bytes()
    )


def test_a_fleet_that_brings_nothing_home_has_no_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLP_BENCH_STATE", str(tmp_path / "state"))
    done = bench("fleet", "--reports", str(tmp_path), "--python", f"none={sys.executable}")
    assert done.returncode == 1 and "there is no backend 'none'" in done.stdout
    assert "tables" not in done.stdout + done.stderr


def test_what_a_run_printed_leaves_its_machine_without_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLP_BENCH_STATE", str(tmp_path))
    answer = measure("made", "node-1", ["--python", f"numpy={ROOT}/none"])
    assert "'numpy=./none' names no interpreter" in answer.said[-1]


def test_what_fails_on_a_machine_leaves_it_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLP_BENCH_STATE", str(ROOT / "README.md"))
    with pytest.raises(Trouble, match=r"^NotADirectoryError: .*'\./README\.md/fleets") as raised:
        measure("made", "node-1", [])
    assert in_words(raised.value) == str(raised.value)


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the run file lies of a fleet, `made`, that was begun on this machine."""
    monkeypatch.setenv("MLP_BENCH_STATE", str(tmp_path))
    path = folder_of("made") / "reports" / "runs" / "run.json"
    path.parent.mkdir(parents=True)
    return path


def test_an_interrupted_run_is_finished_with_the_options_that_resuming_takes(begun: Path) -> None:
    write_run(begun, make_planned())
    answer = measure("made", "node-1", [*TINY, "--until", "3%", "--timeout=9", "--python", "a=b"])
    assert "--python 'a=b' names no interpreter" in answer.said[-1]


def test_a_run_of_which_nothing_is_missing_is_handed_over_once_it_has_ended(begun: Path) -> None:
    run = make_run()
    write_run(begun, msgspec.structs.replace(run, groups=(run.cases,)))
    asked = [measure("made", "node-1", ["--until", "3%", "--python", "a=b"]) for _ in range(2)]
    assert [(answer.status, answer.is_complete) for answer in asked] == [(2, True), (0, True)]


def test_machines_that_share_a_home_do_not_hand_over_each_others_runs(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    write_run(begun, msgspec.structs.replace(run, groups=(run.cases,)))
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    answer = measure("made", "node-2", ["--python", "a=b"])
    assert (answer.name, answer.content) == (None, b"")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--resume", "nothing"], "there is no fleet 'nothing' that was begun here"),
        (["--label", "here", *TINY], "--label 'here' names no machine; expected ADDRESS=NAME"),
        (["--label", "x=a b", *TINY], "--label 'a b' cannot be part of a file's name; expected"),
        (["--backend", "numpy", "--epochs", "0"], "--epochs"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(
    options: list[str], words: str, tmp_path: Path
) -> None:
    done = bench("fleet", "--reports", str(tmp_path), *options)
    assert done.returncode == 2 and words in done.stderr


def test_whoever_waits_for_tasks_may_stop_at_any_of_them() -> None:
    with connected(None) as cluster:
        (address,) = cluster.addresses() or ()
        ticket = cluster.submit(address, int, "3")
        done = cluster.done(seconds=60)
        assert next(done) == (ticket, 3)
        done.close()
