"""The process border, with real children: whatever a backend does, the parent goes on."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from toys import all_ended, answer, answering, numbers_in, until

from bench import child, worker
from bench.records import CannotSave, Described, Failed

UNNAMED = getattr(signal, "SIGRTMIN", 0) + 3

# Deaf to SIGTERM, with a grandchild in its process group and one that has left it.
HANGS = """\
signal.signal(signal.SIGTERM, signal.SIG_IGN)
near = subprocess.Popen(["sleep", "1000"])
far = subprocess.Popen(["sleep", "1000"], start_new_session=True)
(HERE / "new").write_text(f"{os.getpid()} {near.pid} {far.pid}")
(HERE / "new").rename(HERE / "numbers")
time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def fast_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the parent look at its child more often than once a second."""
    monkeypatch.setattr(child, "SAMPLE_SECONDS", 0.05)


def failure(folder: Path, body: str, **rest: object) -> Failed:
    """Return how a child fails that does this."""
    result = answer(answering(folder, body), **rest)
    assert isinstance(result, Failed), result
    return result


def test_a_child_brings_its_result(tmp_path: Path) -> None:
    """What the backend answered arrives in the parent."""
    result = answer(answering(tmp_path, "return ['cpu', 'toy:0']"))
    assert isinstance(result, Described)
    assert (result.devices, result.versions) == (("cpu", "toy:0"), {"toy": "1"})


def test_what_a_backend_raises_is_a_failure_with_its_traceback(tmp_path: Path) -> None:
    """The reason is the exception's first line, the log's tail ends with the traceback."""
    failed = failure(tmp_path, "raise ValueError('out of luck\\nsecond line')")
    assert (failed.kind, failed.reason) == ("raised", "ValueError: out of luck")
    assert failed.log_tail[0] == "Traceback (most recent call last):"
    assert failed.log_tail[-2:] == ("ValueError: out of luck", "second line")


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed",
         "ended by SIGKILL, perhaps for want of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed", "ended by SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", "killed", f"ended by signal {UNNAMED}"),
        ("os._exit(0)", "no result", "exited with 0 and left no result"),
        ("os._exit(7)", "no result", "exited with 7 and left no result"),
        ("sys.exit('bye')", "raised", "SystemExit: bye"),
    ],
)  # fmt: skip
@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="signals as on Linux")
def test_a_child_that_dies_is_a_failure(tmp_path: Path, body: str, kind: str, reason: str) -> None:
    """However it ends without a result, the reason says how, and what it said last is kept."""
    failed = failure(tmp_path, f"print('last words', flush=True)\n{body}")
    assert (failed.kind, failed.reason) == (kind, reason)
    assert "last words" in failed.log_tail


def test_a_backend_that_interrupts_itself_fails_alone(tmp_path: Path) -> None:
    """Its KeyboardInterrupt is not the person's: the parent goes on."""
    failed = failure(tmp_path, "raise KeyboardInterrupt")
    assert (failed.kind, failed.log_tail[-1]) == ("raised", "KeyboardInterrupt")


LASTING = """
import atexit
atexit.register(time.sleep, 1000)
threading.Thread(target=time.sleep, args=(1000,)).start()
"""


@pytest.mark.parametrize(
    "end",
    ["sys.exit(3)", "raise GeneratorExit", "os.rmdir(HERE / 'absent')",
     "Path(sys.argv[2]).parent.joinpath('log').unlink(); Path(sys.argv[2]).mkdir()"],
)  # fmt: skip
def test_a_thread_or_a_hook_that_never_ends_holds_nobody_up(tmp_path: Path, end: str) -> None:
    """However the child fails, it leaves at once, without waiting for either."""
    assert failure(tmp_path, LASTING + end).kind in ("raised", "no result")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('x' * 50_000_000)", "ValueError: xxx"),
        (r"raise ValueError('\ud800 \x00')", "ValueError: ? "),
        ("sys.stderr.close(); raise ValueError('closed')", "ValueError: closed"),
        ("sys.stdout = sys.stderr = None; raise ValueError('none')", "ValueError: none"),
    ],
)
def test_a_message_may_be_anything(tmp_path: Path, body: str, reason: str) -> None:
    """What can be shown of it is the reason, even where no traceback can be printed."""
    assert failure(tmp_path, body).reason.startswith(reason)


