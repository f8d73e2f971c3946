"""`run` from end to end: faulty backends, interruptions, places that cannot be written to."""

import getpass
import platform
import re
import shutil
import signal
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from made import make_failed
from toys import (
    HONEST,
    PATIENCE_SECONDS,
    SMALL,
    Fakes,
    all_ended,
    bench,
    fakes,  # noqa: F401
    faulty_model,
    invoke,
    numbers_in,
    only_run,
    only_run_file,
    until,
    without_frameworks,
    write_toy,
)

from bench import discovery, lock, records
from bench.cli import main
from bench.commands import run as run_command
from bench.records import Failed, Floor, Proved, Run, Trained, read_run, write_run


class Outcome(NamedTuple):
    """What is left of a run."""

    exit_code: int
    output: str
    reports: Path


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Run `all` backends of a folder once: an honest one, three that fail, one not installed."""
    folder = tmp_path_factory.mktemp("faults")
    toys, reports, before = folder / "toys", folder / "reports", signal.getsignal(signal.SIGTERM)
    write_toy(toys, "honest")
    write_toy(toys, "raises", faulty_model("raise ValueError('no luck')"))
    write_toy(toys, "killed", faulty_model("os.kill(os.getpid(), signal.SIGKILL)"))
    write_toy(toys, "half", faulty_model("Path(sys.argv[2]).write_text('{'); os._exit(0)"))
    header = '# /// script\n# dependencies = ["absent-thing>=2"]\n# ///\n'
    write_toy(toys, "absent", f"{header}import absent_thing\n{HONEST}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(lock.VARIABLE, str(folder))
        patch.setenv("PYTHONPATH", str(without_frameworks(folder / "without")))
        patch.delenv(discovery.FOLDER_VARIABLE, raising=False)
        patch.setattr(discovery, "folders", lambda: [toys])
        result = invoke("run", "--quick", *SMALL, "--reports", reports)
    signal.signal(signal.SIGTERM, before)
    assert "Traceback" not in result.output, result.output
    return Outcome(result.exit_code, result.output, reports)


def results(run: Run, backend: str) -> list[object]:
    """Return what the trials of a backend brought."""
    return [trial.result for trial in run.trials if trial.cell.backend == backend]


def test_a_failed_trial_stops_no_other(outcome: Outcome) -> None:
    """Every proof and every trial has its outcome, and the exit status says that some failed."""
    run = only_run(outcome.reports)
    assert outcome.exit_code == 1
    assert {cell.backend for cell in run.cells} == {"half", "honest", "killed", "raises"}
    assert len(run.proofs) == len(run.trials) == 4
    (trained,) = results(run, "honest")
    assert isinstance(trained, Trained)
    (proved,) = [proof.result for proof in run.proofs if proof.cell.backend == "honest"]
    assert isinstance(proved, Proved)
    assert proved.holds
    assert "6 of the proofs and trials failed: see the tables" in outcome.output


@pytest.mark.parametrize(
    ("backend", "kind", "reason"),
    [
        ("raises", "raised", "ValueError: no luck"),
        ("killed", "killed", "ended by SIGKILL, perhaps for want of memory"),
        ("half", "no result", "the result cannot be read: Input data was truncated"),
    ],
)
def test_a_failed_row_says_why(outcome: Outcome, backend: str, kind: str, reason: str) -> None:
    """In the run file, in the table of failures, and as it happened."""
    (failed,) = results(only_run(outcome.reports), backend)
    assert isinstance(failed, Failed)
    assert (failed.kind, failed.reason) == (kind, reason)
    (page,) = [path for path in outcome.reports.glob("*.md") if path.name != "README.md"]
    assert f"- {backend} on cpu, relu, round 1: {kind}: {reason}" in page.read_text()
    assert f"{backend} · cpu · relu: FAILED: {kind}: {reason}" in outcome.output


def test_a_failed_row_keeps_the_last_lines_of_the_log(outcome: Outcome) -> None:
    """They stand in the run file and in the table; the whole log lies beside it."""
    (failed,) = results(only_run(outcome.reports), "raises")
    assert isinstance(failed, Failed)
    assert failed.log_tail[-1] == "ValueError: no luck"
    logs = {path.name: path for path in outcome.reports.glob("logs/*/*.log")}
    assert "raise ValueError('no luck')" in logs["raises-cpu-relu-train-0.log"].read_text()
    assert not [name for name in logs if name.startswith("honest")]


def test_a_backend_that_is_not_installed_is_skipped_by_all(outcome: Outcome) -> None:
    """A skipped row with the command that installs it."""
    (skipped,) = only_run(outcome.reports).skipped
    assert skipped.backend == "absent"
    assert "python -m pip install 'absent-thing>=2'" in skipped.reason
    pages = "".join(path.read_text() for path in outcome.reports.glob("*.md"))
    assert "absent-thing&gt;=2" in pages


def test_quick_is_one_round_of_three_epochs_and_hands_on(outcome: Outcome) -> None:
    """What is given beside --quick holds as well."""
    run = only_run(outcome.reports)
    (workload,) = run.workloads.values()
    assert (run.rounds, workload.epochs, workload.variant) == (1, 3, "relu")
    assert (workload.train_samples, workload.test_samples) == (256, 50)


def test_progress_is_plain_lines_when_nobody_watches(outcome: Outcome) -> None:
    """One line a step, numbered, without control characters."""
    lines = [line for line in outcome.output.splitlines() if line.startswith("[")]
    assert [line.split()[0] for line in lines] == [f"[{n}/9]" for n in range(1, 10)]
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", outcome.output)
    assert re.search(r"round 1  honest · cpu · relu: \S+ s/epoch, accuracy 0\.\d+", outcome.output)


def test_the_floor_is_measured(outcome: Outcome) -> None:
    """Once, for the one device, the one workload and the one round."""
    (floor,) = only_run(outcome.reports).floors
    assert isinstance(floor.result, Floor)


def test_a_run_file_names_nobody(outcome: Outcome) -> None:
    """Neither the machine nor its user nor their home folder."""
    text = only_run_file(outcome.reports).read_text()
    for name in (platform.node(), getpass.getuser(), str(Path.home())):
        if len(name) > 4:  # "root" and the like are words
            assert name not in text, name


# Its second trial hangs, deaf to SIGTERM and with a grandchild, until the file `go` is there.
SLEEPER = faulty_model("""\
here = Path(__file__).parent
with (here / "trials").open("a") as trials:
    trials.write("." if len(train.images) != 496 else "")
