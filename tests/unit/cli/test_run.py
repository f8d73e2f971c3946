"""`run` and `run --resume`, in this process, with an executor that answers at once."""

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import FakeExecutor
from made import make_described, make_failed, make_trained

from bench.cli.run import Settings, finish, run, write_tables
from bench.cli.run_file import command_line, new_path
from bench.machine import slug
from bench.results.hardware import Gpu
from bench.results.store import CannotSave, read_run, write_run
from bench.run.backends import Backend
from bench.run.choices import Refused
from bench.run.groups import Group
from bench.run.plan import Request
from bench.workload import CPU, Axis, Device, workload_for
from bench.workload.inputs import inputs_hash, read_raw

SIZES = {"epochs": 3, "train_samples": 100, "test_samples": 50}
REQUEST = Request(["all"], ["all"], ["relu"], SIZES)
WORKLOAD = workload_for("relu", CPU, **SIZES)


class Reports:
    """A reports folder, and what was done for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables: list[Path] = []  # folders whose tables were asked for
        self.sessions: list[tuple[int, Path]] = []  # threads and folder of logs of each session
        self.limits: list[tuple[int | None, dict[str, str]]] = []  # together, variables kept
        self.write: Callable[[Path], object] = lambda folder: None

    def settings(self, executor: FakeExecutor | None = None, **rest: object) -> Settings:
        """Return settings whose session is the executor."""

        class Faked(Settings):
            def session(
                _,  # noqa: N805
                threads: int,
                logs: Path,
                kept: Mapping[str, str],
            ) -> FakeExecutor:
                self.sessions.append((threads, logs))
                self.limits.append((_.together, dict(kept)))
                return executor or FakeExecutor()

        def note(folder: Path) -> None:
            self.tables.append(folder)
            self.write(folder)

        given = {"timeout": 9.0, "pythons": {}, "until": None, "max_minutes": 60.0, "rounds": 2}
        return Faked(**{**given, **rest}, reports=self.folder, tables=note)

    def run(self, executor: FakeExecutor | None = None, **rest: object) -> int:
        return run(REQUEST, self.settings(executor, **rest))

    def resume(self, executor: FakeExecutor) -> int:
        return finish(self.file, self.settings(executor))

    @property
    def file(self) -> Path:
        """The only run file, and the only file in its folder."""
        (path,) = (self.folder / "runs").iterdir()
        return path


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    """Return a folder for reports that does not exist yet."""
    return Reports(tmp_path / "re ports")


@pytest.fixture
def interrupted(reports: Reports) -> Reports:
    """Return the reports of a run of two rounds that was interrupted after the first."""
    with pytest.raises(KeyboardInterrupt):
        reports.run(honest(raising(KeyboardInterrupt)))
    reports.tables.clear()
    reports.sessions.clear()
    return reports


def honest(on_group: Callable[[Group], object] = lambda group: None) -> FakeExecutor:
    """Return an executor whose trials are given the images that lie here."""
    trained = make_trained(inputs=inputs_hash(read_raw(WORKLOAD), WORKLOAD))
    return FakeExecutor({"numpy": trained, "torch": trained}, on_group=on_group)


def raising(error: type[BaseException]) -> Callable[[Group], None]:
    """Return what raises when the trials of the second round begin."""

    def raise_it(group: Group) -> None:
        if group.round == 1:
            raise error

    return raise_it


def test_a_label_and_a_fleet_are_in_the_run_file_and_the_label_in_its_name(
    reports: Reports,
) -> None:
    reports.run(label="lab-3", fleet="made")
    run = read_run(reports.file)
    assert (run.label, run.fleet) == ("lab-3", "made")
    assert reports.file.stem.endswith("-lab-3")


def test_a_run_saves_every_outcome_and_ends_with_the_answer(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reports.run(threads=1) == 0
    run = read_run(reports.file)
    assert (len(run.gemm_bounds), len(run.verifications), len(run.trials)) == (2, 2, 4)
    assert run.workloads == {WORKLOAD.fingerprint: WORKLOAD}
    assert reports.tables == [reports.folder]
    assert reports.sessions == [(1, reports.folder / "logs" / reports.file.stem)]
    out, err = capsys.readouterr()
    assert out.startswith(f"run file: {reports.file}\n")
    assert out.endswith(f"\ntables and charts: {reports.folder / 'README.md'}\n")
    assert "numpy" in out.partition("round 2")[2]
    asked, plan = err.splitlines()
    assert asked == "asking for devices: numpy, torch …"
    assert re.fullmatch(r"1 point, 2 cases, 2 rounds: about \d+ s", plan)


WIDE = Request(["all"], ["all"], ["relu"], {}, [Axis("width", (4096, 8192)), Axis("depth", (8,))])


def test_more_than_an_hour_is_said_and_refused_on_a_terminal_unless_it_is_wanted(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(Refused, match=r"about \d+\.\d h; expected at most an hour .* add --yes"):
        run(WIDE, reports.settings())
    assert list((reports.folder / "runs").iterdir()) == []
    assert "2 points, 4 cases, 2 rounds: about" in capsys.readouterr().err
    assert run(WIDE, reports.settings(honest_failure(), yes=True)) == 1
    assert len(read_run(reports.file).trials) == 8


def honest_failure() -> FakeExecutor:
    """Return an executor whose trials all fail."""
    return FakeExecutor(dict.fromkeys(("numpy", "torch"), make_failed()))


def test_what_cannot_take_part_is_in_the_run_file(reports: Reports) -> None:
    executor = FakeExecutor()
    executor.backends["absent"] = Backend("absent", Path("absent.py"), missing=("absent",))
    assert reports.run(executor) == 0
    (skipped,) = read_run(reports.file).skipped
    assert (skipped.backend, "not installed (absent)" in skipped.reason) == ("absent", True)


def seeing(name: str, **rest: Any) -> FakeExecutor:
    """Return an executor with one backend, whose framework gives its accelerator this name."""
    gpu = Gpu(name, device=Device("opencl", 0))
    described = make_described(["cpu", "opencl:0"], tinygrad="0.14.0")
    return FakeExecutor(
        {"tinygrad": make_trained(inputs=inputs_hash(read_raw(WORKLOAD), WORKLOAD))},
        {"tinygrad": msgspec.structs.replace(described, accelerators=(gpu,))},
        **rest,
    )


def test_a_machine_has_the_accelerators_that_only_a_framework_names(reports: Reports) -> None:
    """They are in the name of the run file, its logs' folder and its machine's page."""
    reports.run(seeing("Adreno 740"))
    run = read_run(reports.file)
    assert run.machine.gpus[-1] == Gpu("Adreno 740", device=Device("opencl", 0))
    assert "adreno-740" in reports.file.stem
    assert reports.file.stem.endswith(slug(run.machine))
    assert reports.sessions[-1][1] == reports.folder / "logs" / reports.file.stem


def test_a_run_is_not_finished_on_another_accelerator(reports: Reports) -> None:
    with pytest.raises(KeyboardInterrupt):
        reports.run(seeing("Adreno 740", on_group=raising(KeyboardInterrupt)))
    with pytest.raises(Refused, match=r"adreno-740.*expected this one.*adreno-750"):
        reports.resume(seeing("Adreno 750"))
    assert reports.resume(seeing("Adreno 740")) == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, SystemExit])
def test_a_run_that_does_not_end_writes_its_tables_and_says_how_to_finish_it(
    error: type[BaseException],
    reports: Reports,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "run", "--quick", "--until", "3 %", "--timeout=9"])

    def interrupt(folder: Path) -> None:  # people press Ctrl-C more than once
        raise error

    reports.write = interrupt
    with pytest.raises(error):
        reports.run(FakeExecutor(on_group=raising(error)))
    assert len(read_run(reports.file).trials) == 2
    assert reports.tables == [reports.folder]
    said = capsys.readouterr().err.splitlines()[-1]
    command = said.removeprefix("the run is not finished; finish it with: ")
    file = str(reports.file)
    assert shlex.split(command)[4:] == ["--resume", file, "--until", "3 %", "--timeout=9"]


def test_tables_that_cannot_be_written_are_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotSave, match="could not be written: the reason stands above"):
        write_tables(tmp_path / "file")
    assert "is a file" in capfd.readouterr().err


def test_where_nothing_can_be_saved_any_more_the_run_ends_without_tables(
    reports: Reports,
) -> None:
    runs, moved = reports.folder / "runs", reports.folder / "moved"

    def lose_the_folder(group: Group) -> None:
        if group.round == 1:
            runs.rename(moved)
            runs.write_text("a file in the folder's place")

    executor = FakeExecutor(on_group=lose_the_folder)
    with pytest.raises(CannotSave, match=r"cannot be saved: .* make room, or name another folder"):
        reports.run(executor, rounds=3)
    assert [group.round for group in executor.groups] == [0, 1]
    assert reports.tables == []
    (file,) = moved.iterdir()
    assert len(read_run(file).trials) == 2


def test_two_runs_of_one_second_have_two_files(tmp_path: Path) -> None:
    first = new_path(tmp_path, "stem")
    first.touch()
    assert [first.name, new_path(tmp_path, "stem").name] == ["stem.json", "stem-2.json"]


def test_a_full_disk_is_said_before_the_first_trial(tmp_path: Path) -> None:
    said = r"bytes left; expected 1,000,000,000,000,000,000: make room, or name"
    with pytest.raises(CannotSave, match=said):
        new_path(tmp_path, "stem", room_bytes=10**18)


@pytest.mark.parametrize(
    "given", [["--reports", "my folder", "--quick"], ["--quick", "--reports=my folder"]]
)
def test_the_command_that_measures_again_leaves_out_where_the_reports_go(given: list[str]) -> None:
    command = command_line(["run", "--backend", "a b", *given])
    assert command == "python -m bench run --backend 'a b' --quick"


def test_resuming_does_only_what_is_missing(interrupted: Reports) -> None:
    before, executor = read_run(interrupted.file), honest()
    assert interrupted.resume(executor) == 0
    assert (executor.verified, [group.round for group in executor.groups]) == ([], [1])
    after = read_run(interrupted.file)
    assert (after.trials[:2], after.gemm_bounds[:1]) == (before.trials, before.gemm_bounds)
    none = {"trials": (), "gemm_bounds": ()}
    assert msgspec.structs.replace(after, **none) == msgspec.structs.replace(before, **none)
    assert len(after.trials) == 4


def test_a_resumed_run_keeps_its_threads_logs_and_place(
    interrupted: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = interrupted.file
    write_run(file, msgspec.structs.replace(read_run(file), threads=7))
    monkeypatch.chdir(file.parent)
    assert finish(Path(file.name), interrupted.settings(honest())) == 0
    assert interrupted.sessions == [(7, interrupted.folder / "logs" / file.stem)]
    assert interrupted.tables == [interrupted.folder]
    assert interrupted.file == file


def test_a_resumed_run_takes_turns_and_inherits_as_before(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the shell's variables are by then."""
    monkeypatch.setenv("XLA_FLAGS", "--one")
    with pytest.raises(KeyboardInterrupt):
        reports.run(honest(raising(KeyboardInterrupt)), together=2, keep=["XLA_FLAGS"])
    monkeypatch.setenv("XLA_FLAGS", "--another")
    assert reports.resume(honest()) == 0
    assert reports.limits == 2 * [(2, {"XLA_FLAGS": "--one"})]