def test_closed_output_costs_no_result(tmp_path: Path) -> None:
    """A backend need not leave anything to print to."""
    body = "os.close(1); os.close(2); sys.stdout.close(); sys.stderr = None"
    assert isinstance(answer(answering(tmp_path, body)), Described)


def test_a_child_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the time-out it ends, deaf to SIGTERM or not, and so do its own children."""
    numbers = tmp_path / "numbers"
    clock = SimpleNamespace(
        monotonic=lambda: 101.0 if numbers.exists() else 0.0, time=time.time
    )  # the time-out passes when the child is known to hang
    monkeypatch.setattr(child, "time", clock)
    failed = failure(tmp_path, HANGS, timeout=100)
    assert failed.kind == "timed out"
    assert failed.reason == "no result after 100 s; give it more with --timeout"
    until(lambda: all_ended(numbers_in(numbers, 3)), "child and grandchildren end")


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="signals as on POSIX")
def test_a_child_that_stopped_itself_is_ended(tmp_path: Path) -> None:
    """A stopped process hears nothing but SIGKILL, which is what it gets."""
    failed = failure(tmp_path, "os.kill(os.getpid(), signal.SIGSTOP)", timeout=1)
    assert failed.kind == "timed out"


def test_an_interrupted_parent_ends_the_child_first(tmp_path: Path) -> None:
    """An exception in the parent passes on, and nothing that the child started is left."""
    numbers = tmp_path / "numbers"

    def interrupt() -> None:
        if numbers.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(answering(tmp_path, HANGS), sample=interrupt)
    until(lambda: all_ended(numbers_in(numbers, 3)), "child and grandchildren end")


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A parent that gets SIGKILL can end nobody: the child sees it and takes its group along."""
    body = HANGS.replace("start_new_session=True", "start_new_session=False")
    answering(tmp_path, body)
    script = f"""
        from toys import answer
        from bench.worker import Job
        answer(Job(task="describe", backend="toy", path={str(tmp_path / "toy.py")!r}))
    """
    tests = str(Path(__file__).parent)
    path = os.pathsep.join([tests, str(Path(tests).parent)])
    command = [sys.executable, "-c", textwrap.dedent(script)]
    variables = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=variables) as parent:
        until(lambda: numbers_in(tmp_path / "numbers", 3), "the child hangs")
        parent.kill()
    until(lambda: all_ended(numbers_in(tmp_path / "numbers", 3)), "child and grandchildren end")


def test_rubbish_in_the_log_does_no_harm(tmp_path: Path) -> None:
    """Bytes that are no text, escape sequences and endless lines leave a short, printable tail."""
    rubbish = r"""
    for piece in (b"\xff\xfe\x00\x1b[31mred\x1b[2J\r\n", b"x" * 30_000_000, b"\nlast \xe2\x80\xae"):
        os.write(1, piece)
    os._exit(1)
    """
    failed = failure(tmp_path, rubbish)
    assert all(line.isprintable() and len(line) <= worker.LINE for line in failed.log_tail)
    assert failed.log_tail[-1].startswith("last")
    assert len(failed.log_tail) <= child.LOG_LINES


def test_rubbish_beside_a_result_does_not_matter(tmp_path: Path) -> None:
    """A backend may print what it likes as long as it answers."""
    assert isinstance(answer(answering(tmp_path, r"os.write(1, b'\xff' * 1000)")), Described)


