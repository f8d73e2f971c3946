"""The process border, with real children: whatever a backend does, the parent goes on."""

import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import toys
from toys import answering, child_of, numbers_in, until_all_ended, writing

from bench.results.jobs import LINE
from bench.results.records import Described, Failed
from bench.run import log

# Deaf to SIGTERM, with a helper in its process group.
HANGS = f"""\
signal.signal(signal.SIGTERM, signal.SIG_IGN)
helper = subprocess.Popen(["sleep", "1000"])
{writing('f"{os.getpid()} {helper.pid}"')}
time.sleep(1000)
"""
STOPS = f"{writing('str(os.getpid())')}os.kill(os.getpid(), signal.SIGSTOP)"
COUNTS = f"""\
{writing("str(os.getpid())")}
for count in range(10**9):
    (HERE / "count").write_text(str(count))
    time.sleep(0.001)
"""


def failure(folder: Path, body: str, **rest: object) -> Failed:
    """Return how a child fails that does this."""
    result = toys.answer(answering(folder, body), **rest)
    assert isinstance(result, Failed), result
    return result


def devices(folder: Path, body: str, **rest: object) -> list[str]:
    """Return the devices that a child names after it has done this."""
    result = toys.answer(answering(folder, body), **rest)
    assert isinstance(result, Described), result
    assert (result.versions, result.python) == ({"toy": "1"}, sys.version.split()[0])
    return list(map(str, result.devices))


def test_what_a_backend_raises_is_a_failure_with_its_traceback(tmp_path: Path) -> None:
    failed = failure(tmp_path, "raise ValueError('out of luck\\nsecond line')")
    assert (failed.kind, failed.reason) == ("raised", "ValueError: out of luck")
    assert failed.log_tail[0] == "Traceback (most recent call last):"
    assert failed.log_tail[-2:] == ("ValueError: out of luck", "second line")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed: ended by SIGKILL, perhaps for want of"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", r"killed: ended by signal \d+"),
        ("os._exit(0)", "no result: exited with 0 and left no result"),
        ("os._exit(7)", "no result: exited with 7 and left no result"),
        ("sys.exit('bye')", "raised: SystemExit: bye"),
        ("raise KeyboardInterrupt", "raised: KeyboardInterrupt: without a message"),
        ("raise ValueError('x' * 5_000)", "raised: ValueError: x{488}"),
        (r"raise ValueError('\ud800 \x00')", r"raised: ValueError: \?  "),
        ("sys.stderr.close(); raise ValueError('closed')", "raised: ValueError: closed"),
        ("sys.stdout = sys.stderr = None; raise ValueError(1)", "raised: ValueError: 1"),
    ],
)
@pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="signals as on Linux")
def test_however_a_child_ends_the_reason_says_it(tmp_path: Path, body: str, said: str) -> None:
    failed = failure(tmp_path, f"print('last words', flush=True)\n{body}")
    assert re.match(said, f"{failed.kind}: {failed.reason}")
    assert len(failed.reason) <= LINE
    assert failed.log_tail[0] == "last words"


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
def test_a_crash_in_native_code_leaves_its_place_in_the_log(tmp_path: Path) -> None:
    failed = failure(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)")
    assert failed.reason == "ended by SIGSEGV"
    assert any("Segmentation fault" in line for line in failed.log_tail)
    assert any("toy.py" in line and "in devices" in line for line in failed.log_tail)


@pytest.mark.parametrize("end", ["sys.exit(3)", "os.rmdir(HERE / 'absent')", "return ['cpu']"])
def test_a_thread_or_a_hook_that_never_ends_holds_nobody_up(tmp_path: Path, end: str) -> None:
    lasting = "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
    lasting += "__import__('atexit').register(time.sleep, 1000)\n"
    with child_of(answering(tmp_path, lasting + end)) as child:
        child.receive(toys.PATIENCE_SECONDS)
        assert "exited with" in str(child.receive(toys.PATIENCE_SECONDS))


@pytest.mark.parametrize(
    "body",
    [
        "os.close(0)",
        "sys.stdin.close()",
        "assert not sys.stdin.read()",
        "os.close(1); os.close(2); sys.stdout.close(); sys.stderr = None",
        r"os.write(1, b'\xff' * 1000); print('{}')",
    ],
)
def test_standard_streams_may_be_used_and_closed(tmp_path: Path, body: str) -> None:
    assert devices(tmp_path, body) == ["cpu"]