def test_a_variable_that_is_not_set_cannot_be_kept(reports: Reports) -> None:
    with pytest.raises(Refused, match=r"no variable 'FLAGS=1' is set in this shell"):
        reports.run(keep=["FLAGS=1"])
    assert list((reports.folder / "runs").iterdir()) == []


def test_that_nothing_is_missing_is_said(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    reports.run(honest())
    assert "is complete" not in capsys.readouterr().err
    assert reports.resume(honest()) == 0
    assert f"{reports.file.name} is complete: there is nothing left" in capsys.readouterr().err


def test_a_resumed_run_needs_the_versions_that_it_had(interrupted: Reports) -> None:
    before = interrupted.file.read_bytes()
    newer = {"numpy": make_described(), "torch": make_described(framework="9.9")}
    executor = FakeExecutor(described=newer)
    with pytest.raises(Refused, match=r"torch changed since .* was begun"):
        interrupted.resume(executor)
    assert (executor.groups, interrupted.file.read_bytes()) == ([], before)


def test_until_adds_rounds_until_what_is_known_the_least_is_known_well_enough(
    reports: Reports,
) -> None:
    seconds = iter([0.25, 0.35, 0.251, *[0.25] * 100])
    trained = {"numpy": lambda: make_trained(next(seconds))}
    executor = FakeExecutor(trained, described={"numpy": make_described()})
    assert reports.run(executor, rounds=1, until=0.10) == 0
    rounds = [group.round for group in executor.groups]
    assert 3 <= len(rounds) < 20
    run = read_run(reports.file)
    assert rounds == list(range(run.rounds))
    assert len(run.extra_epochs) == run.rounds


def test_until_begins_no_round_when_the_minutes_are_over(
    reports: Reports, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = FakeExecutor()
    assert reports.run(executor, rounds=1, until=0.02, max_minutes=1e-9) == 0
    assert len(executor.groups) == 1
    assert "s, then more rounds until ± 2 %, for at most 1e-09 min\n" in capsys.readouterr().err