def test_a_child_that_never_stops_printing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would fill the disk long before its time-out."""
    monkeypatch.setattr(child, "LOG_LIMIT_BYTES", 1_000_000)
    body = "while True: os.write(1, b'y' * 10_000); time.sleep(0.001)"
    failed = failure(tmp_path, body)
    assert failed.reason == "ended after it had printed more than 1,000,000 bytes"


@pytest.mark.parametrize(
    "body",
    [
        'Path(sys.argv[2]).write_text(\'{"type": "described", "dev\'); os._exit(0)',
        "Path(sys.argv[2]).write_bytes(bytes(range(256))); os._exit(0)",
        "Path(sys.argv[2]).write_text('[' * 100_000); os._exit(0)",
        'Path(sys.argv[2]).write_text(\'{"type": "stranger"}\'); os._exit(0)',
        "Path(sys.argv[2]).mkdir(); os._exit(0)",
        "os.mkfifo(sys.argv[2]); os._exit(0)",
        'answer = \'{"type": "described", "devices": [], "versions": {}, "python": "3"}\'\n'
        "Path(sys.argv[2]).write_text(answer + ' ' * 2_000_000); os._exit(0)",
    ],
    ids=["half", "binary", "deep", "foreign", "folder", "pipe", "huge"],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files as on POSIX")
def test_half_a_result_is_a_failure(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result that cannot be read is none, and the reason says why not."""
    monkeypatch.setattr(child, "RESULT_LIMIT_BYTES", 1_000_000, raising=False)
    failed = failure(tmp_path, body)
    assert failed.kind == "no result"
    assert failed.reason.startswith("the result cannot be read: ")


def test_a_child_that_deletes_its_folder_fails_alone(tmp_path: Path) -> None:
    """The log and the place of the result are gone; the parent looks for both and goes on."""
    body = """
    import shutil
    shutil.rmtree(os.environ["TMPDIR"])
    time.sleep(0.5)
    """
    assert failure(tmp_path, body).kind == "no result"


@pytest.mark.parametrize(
    "body", ["os.close(0)", "sys.stdin.close()", "assert not sys.stdin.read()"]
)
def test_the_standard_input_is_empty_and_may_be_closed(tmp_path: Path, body: str) -> None:
    """Reading it does not hang, closing it does not end the child."""
    assert isinstance(answer(answering(tmp_path, body)), Described)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_brings_no_result(tmp_path: Path) -> None:
    """A fork that runs on into the harness's code does not answer in its parent's place."""
    body = """
    number = os.fork()
    if number == 0:
        return ["forked"]
    os.waitpid(number, 0)
    assert not Path(sys.argv[2]).exists()
    """
    result = answer(answering(tmp_path, body))
    assert isinstance(result, Described), result
    assert result.devices == ("cpu",)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_outlives_a_child_is_ended(tmp_path: Path) -> None:
    """A grandchild that is left behind would disturb the next trial, wherever it went."""
    body = """
    near = os.fork()
    if near == 0:
        time.sleep(1000)
    far = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    (HERE / "numbers").write_text(f"{near} {far.pid}")
    """
    assert isinstance(answer(answering(tmp_path, body)), Described)
    until(lambda: all_ended(numbers_in(tmp_path / "numbers", 2)), "fork and daemon end")


@pytest.mark.parametrize("python", ["/nonexistent/python", os.devnull])
def test_an_interpreter_that_cannot_be_started_is_a_failure(tmp_path: Path, python: str) -> None:
    """The reason names it and the option that chose it."""
    failed = failure(tmp_path, "pass", python=python)
    assert failed.reason.startswith(f"{python} cannot be started: ")
    assert failed.reason.endswith("expected a Python interpreter: see --python")


