"""One run at a time on a machine, and nothing left locked by a dead one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import ROOT
from bench.run import lock
from bench.run.lock import Busy, CannotLock, only_run

HOLD = """
import sys
from bench.run.lock import only_run
with only_run():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_as_often_as_it_tries_and_the_first_one_named(
    tmp_path: Path,
) -> None:
    with only_run(tmp_path):
        for _ in range(2):
            with pytest.raises(Busy, match=rf"process {os.getpid()} \(.*wait"), only_run(tmp_path):
                pass


def test_a_killed_run_holds_nothing(own_lock: Path) -> None:
    command = [sys.executable, "-c", HOLD]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"held\n"
        with pytest.raises(Busy, match=f"process {one.pid} "), only_run():
            pass
        one.kill()
    with only_run():
        assert (own_lock / "mlp-bench.pid").read_text() == str(os.getpid())


@pytest.mark.parametrize("note", ["", "no number", "999999999", "-1", "9" * 400])
def test_a_holder_that_cannot_be_named_still_holds(tmp_path: Path, note: str) -> None:
    with only_run(tmp_path):
        (tmp_path / "mlp-bench.pid").write_text(note)
        with (
            pytest.raises(Busy, match="machine: a process that cannot be named"),
            only_run(tmp_path),
        ):
            pass


def test_a_folder_that_cannot_hold_the_lock_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotLock, match=lock.VARIABLE), only_run(tmp_path / "file"):
        pass


def test_after_a_run_however_it_ends_the_next_one_may_start(tmp_path: Path) -> None:
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), only_run(tmp_path):
            raise error
