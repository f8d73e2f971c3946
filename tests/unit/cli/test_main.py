"""The command line: what it refuses, in which words, and with which exit status."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench import ROOT
from bench.cli import main as module
from bench.cli.main import main, start
from bench.cli.outside import ENDING
from bench.run.backends import FOLDER_VARIABLE
from bench.workload import mnist


@pytest.fixture(autouse=True)
def signals_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no command change what signals do to the tests, and no variable add backends."""
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = list(map(signal.getsignal, numbers))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def bench(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> str:
    """Return the message, on one line, of a command that is refused with exit status 2."""
    result = bench(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    return re.sub(r"\s+", " ", result.output)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("--backend", "numpy,tourch"), "no backend 'tourch'. Did you mean 'torch'? There are: "),
        (("--variant", "reul"), "no variant 'reul'. Did you mean 'relu'? There are: sigmoid, relu"),
        (("--backend", " , "), "--backend names none; expected a name"),
        (("--backend", "numpy", "--threads", "99999"), "--threads 99999 is more than this process"),
        (("--python", f"tourch={sys.executable}"), "--python tourch=…: there is no backend"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_started(
    asked: tuple[str, ...], answer: str, tmp_path: Path
) -> None:
    for command in (("run", "--reports", tmp_path), ("verify",)):
        assert answer in refusal(*command, *asked)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--rounds", "0", "0 is not in the range 1<=x<=1000."),
        ("--epochs", "2.5", "'2.5' is not a valid integer"),
        ("--epochs", "1000000000000", "is not in the range 1<=x<=1000."),
        ("--test-samples", "10001", "10001 is not in the range 1<=x<=10000."),
        ("--timeout", "0", "0.0 is not in the range x>0"),
        ("--timeout", "nan", "'nan' is not a number; expected one above 0"),
        ("--max-minutes", "soon", "'soon' is not a valid float"),
        *(("--until", share, f"{share!r} is not a percentage; expected something like 5% or 0.05")
          for share in ("0", "-5%", "nan", "two", "2000%", "2", "1")),
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_is_refused(option: str, value: str, message: str) -> None:
    said = refusal("run", option, value)
    assert f"'{option}': " in said
    assert message in said


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (
            "--batch-size",
            "0",
            "'0' given for the batch size; expected whole numbers from 1 to 60,000",
        ),
        ("--batch-size", "60001", "several separated by commas: for example 8,32,128"),
        ("--batch-size", "1e3", "'1e3' given for the batch size; expected whole numbers"),
        ("--batch-size", "128,128", "expected every value once: leave out the repeated one"),
        ("--batch-size", "", "'' given for the batch size"),
        ("--width", "0", "whole numbers from 1 to 8,192"),
        ("--depth", "99", "whole numbers from 1 to 8"),
        ("--dropout", "1", "numbers from 0 to 0.95"),
        ("--dropout", "nan", "numbers from 0 to 0.95"),
        ("--learning-rate", "inf", "numbers from 1e-07 to 10"),
        ("--optimizer", "adan", "expected sgd or rmsprop or adam"),
        ("--train-samples", "60001", "whole numbers from 1 to 60,000"),
    ],
)
@pytest.mark.parametrize("command", ["run", "verify"])
def test_a_value_that_an_axis_cannot_have_is_refused(
    command: str, option: str, value: str, message: str
) -> None:
    said = refusal(command, option, value)
    assert said.startswith(f"error: {option}: ")
    assert message in said


def test_more_points_than_a_run_may_have_are_refused_before_anything_is_started() -> None:
    few = ",".join(map(str, range(1, 9)))
    said = refusal("run", "--batch-size", few, "--width", few, "--depth", few, "--dropout", "0,0.2")
    assert "8 values of depth × 2 values of dropout are 1,024 points; expected at most 500" in said


@pytest.mark.parametrize(
    "python", ["torch", "torch=", f"={sys.executable}", "torch=/nonexistent", f"torch={__file__}"]
)
def test_an_interpreter_is_a_file_that_can_be_executed(python: str) -> None:
    message = refusal("list", "--python", python)
    assert f"--python {python!r} names no interpreter; expected BACKEND=PATH: give" in message


def test_a_bad_data_file_is_named_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(b"hello")
    monkeypatch.setenv(mnist.VARIABLE, str(tmp_path))
    for command in (("run", "--reports", tmp_path / "reports"), ("verify",)):
        said = refusal(*command, "--backend", "numpy")
        assert f"error: {path} cannot be read: Not a gzipped file" in said
        assert said.endswith("restore it, or unset MLP_BENCH_DATA to use the shipped MNIST ")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("place", ["reports", "reports/runs"])
def test_a_file_in_the_folders_place_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("in the way")
    message = refusal("run", "--backend", "numpy", "--reports", tmp_path / "reports")
    assert str(tmp_path / place) in message
    assert "--reports" in message


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_readme_of_somebody_is_not_overwritten(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "README.md").write_text("# My project")
    monkeypatch.chdir(tmp_path)
    message = refusal(command, "--reports", "")  # an empty name is the current folder
    assert "README.md is not a page of results and would be overwritten; expected" in message
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    "option",
    [("--rounds", "3"), ("--epochs", "2"), ("--backend", "numpy"), ("--device", "cpu"),
     ("--variant", "sigmoid"), ("--threads", "1"), ("--quick",), ("--reports", "elsewhere")],
)  # fmt: skip
def test_an_option_that_a_resumed_run_would_ignore_is_refused(option: tuple[str, ...]) -> None:
    message = refusal("run", "--resume", "run.json", *option)
    assert f"error: {option[0]} cannot go with --resume: a resumed run keeps its own" in message


@pytest.mark.parametrize("content", [None, b"{"])
def test_a_file_that_cannot_be_resumed_is_named_and_left_alone(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    assert "error: run.json " in refusal("run", "--resume", path, "--timeout", "9", "--until", "2%")
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_signal_that_is_ignored_stays_ignored() -> None:  # as by nohup
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    bench("list")
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL)


@pytest.mark.parametrize("command", [(), ("run",)])
def test_the_help_explains_the_words(command: tuple[str, ...]) -> None:
    result = bench(*command, "--help")
    assert result.exit_code == 0
    for word in ("backend", "device", "variant", "workload", "trial", "round", "verification"):
        assert re.search(rf"^ *{word}  +\w", result.output, re.MULTILINE), word


def in_a_process(code: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run code after the commands --help, run --help and list, in a fresh interpreter."""
    before = """
import sys
from bench.cli.main import main
for arguments in (["--help"], ["run", "--help"], ["list"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code
"""
    return subprocess.run(
        [sys.executable, "-c", before + code], cwd=ROOT, env={**os.environ, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_list_and_help_load_neither_numpy_nor_a_framework() -> None:
    heavy = {"numpy", "scipy", "torch", "tensorflow", "keras", "jax", "bench.report", "bench.trial"}
    done = in_a_process(f"print(sorted({heavy} & set(sys.modules)))")
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "[]")


def test_output_that_cannot_show_every_letter_ends_no_command() -> None:
    done = in_a_process("print('numpy × cpu')", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("numpy ? cpu\n")


def test_ctrl_c_before_a_command_has_begun_is_an_interruption_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(command: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_finish", interrupt)
    monkeypatch.setattr(sys, "argv", ["bench", "list"])
    with pytest.raises(SystemExit) as ended:
        start()
    assert (ended.value.code, capsys.readouterr().err.split()) == (130, ["interrupted"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_output_is_said_without_a_traceback() -> None:
    command = [sys.executable, "-m", "bench", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: what is printed cannot be written: No space left")