def test_the_log_of_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of it, as it is, in a folder that is made for it; of a success nothing is."""
    monkeypatch.setattr(child, "KEPT_BYTES", 20)
    kept = tmp_path / "logs" / "toy.log"
    answer(answering(tmp_path, "print('fine')"), keep_log=kept)
    assert not kept.parent.exists()
    failure(tmp_path, "print('a' * 100, 'the end', flush=True); os._exit(1)", keep_log=kept)
    assert kept.read_text() == "a" * 11 + " the end\n"


def test_a_log_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    """The failure and its last lines arrive all the same."""
    (tmp_path / "logs").write_text("a file in the folder's place")
    kept = tmp_path / "logs" / "toy.log"
    assert failure(tmp_path, "raise ValueError('no')", keep_log=kept).log_tail


def test_no_room_for_a_child_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full temporary folder is the machine's fault, not the backend's: the run ends."""

    def full(**rest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(CannotSave, match=r"No space left.*expected room.*TMPDIR"):
        answer(answering(tmp_path, "pass"))


def test_reasons_and_logs_name_nobody(tmp_path: Path) -> None:
    """The home folder is a name; what an exception says of it is replaced."""
    home = Path.home() / "somewhere"
    failed = failure(tmp_path, f"raise ValueError({str(home)!r} + '/' + 'z' * 10_000)")
    assert str(Path.home()) not in failed.reason + "".join(failed.log_tail)
    assert failed.reason.startswith("ValueError: ~")
    assert len(failed.reason) <= worker.LINE


def test_temporary_and_cache_folder_are_the_childs_own(tmp_path: Path) -> None:
    """They exist while it runs, hold nothing of an earlier trial, and are gone afterwards."""
    body = """
    import tempfile
    folders = [os.environ["XDG_CACHE_HOME"], tempfile.gettempdir(), os.getcwd()]
    assert all(map(os.path.isdir, folders))
    (HERE / "folders").write_text("\\n".join(folders))
    """
    found = []
    for _ in range(2):
        assert isinstance(answer(answering(tmp_path, body)), Described)
        found.append(set((tmp_path / "folders").read_text().splitlines()))
    (first,), (second,) = found  # one folder for all of it
    assert first != second
    assert not Path(first).exists()


def test_the_machine_is_looked_at_while_a_child_runs(tmp_path: Path) -> None:
    """The sample is taken in the parent, again and again."""
    looks: list[int] = []
    body = "until = time.monotonic() + 0.5\nwhile time.monotonic() < until: time.sleep(0.05)"
    assert isinstance(answer(answering(tmp_path, body), sample=lambda: looks.append(1)), Described)
    assert looks


@pytest.fixture
def affinity() -> Callable[[], set[int]]:
    """Return what reads this thread's CPUs; skip where there is no such thing."""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("affinity cannot be set here")
    return lambda: os.sched_getaffinity(0)


def test_a_child_is_pinned_and_the_parent_is_not(
    tmp_path: Path, affinity: Callable[[], set[int]]
) -> None:
    """Affinity is set before the child's first line, and given back to the parent."""
    before = affinity()
    job = answering(tmp_path, "return [f'toy:{cpu}' for cpu in os.sched_getaffinity(0)]")
    result = answer(job, cpus=[min(before)])
    assert isinstance(result, Described)
    assert result.devices == (f"toy:{min(before)}",)
    assert affinity() == before


def test_what_is_made_once_a_machine_is_there_for_the_next_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two children share the files that are named, and of their temporary folder nothing else."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = """
from getpass import getuser
from pathlib import Path
from tempfile import gettempdir
headers = Path(gettempdir()) / f"toy_{getuser()}" / "headers"
headers.mkdir(parents=True, exist_ok=True)
for name in ("shared.h", "own.so"):
    with (headers / name).open("a") as file:
        file.write("x")
return [f"{path.suffix[1:]}:{path.stat().st_size}" for path in sorted(headers.iterdir())]
"""
    backend = answering(tmp_path, body)
    for number in (1, 2):
        result = answer(backend, once_a_machine=["toy_{user}/*/*.h"])
        assert isinstance(result, Described), result
        assert result.devices == ("so:1", f"h:{number}")


def test_what_a_failed_child_made_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have ended in the middle of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    body = """
from tempfile import gettempdir
(Path(gettempdir()) / "half.h").write_text("")
raise ValueError
"""
    assert isinstance(answer(answering(tmp_path, body), once_a_machine=["*.h"]), Failed)
    assert list(tmp_path.glob("*.h")) == []


def test_where_nothing_can_be_linked_a_child_makes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system without links costs time, not the run."""

    def refuse(*rest: object, **more: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "symlink", refuse)
    (tmp_path / "toy.h").write_text("")
    result = answer(answering(tmp_path, "return ['cpu']"), once_a_machine=["*.h"])
    assert isinstance(result, Described)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
def test_a_crash_in_native_code_leaves_its_place_in_the_log(tmp_path: Path) -> None:
    """A framework that crashes says nothing itself; Python says where it was."""
    failed = failure(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert any("Segmentation fault" in line for line in failed.log_tail)
    assert any("toy.py" in line and "in devices" in line for line in failed.log_tail)