@pytest.mark.parametrize("body", [HANGS, STOPS])
def test_a_child_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path, body: str) -> None:
    with child_of(answering(tmp_path, body)) as child:
        toys.until((tmp_path / "numbers").exists, "the child hangs")
        failed = child.receive(0.01)
    said = r"timed out: no result after [\d.]+ s of work; give it more with --timeout"
    assert re.fullmatch(said, str(failed))
    until_all_ended(numbers_in(tmp_path / "numbers"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_brings_no_result_and_does_not_outlive_the_child(tmp_path: Path) -> None:
    body = f"""\
if os.fork() == 0:
    return ["forked"]
number = os.fork()
if number == 0:
    time.sleep(1000)
{writing("str(number)")}"""
    assert devices(tmp_path, body) == ["cpu"]
    until_all_ended(numbers_in(tmp_path / "numbers"))


@pytest.mark.parametrize("suspended", [False, True])
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, suspended: bool) -> None:
    job, numbers = answering(tmp_path, HANGS), tmp_path / "numbers"
    code = f"""
import pathlib, time, toys
from bench.results.jobs import Job
with toys.child_of(Job("describe", "toy", {job.path!r})) as child:
    toys.until(pathlib.Path({str(numbers)!r}).exists, "it hangs")
    if {suspended}:
        child.suspend()
    print("ready", flush=True)
    time.sleep(1000)
"""
    with toys.script(code, tmp_path) as parent:
        assert parent.stdout.readline() == "ready\n"
        assert all(map(toys.is_running, numbers_in(numbers)))
        parent.kill()
        until_all_ended(numbers_in(numbers))


def test_a_suspended_child_makes_no_progress_until_it_is_resumed(tmp_path: Path) -> None:
    count = (tmp_path / "count").read_text
    with child_of(answering(tmp_path, COUNTS)) as child:
        toys.until((tmp_path / "count").exists, "it counts")
        child.suspend()
        (number,) = numbers_in(tmp_path / "numbers")
        toys.until(lambda: psutil.Process(number).status() == psutil.STATUS_STOPPED, "it stops")
        before, awake = count(), child.awake_seconds
        time.sleep(0.2)
        assert (count(), child.awake_seconds) == (before, awake)
        child.resume()
        toys.until(lambda: count() != before, "it goes on")
        child.suspend()
        assert child.awake_seconds > awake
    until_all_ended([number])


def test_a_message_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    python = toys.interpreter(tmp_path, """printf '{"type": "described", "dev'""")
    assert str(failure(tmp_path, "pass", python=python)) == (
        "no result: its message cannot be read: Input data was truncated"
    )


RUBBISH = r"""
for piece in (b"\xff\xfe\x00\x1b[31mred\x1b[2J\r\n", b"x" * 30_000_000, b"\nlast \xe2\x80\xae"):
    os.write(1, piece)
"""


def test_of_the_log_of_a_failure_a_short_printable_tail_and_a_file_are_kept(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "logs" / "toy.log"
    devices(tmp_path, RUBBISH, keep_log=kept)
    assert not kept.parent.exists()
    failed = failure(tmp_path, f"{RUBBISH}os._exit(1)", keep_log=kept)
    assert all(line.isprintable() and len(line) <= LINE for line in failed.log_tail)
    assert failed.log_tail[-1].startswith("last")
    assert len(failed.log_tail) <= log.LINES
    assert kept.read_bytes().endswith(b"x\nlast \xe2\x80\xae")
    assert failure(tmp_path, f"{RUBBISH}os._exit(1)", keep_log=kept / "no folder").log_tail


def test_a_child_that_never_stops_printing_is_ended(tmp_path: Path) -> None:
    body = "while True: os.write(1, b'y' * 10_000); time.sleep(0.001)"
    failed = failure(tmp_path, body, log_limit_bytes=1_000_000)
    assert failed.reason == "ended after it had printed more than 1,000,000 bytes"


@pytest.mark.parametrize("path", ["/nonexistent/python", os.devnull])
def test_an_interpreter_that_cannot_be_started_is_a_failure(tmp_path: Path, path: str) -> None:
    reason = failure(tmp_path, "pass", python=path).reason
    assert reason.startswith(f"{path} cannot be started: ")
    assert reason.endswith("expected a Python interpreter: see --python")


def test_temporary_and_cache_folder_are_new_and_gone_afterwards(tmp_path: Path) -> None:
    body = """
    from tempfile import gettempdir
    folders = {os.environ["XDG_CACHE_HOME"], gettempdir(), os.getcwd()}
    with (HERE / "folders").open("a") as file:
        print(*folders, all(map(os.path.isdir, folders)), file=file)
    """
    for _ in range(2):
        devices(tmp_path, body)
    (first, there), (second, _) = map(str.split, (tmp_path / "folders").open())
    assert (first != second, there, Path(first).exists()) == (True, "True", False)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="affinity cannot be set here")
def test_a_child_is_pinned_and_the_parent_is_not(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    body = "return [f'toy:{cpu}' for cpu in os.sched_getaffinity(0)]"
    assert devices(tmp_path, body, cpus=[min(before)]) == [f"toy:{min(before)}"]
    assert os.sched_getaffinity(0) == before


def test_what_is_made_once_a_machine_is_there_for_the_next_child_and_nothing_else(
    tmp_path: Path,
) -> None:
    place = tmp_path.relative_to(tempfile.gettempdir())
    body = f"""
    from tempfile import gettempdir
    headers = Path(gettempdir()) / {str(place)!r} / "headers"
    headers.mkdir(parents=True, exist_ok=True)
    for name in ("shared.h", "own.so"):
        with (headers / name).open("a") as file:
            file.write("x")
    return [f"{{path.suffix[1:]}}:{{path.stat().st_size}}" for path in sorted(headers.iterdir())]
    """
    patterns = (f"{place}/*/*.h",)
    failure(tmp_path, body.replace("return", "raise ValueError"), once_a_machine=patterns)
    assert devices(tmp_path, body, once_a_machine=patterns) == ["so:1", "h:1"], (
        "not that of failures"
    )
    assert devices(tmp_path, body, once_a_machine=patterns) == ["so:1", "h:2"]
    assert [path.name for path in (tmp_path / "headers").iterdir()] == ["shared.h"]
