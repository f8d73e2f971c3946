"""`run --resume`: only what is missing is done, and only if nothing has changed since."""

from pathlib import Path

import msgspec
import pytest
from made import make_described
from toys import Fakes, fakes, invoke, only_run_file  # noqa: F401

from bench.records import Run, read_run, write_run


@pytest.fixture
def file(fakes: Fakes, tmp_path: Path) -> Path:  # noqa: F811
    """Return the file of a run of two rounds that was interrupted after the first."""
    assert invoke("run", "--rounds", "2", "--reports", tmp_path / "reports").exit_code == 0
    path = only_run_file(tmp_path / "reports")
    run = read_run(path)
    write_run(path, msgspec.structs.replace(run, trials=run.trials[:2], floors=run.floors[:1]))
    fakes.steps.clear()
    return path


def changed(path: Path, **changes: object) -> Run:
    """Change the run in the file and return it."""
    run = msgspec.structs.replace(read_run(path), **changes)
    write_run(path, run)
    return run


def refusal(path: Path) -> str:
    """Return the message of a run that cannot be resumed; its file stays as it was."""
    before = path.read_bytes() if path.exists() else b""
    result = invoke("run", "--resume", path)
    assert result.exit_code == 2, (result.output, result.exception)
    assert (path.read_bytes() if path.exists() else b"") == before
    return result.output


def test_only_what_is_missing_is_done(file: Path, fakes: Fakes) -> None:  # noqa: F811
    """Proofs and the first round, with its floor, stay; the second round is done."""
    before = read_run(file)
    result = invoke("run", "--resume", file)
    assert result.exit_code == 0, result.output
    assert [(step.task, step.round) for step in fakes.steps] == [
        ("floor", 1), ("train", 1), ("train", 1),
    ]  # fmt: skip
    after = read_run(file)
    assert (after.trials[:2], after.floors[:1]) == (before.trials, before.floors)
    done = {"trials": (), "floors": ()}
    assert msgspec.structs.replace(after, **done) == msgspec.structs.replace(before, **done)


def test_the_tables_are_written_where_the_run_belongs(
    file: Path,
    fakes: Fakes,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if the file was named from within its own folder."""
    fakes.reported.clear()
    monkeypatch.chdir(file.parent)
    assert invoke("run", "--resume", file.name).exit_code == 0
    assert fakes.reported == [tmp_path / "reports"]
    assert list(file.parent.iterdir()) == [file]


def test_a_finished_run_has_nothing_to_do(file: Path, fakes: Fakes) -> None:  # noqa: F811
    """Its tables are written again."""
    assert invoke("run", "--resume", file).exit_code == 0
    fakes.steps.clear()
    fakes.reported.clear()
    content = read_run(file)
    assert invoke("run", "--resume", file).exit_code == 0
    assert not fakes.steps
    assert len(fakes.reported) == 1
    assert read_run(file) == content


def test_until_adds_rounds_to_a_resumed_run(file: Path, fakes: Fakes) -> None:  # noqa: F811
    """Of equal trials two make an interval that is tight enough; one more is not begun."""
    assert invoke("run", "--resume", file, "--until", "2%").exit_code == 0
    assert {step.round for step in fakes.steps} == {1}


def test_until_adds_no_more_rounds_than_can_be_read(
    file: Path,
    fakes: Fakes,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One trial has no interval, yet no other is begun."""
    changed(file, rounds=1)
    monkeypatch.setattr("bench.commands.run.MOST_ROUNDS", 1)
    assert invoke("run", "--resume", file, "--until", "2%").exit_code == 0
    assert not fakes.steps


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """It is named."""
    message = refusal(tmp_path / "runs" / "none.json")
    assert "none.json is not a run file: [Errno 2] No such file" in message


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"schema": 99}', bytes(range(256))])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is named and left alone."""
    path = tmp_path / "runs" / "broken.json"
    path.parent.mkdir()
    path.write_bytes(content)
    assert "error: broken.json " in refusal(path)


def test_a_file_outside_a_reports_folder_is_refused(file: Path, tmp_path: Path) -> None:
    """Its tables would have no place: they would end up anywhere."""
    stray = tmp_path / "stray.json"
    stray.write_bytes(file.read_bytes())
    message = refusal(stray)
    assert "expected a run file where `run` wrote it, in the folder runs/" in message


def test_a_run_of_another_machine_is_refused(file: Path) -> None:
    """Two machines in one table would be a lie."""
    machine = msgspec.structs.replace(read_run(file).machine, cpu_model="Celeron N2840")
    changed(file, machine=machine)
    message = refusal(file)
    assert "is of the machine celeron-n2840" in message
    assert "expected this one" in message


def test_a_run_of_another_machine_of_that_name_is_refused(file: Path) -> None:
    """Hypervisors call many processors the same; their caches tell them apart."""
    machine = msgspec.structs.replace(read_run(file).machine, caches={"L1d": 12_345})
    changed(file, machine=machine)
    assert "with other caches or instruction sets; expected this one" in refusal(file)


def test_a_run_on_other_images_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds on MNIST and rounds on other images are no one row."""
    monkeypatch.setattr("bench.unchanged.inputs_hash", lambda raw, workload: "0" * 12)
    message = refusal(file)
    assert "give inputs 000000000000; expected " in message
    assert "set MLP_BENCH_DATA as it was then" in message


def test_a_run_of_other_versions_is_refused(file: Path, fakes: Fakes) -> None:  # noqa: F811
    """The backend whose versions have changed is named."""
    fakes.described["torch"] = make_described(versions={"framework": "9.9"})
    message = refusal(file)
    assert "the versions of torch are not those of " in message
    assert "install those, or start a new run" in message


def test_the_run_keeps_its_threads(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the children get is what they had."""
    seen: list[int] = []
    run = changed(file, threads=7)
    from bench.commands import run as run_command

    before = run_command.step_runner
    monkeypatch.setattr(
        run_command, "step_runner",
        lambda session, workloads: seen.append(session.threads) or before(session, workloads),
    )  # fmt: skip
    assert invoke("run", "--resume", file).exit_code == 0
    assert seen == [7] == [run.threads]
