"""One run at a time on a machine, and nothing left locked by a dead one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import lock
from bench.lock import Busy, CannotLock, only_run

HOLD = """
import sys
from bench.lock import only_run
with only_run():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_and_the_first_one_named(tmp_path: Path) -> None:
    """The message holds the number of the process that has the lock."""
    with only_run(tmp_path):
        with pytest.raises(Busy) as caught, only_run(tmp_path):
            pass
        assert f"process {os.getpid()} (" in str(caught.value)
        assert "wait for it, or end it" in str(caught.value)


def test_after_a_run_the_next_one_may_start(tmp_path: Path) -> None:
    """The lock is released, also if the run raised or was interrupted."""
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), only_run(tmp_path):
            raise error
    with only_run(tmp_path):
        pass


def test_a_refused_run_leaves_the_lock_alone(tmp_path: Path) -> None:
    """Being refused twice changes nothing: the first run still holds the lock and its name."""
    with only_run(tmp_path):
        for _ in range(2):
            with pytest.raises(Busy, match=str(os.getpid())), only_run(tmp_path):
                pass


def test_a_killed_run_holds_nothing(own_surroundings: Path) -> None:
    """Another process is refused and named while it lives; once killed, its lock is gone."""
    root = Path(lock.__file__).parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Busy, match=f"process {other.pid} "), only_run():
            pass
        other.kill()
    with only_run():
        assert (own_surroundings / "mlp-bench.pid").read_text() == str(os.getpid())


@pytest.mark.parametrize("note", ["", "no number", "999999999", "-1", "9" * 400])
def test_a_holder_that_cannot_be_named_still_holds(tmp_path: Path, note: str) -> None:
    """Whatever the note says, the second run is refused."""
    with only_run(tmp_path):
        (tmp_path / "mlp-bench.pid").write_text(note)
        with pytest.raises(Busy, match="another run is measuring"), only_run(tmp_path):
            pass


def test_a_folder_that_cannot_hold_the_lock_is_named(tmp_path: Path) -> None:
    """Where no lock can be taken the run is refused with what to do, not with a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotLock, match=lock.VARIABLE), only_run(tmp_path / "file"):
        pass