if len((here / "trials").read_text()) == 2 and not (here / "go").exists():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    helper = subprocess.Popen(["sleep", "1000"])
    (here / "new").write_text(f"{os.getpid()} {helper.pid}")
    (here / "new").rename(here / "numbers")
    time.sleep(1000)
""")


class Sleeping(NamedTuple):
    """A run in a process of its own that is in the middle of its second trial."""

    process: "bench.Popen[str]"  # type: ignore[name-defined]
    toys: Path
    reports: Path

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; return exit status and all that it printed, nobody being left."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        until(lambda: all_ended(numbers_in(self.toys / "numbers", 2)), "child and helper end")
        return self.process.returncode, out + err


@pytest.fixture
def sleeping(tmp_path: Path) -> Iterator[Sleeping]:
    """Start a run whose second trial hangs."""
    toys, reports = tmp_path / "toys", tmp_path / "reports"
    write_toy(toys, "sleeper", SLEEPER)
    options = ("--backend", "sleeper", "--rounds", "2", "--epochs", "2", *SMALL)
    with bench("run", *options, "--reports", str(reports), toys=toys) as process:
        try:
            until(
                lambda: numbers_in(toys / "numbers", 2) or process.poll() is not None,
                "the second trial begins",
            )
            assert process.poll() is None, process.communicate()
            yield Sleeping(process, toys, reports)
        finally:
            process.kill()


def test_an_interrupted_run_can_be_resumed(sleeping: Sleeping) -> None:
    """Ctrl-C: children ended, run file valid, tables written, 130; then only the rest is done."""
    status, output = sleeping.end(signal.SIGINT)
    path = only_run_file(sleeping.reports)
    assert status == 130
    assert "Traceback" not in output
    assert f"what is missing can be done later: python -m bench run --resume {path}" in output
    before = read_run(path)
    assert (len(before.proofs), len(before.trials)) == (1, 1)
    assert (sleeping.reports / "README.md").exists()
    (sleeping.toys / "go").touch()
    with bench("run", "--resume", str(path), toys=sleeping.toys) as process:
        output = "".join(process.communicate(timeout=PATIENCE_SECONDS))
    assert process.returncode == 0, output
    after = read_run(path)
    assert (after.proofs, after.floors) == (before.proofs, before.floors)
    assert after.trials[:1] == before.trials
    assert [trial.round for trial in after.trials] == [0, 1]
    assert "[5/5] round 2  sleeper" in output


def test_a_run_that_is_told_to_end_holds_the_machine_until_then(sleeping: Sleeping) -> None:
    """A second one is refused, naming the process; SIGTERM is as good as Ctrl-C."""
    for command in (("run", "--reports", str(sleeping.reports)), ("verify",)):
        with bench(*command, "--backend", "numpy") as second:
            out, err = second.communicate(timeout=PATIENCE_SECONDS)
        assert (second.returncode, out) == (2, "")
        assert f"another run is measuring on this machine: process {sleeping.process.pid}" in err
        assert "-m bench run" in err
        assert "two at once would spoil both: wait for it, or end it" in err
    status, output = sleeping.end(signal.SIGTERM)
    assert status == 130
    assert "Traceback" not in output
    assert len(only_run(sleeping.reports).trials) == 1
    assert (sleeping.reports / "README.md").exists()


def test_output_that_cannot_show_every_letter_ends_no_run(
    fakes: Fakes, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """What it lacks is replaced."""
    result = CliRunner(charset="ascii").invoke(main, ["run", "--quick", "--reports", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "proof    numpy ? cpu ? relu: proved" in result.output


def test_a_killed_run_leaves_a_sound_file_and_no_child(sleeping: Sleeping) -> None:
    """SIGKILL: nobody ends the children but themselves, and the lock is free."""
    status, _ = sleeping.end(signal.SIGKILL)
    assert status == -signal.SIGKILL
    assert len(only_run(sleeping.reports).trials) == 1
    assert list((sleeping.reports / "runs").iterdir()) == [only_run_file(sleeping.reports)]
    with lock.only_run():
        pass


def test_an_interruption_while_devices_are_asked_for_leaves_nothing(tmp_path: Path) -> None:
    """Nothing has been planned yet: no run file, and the child that was asked is ended."""
    source = """
    import os, time
    from pathlib import Path
    Model = object
    def versions(): return {}
    def devices():
        here = Path(__file__).parent
        (here / "new").write_text(str(os.getpid()))
        (here / "new").rename(here / "numbers")
        time.sleep(1000)
    """
    write_toy(tmp_path / "toys", "toy", source)
    reports = tmp_path / "reports"
    numbers = tmp_path / "toys" / "numbers"
    options = ("--backend", "toy", "--reports", str(reports))
    with bench("run", *options, toys=tmp_path / "toys") as process:
        until(lambda: numbers_in(numbers, 1) or process.poll() is not None, "it is asked")
        process.send_signal(signal.SIGINT)
        output = "".join(process.communicate(timeout=PATIENCE_SECONDS))
    assert process.returncode == 130, output
    assert "Traceback" not in output
    until(lambda: all_ended(numbers_in(numbers, 1)), "the child ends")
    assert not list((reports / "runs").iterdir())


def test_a_pipe_that_nobody_reads_any_more_says_how_to_go_on(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """As in `bench run | head -1`: rich then leaves with status 1, after the tables."""
    monkeypatch.setattr(run_command, "show", lambda *rest: sys.exit(1))
    result = invoke("run", "--quick", "--reports", tmp_path)
    assert (result.exit_code, fakes.reported) == (1, [tmp_path])
    assert f"python -m bench run --resume {only_run_file(tmp_path)}" in result.output


def test_an_interruption_of_the_tables_says_how_to_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C, or one at the end: both commands that are left are named."""

    def interrupted(*rest: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_command.subprocess, "run", interrupted)
    said: list[str] = []
    monkeypatch.setattr(run_command, "_say", said.append)
    path = tmp_path / "re ports" / "runs" / "run.json"
    with pytest.raises(KeyboardInterrupt), run_command._tables_afterwards(path):
        raise KeyboardInterrupt
    tables, rest = said
    assert tables.endswith(f"python -m bench report --reports '{tmp_path}/re ports'")
    assert rest.endswith(f"python -m bench run --resume '{path}'")


