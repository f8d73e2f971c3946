"""The command line: what it refuses, in which words, and with which exit status."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from toys import HONEST, write_toy

from bench import discovery, idx, machine
from bench.cli import main
from bench.commands import run as run_command
from bench.discovery import FOLDER_VARIABLE
from bench.lock import VARIABLE as LOCK_FOLDER


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse before any child: whoever starts one fails the test. SIGTERM stays as it was."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("bench.session.run_child", lambda *rest, **more: pytest.fail("a child"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    yield
    signal.signal(signal.SIGTERM, before)


def bench(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> str:
    """Return the message of a command that is refused with exit status 2."""
    result = bench(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    return re.sub(r"\s+", " ", result.output)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Return a folder for reports that does not exist yet."""
    return tmp_path / "reports"


@pytest.mark.parametrize(
    ("asked", "named", "near"),
    [
        (("--backend", "nmpy"), "backend 'nmpy'", "'numpy'"),
        (("--backend", "numpy,tourch"), "backend 'tourch'", "'torch'"),
        (("--backend", "numpy", "--variant", "reul"), "variant 'reul'", "'relu'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_and_the_list(
    reports: Path, asked: tuple[str, ...], named: str, near: str
) -> None:
    """The message names it, guesses what was meant, and lists what there is."""
    message = refusal("run", "--reports", reports, *asked)
    assert f"there is no {named}: did you mean {near}? There are: " in message
    assert near.strip("'") in message.partition("There are: ")[2]


@pytest.mark.parametrize("option", ["--backend", "--variant"])
@pytest.mark.parametrize("names", ["", ",", " , "])
def test_no_name_at_all_is_refused(reports: Path, option: str, names: str) -> None:
    """A list without a name is a slip, not a wish for nothing."""
    message = refusal("run", "--reports", reports, option, names)
    assert f"{option} names none; expected a name" in message


@pytest.mark.parametrize("option", ["--rounds", "--epochs", "--train-samples", "--test-samples"])
@pytest.mark.parametrize("number", ["0", "-3", "1000000000000", "2.5", "many"])
def test_numbers_outside_their_range_are_refused(option: str, number: str) -> None:
    """The message holds the option, the value and the range."""
    message = refusal("run", option, number)
    assert f"'{option}': " in message
    assert number in message
    assert "1<=x<=" in message or "is not a valid integer" in message


def test_there_are_only_so_many_images() -> None:
    """The range of both sizes ends with the number of images in the files."""
    assert "1<=x<=60000" in refusal("run", "--train-samples", "60001")
    assert "1<=x<=10000" in refusal("run", "--test-samples", "10001")


@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_threads_are_refused(number: str) -> None:
    """At least one is needed."""
    assert f"{number} is not in the range x>=1" in refusal("run", "--threads", number)


@pytest.mark.parametrize("command", ["run", "verify"])
def test_more_threads_than_processors_are_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The message says how many this process may use."""
    monkeypatch.setattr(machine, "usable_cores", lambda threads: [0, 1, 2])
    monkeypatch.setattr(run_command, "REPORTS", tmp_path, raising=False)
    extra = ("--reports", tmp_path) if command == "run" else ()
    message = refusal(command, "--backend", "numpy", "--threads", "4", *extra)
    assert "--threads 4 is more than this process may use; expected 1 to 3: give fewer" in message


@pytest.mark.parametrize("option", ["--timeout", "--max-minutes"])
@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "soon"])
def test_a_duration_is_a_number_above_zero(option: str, seconds: str) -> None:
    """What is not a number is none either."""
    message = refusal("run", option, seconds)
    assert f"'{option}': " in message
    assert seconds in message


@pytest.mark.parametrize("share", ["0", "-5%", "nan", "two", "2000%", "2", "1"])
def test_a_share_is_a_percentage_or_a_fraction(share: str) -> None:
    """The message shows how to write one."""
    assert "expected something like 5% or 0.05" in refusal("run", "--until", share)


@pytest.mark.parametrize(
    "python", ["torch", "torch=", f"={sys.executable}", "torch=/nonexistent", f"torch={__file__}"]
)
def test_an_interpreter_is_a_file_that_can_be_executed(python: str) -> None:
    """The message repeats what was given and shows the form."""
    message = refusal("run", "--python", python)
    assert f"--python {python!r} names no interpreter; expected BACKEND=PATH: give" in message


@pytest.mark.parametrize("command", ["run", "verify", "list"])
def test_an_interpreter_of_no_backend_is_refused(
    command: str, tmp_path: Path, reports: Path
) -> None:
    """A slip in its name would otherwise go unnoticed."""
    python = tmp_path / "python"
    python.touch(mode=0o755)
    extra = ("--reports", reports) if command == "run" else ()
    message = refusal(command, *extra, "--python", f"tourch={python}")
    assert "--python tourch=…: there is no backend 'tourch': did you mean 'torch'? " in message


def test_a_backend_that_is_not_installed_is_refused_with_its_command(
    tmp_path: Path, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for by name, it is worth a command to copy."""
    header = '# /// script\n# dependencies = ["absent-thing>=2"]\n# ///\n'
    write_toy(tmp_path, "toy", f"{header}import absent_thing\n{HONEST}")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    message = refusal("run", "--reports", reports, "--backend", "toy")
    assert "the backend 'toy' cannot run here, it is not installed (absent_thing): " in message
    assert "python -m pip install 'absent-thing>=2'" in message


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def (", "SyntaxError: invalid syntax (toy.py, line 1)"),
        ("def devices(): ...", "it does not define versions, Model: see bench/contract.py"),
    ],
)
def test_a_broken_backend_is_refused_with_the_reason(
    tmp_path: Path, reports: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    """Its file says what is wrong before anything is started."""
    write_toy(tmp_path, "toy", source)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    message = refusal("run", "--reports", reports, "--backend", "toy")
    assert "the backend 'toy' cannot run here, it is broken: " in message
    assert why in message.replace(f"{tmp_path}/", "")


def test_two_backends_of_one_name_are_refused(
    tmp_path: Path, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another numpy.py must not pass for the reference."""
    write_toy(tmp_path, "numpy")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    message = refusal("run", "--reports", reports, "--backend", "numpy")
    assert "there are 2 of that name: " in message
    assert str(discovery.SHIPPED / "numpy.py") in message
    assert message.endswith("rename one ")


@pytest.mark.parametrize("command", ["run", "verify", "list"])
def test_a_folder_of_backends_that_is_none_is_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A slip in the variable would otherwise look like a missing backend."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    extra = ("--reports", tmp_path) if command == "run" else ()
    message = refusal(command, *extra)
    assert f"{FOLDER_VARIABLE} is '{tmp_path}/nowhere', which is no folder; expected" in message


def linked_images(folder: Path) -> Path:
    """Return a folder with links to the shipped images, each of which can be replaced."""
    folder.mkdir()
    for path in idx.SHIPPED.glob("*.gz"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize("command", ["run", "verify"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: [Errno 2]"),
        (b"hello", "cannot be read: Not a gzipped file"),
        ("truncated", "cannot be read: Compressed file ended before"),
        ("labels", "has 10,008 bytes and starts with 00 00 08 01 00 00 27 10"),
    ],
    ids=["missing", "foreign", "truncated", "wrong"],
)
def test_a_bad_data_file_is_named(
    command: str, content: bytes | str | None, message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Which file, what was found and expected, and what to do, before anything is started."""
    folder = linked_images(tmp_path / "images")
    path = folder / "t10k-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.unlink()
    if content == "labels":
        content = (idx.SHIPPED / "t10k-labels-idx1-ubyte.gz").read_bytes()
    if content is not None:
        path.write_bytes(whole[:100_000] if isinstance(content, str) else content)
    monkeypatch.setenv(idx.VARIABLE, str(folder))
    extra = ("--reports", tmp_path / "reports") if command == "run" else ()
    said = refusal(command, "--backend", "numpy", *extra)
    assert f"error: {path} {message}" in said
    assert said.endswith("restore it, or unset MLP_BENCH_DATA to use the shipped MNIST ")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("place", ["reports", "reports/runs"])
def test_a_file_in_the_folders_place_is_refused(tmp_path: Path, place: str) -> None:
    """Where no run file could be saved no trial is started."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("in the way")
    message = refusal("run", "--backend", "numpy", "--reports", tmp_path / "reports")
    assert str(tmp_path / place) in message
    assert "--reports" in message


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_readme_of_somebody_is_not_overwritten(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty name is the current folder: often one that is full of other things."""
    (tmp_path / "README.md").write_text("# My project")
    monkeypatch.chdir(tmp_path)
    message = refusal(command, "--reports", "")
    assert "README.md is not a page of results and would be overwritten; expected" in message
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    (tmp_path / "README.md").write_text("# Results\n\nold")
    assert bench("report", "--reports", "").exit_code == 0


def test_a_lock_that_cannot_be_had_is_refused(
    tmp_path: Path, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for another run."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(LOCK_FOLDER, str(tmp_path / "file"))
    message = refusal("run", "--reports", reports)
    assert "the lock " in message
    assert f"name another one in the variable {LOCK_FOLDER}" in message


@pytest.mark.parametrize(
    "option",
    [("--rounds", "3"), ("--epochs", "2"), ("--backend", "numpy"), ("--device", "cpu"),
     ("--variant", "sigmoid"), ("--threads", "1"), ("--quick",), ("--reports", "elsewhere")],
)  # fmt: skip
def test_a_resumed_run_keeps_its_own_options(option: tuple[str, ...]) -> None:
    """An option that would be ignored is refused instead."""
    message = refusal("run", "--resume", "run.json", *option)
    assert f"error: {option[0]} cannot go with --resume: a resumed run keeps its own" in message


@pytest.mark.parametrize("option", [(), ("--device", "all"), ("--timeout", "9"), ("--until", "2%")])
def test_what_a_run_file_does_not_hold_may_be_given(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    """Among it what says no more than the default, as tox does; here the file is missing."""
    message = refusal("run", "--resume", tmp_path / "run.json", *option)
    assert "error: run.json is not a run file: [Errno 2]" in message


def test_unknown_commands_and_options_are_refused() -> None:
    """With the way to the help."""
    assert "No such command 'mesure'" in refusal("mesure")
    assert "Try 'main run --help' for help." in refusal("run", "--frobnicate")


@pytest.mark.parametrize("command", [(), ("run",)])
def test_the_help_explains_the_words(command: tuple[str, ...]) -> None:
    """Each word of the tables stands in it, with what it means."""
    result = bench(*command, "--help")
    assert result.exit_code == 0
    for word in ("backend", "device", "variant", "workload", "trial", "round", "run", "proof"):
        assert re.search(rf"^ *{word}  +\w", result.output, re.MULTILINE), word


def test_every_option_has_a_help() -> None:
    """Of every command."""
    for command in main.commands.values():
        assert command.help
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert all(option.help for option in options), command.name


def test_the_list_shows_every_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready, not installed and how to install it, broken and why: nothing is imported for it."""
    header = '# /// script\n# dependencies = ["absent-thing>=2"]\n# [tool.bench]\n'
    header += '# purpose = "A toy"\n# ///\n'
    write_toy(tmp_path, "absent", f"{header}import absent_thing\n{HONEST}")
    write_toy(tmp_path, "ruin", "def devices(): ...")
    write_toy(tmp_path, "toy", header + HONEST + "raise SystemExit('imported!')\n")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    result = bench("list")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: re.sub(" +", " ", line) for line in result.output.splitlines()}
    assert lines["absent"] == "absent not installed python -m pip install 'absent-thing>=2'"
    assert lines["ruin"].startswith("ruin broken it does not define versions, Model")
    assert lines["toy"].rstrip() == "toy ready A toy"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", [["--help"], ["list"]])
def test_a_full_disk_under_the_output_is_said(command: list[str]) -> None:
    """No traceback: the reason stands on the other stream, the status is 2."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench", *command], stdout=full, stderr=subprocess.PIPE,
            text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: what is printed cannot be written: No space left")
    assert len(done.stderr.splitlines()) == 1