def test_a_sound_run_ends_with_its_tables(fakes: Fakes, tmp_path: Path) -> None:  # noqa: F811
    """Exit status 0, and the outcome of every step saved."""
    result = invoke("run", "--rounds", "2", "--reports", tmp_path)
    assert result.exit_code == 0, result.output
    run = only_run(tmp_path)
    assert (len(run.floors), len(run.proofs), len(run.trials)) == (2, 2, 4)
    assert fakes.reported == [tmp_path]


def test_one_failure_among_many_is_exit_status_1(
    fakes: Fakes, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """And the others are there."""
    fakes.failing["torch"] = make_failed("timed out", "no result after 9 s")
    result = invoke("run", "--rounds", "1", "--reports", tmp_path)
    assert result.exit_code == 1
    assert "1 of the proofs and trials failed: see the tables" in result.output
    assert len(only_run(tmp_path).trials) == 2


def test_two_runs_of_one_second_have_two_files(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """The second is numbered; nothing is overwritten."""
    moment = run_command.datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=run_command.datetime.UTC)

    class Stopped(run_command.datetime.datetime):
        @classmethod
        def now(cls, zone: object = None) -> "Stopped":
            return moment  # type: ignore[return-value]

    monkeypatch.setattr(run_command.datetime, "datetime", Stopped)
    for _ in range(2):
        assert invoke("run", "--rounds", "1", "--reports", tmp_path).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert len(names) == 2
    assert all(name.startswith("2026-01-02T030405Z-") for name in names)


def test_a_full_disk_is_said_before_the_first_trial(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """How much is left, how much is needed, what to do."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 4_096))
    result = invoke("run", "--reports", tmp_path)
    assert result.exit_code == 2
    assert (
        f"error: {tmp_path / 'runs'} has 4,096 bytes left; expected 20,000,000: make room, or name "
        "another folder with --reports"
    ) in result.output
    assert not fakes.steps


def test_a_folder_that_cannot_be_written_to_is_said_before_the_first_trial(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """The first thing that is saved is the plan."""

    def refuse(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(records, "write_atomically", refuse)
    result = invoke("run", "--reports", tmp_path)
    assert result.exit_code == 2
    assert "cannot be saved: [Errno 13] Permission denied" in result.output
    assert "make room, or name another folder with --reports" in result.output
    assert not fakes.steps


def test_a_disk_that_fills_ends_the_run_at_once(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    """The old file is intact and whole, no half-written one lies beside it, no trial follows."""
    saves: list[Path] = []

    def save(path: Path, run: Run) -> None:
        saves.append(path)
        if len(saves) == 4:
            monkeypatch.setattr("os.fsync", full)
        write_run(path, run)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_command, "write_run", save)
    result = invoke("run", "--rounds", "3", "--reports", tmp_path)
    assert result.exit_code == 2
    path = only_run_file(tmp_path)
    assert f"error: {path} cannot be saved: [Errno 28] No space left on device" in result.output
    assert "what it held before is unharmed" in result.output
    assert len(fakes.steps) == 3
    assert not fakes.reported, "where a run file finds no room tables would find none"
    run = read_run(path)
    assert len(run.floors) + len(run.proofs) + len(run.trials) == 2
    assert list((tmp_path / "runs").iterdir()) == [path]


def test_broken_files_among_the_runs_are_named_and_left_alone(
    fakes: Fakes, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    """The rest is reported."""
    assert invoke("run", "--rounds", "1", "--reports", tmp_path).exit_code == 0
    sound = only_run_file(tmp_path).read_text()
    strangers = {
        "broken.json": sound[: len(sound) // 2],
        "deep.json": "[" * 200_000,
        "empty.json": "",
        "foreign.json": '{"name": "package"}',
        "list.json": "[1, 2]",
        "newer.json": sound.replace('"schema": ', '"schema": 99', 1),
        "unknown.json": sound.replace('"schema": ', '"surprise": 1, "schema": ', 1),
    }
    for name, text in strangers.items():
        (tmp_path / "runs" / name).write_text(text)
    (tmp_path / "runs" / "binary.json").write_bytes(bytes(range(256)))
    (tmp_path / "runs" / "folder.json").mkdir()
    result = invoke("report", "--reports", tmp_path)
    assert result.exit_code == 0, (result.output, result.exception)
    for name in (*strangers, "binary.json", "folder.json"):
        assert f"left out: {name} " in result.output, name
    assert result.output.count("left out: ") == 9
    assert f"wrote {tmp_path / 'README.md'}" in result.output
    assert {name: (tmp_path / "runs" / name).read_text() for name in strangers} == strangers
