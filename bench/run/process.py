"""The parent's side of the process border: a child, its messages, its log and its end.

A fresh child for every job: its environment (bench.run.environment) and its affinity are set before
any framework is imported, caches of earlier trials are out of reach (the temporary and the cache
folder are new, but for what a backend's header names as made once a machine), and a crash or a
hang costs one job. Job and messages go through the child's standard streams, which it puts aside
at once: what a framework prints goes to the log.
"""

import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Literal, NamedTuple, Self

import msgspec
import psutil

from bench import machine
from bench.results import redact
from bench.results.jobs import LINE, Job, Message
from bench.results.quantities import Kind
from bench.results.records import Failed
from bench.results.store import CannotSave
from bench.run import environment, log

SAMPLE_SECONDS = 1.0  # between two looks at the machine while a child works
END_SECONDS = 60.0  # that a child may take to end once its messages have
SIGNALS = {one.value: one.name for one in signal.Signals}  # but real-time ones: they have no name
GROUP_SIGNALS = {"suspend": "SIGSTOP", "resume": "SIGCONT", "kill": "SIGKILL"}


class Setup(NamedTuple):
    """How a child is started."""

    python: str  # path of the interpreter
    variables: dict[str, str]  # its whole environment
    cpus: list[int] | None  # that it is pinned to; None: not pinned
    once_a_machine: tuple[str, ...] = ()  # see bench.run.environment
    keep_log: Path | None = None  # where the whole log goes if it fails
    log_limit_bytes: int = log.LIMIT_BYTES


@contextmanager
def _needing_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotSave(
            f"a child's folder cannot be made: {error}; expected room in the temporary "
            "folder: make some, or name another folder in the variable TMPDIR"
        ) from error


def temporary_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a new folder that is removed in the end; raise CannotSave if there is no room."""
    with _needing_room():
        return tempfile.TemporaryDirectory(prefix="mlp-bench-", ignore_cleanup_errors=True)


class Child:
    """A process at work on one job; as a context manager it never outlives the block."""

    def __init__(self, job: Job, setup: Setup, sample: Callable[[], object] = lambda: None) -> None:
        """Remember what to do; `sample` is called about once a second while it is waited for."""
        self._job = job
        self._setup = setup
        self._sample = sample
        self._exit = ExitStack()
        self._lines: queue.Queue[tuple[float, bytes | None]] = queue.Queue()  # and when they came
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = self._log = Path()
        self._problem: Failed | None = None  # once nothing more is to be expected
        self._has_failed = False
        self._resumed: float | None = None  # by the clock; None while it is suspended
        self._answered: float | None = None  # by the clock, with the message received last
        self._awake_seconds = 0.0  # until it was last suspended

    @property
    def awake_seconds(self) -> float:
        """Seconds that it has been at work, without those that its message waited for us."""
        if self._resumed is None:
            return self._awake_seconds
        return self._awake_seconds + (self._answered or time.monotonic()) - self._resumed

    def __enter__(self) -> Self:
        """Start the child; one that cannot be started answers with a Failed.

        Raises CannotSave if there is no room for its folder.
        """
        with _needing_room():
            self._folder = Path(self._exit.enter_context(temporary_folder()))
            self._log = self._folder / "log"
            output = self._log.open("wb")
        # As every user of the framework finds them.
        self._hand_over(Path(tempfile.gettempdir()), self._folder, os.symlink)
        with output:
            self._start(output)
        return self

    def __exit__(self, *exception: object) -> None:
        """End the child with all that it started, and remove its folder."""
        self._tell("kill")
        if self._process is not None:
            self._process.wait()
            assert self._process.stdin is not None, "it is a pipe"
            with suppress(OSError):  # what it did not read any more
                self._process.stdin.close()
        if not self._has_failed:  # what it made is for the next one
            self._hand_over(self._folder, Path(tempfile.gettempdir()), os.replace)
        self._exit.close()

    def _hand_over(self, source: Path, target: Path, how: environment.Transfer) -> None:
        environment.hand_over(self._setup.once_a_machine, source, target, how)

    def _start(self, output: IO[bytes]) -> None:
        setup, caches = self._setup, dict.fromkeys(("TMPDIR", "XDG_CACHE_HOME"), str(self._folder))
        command = [setup.python, "-P", "-m", "bench.trial.worker", str(time.time())]
        self._resumed = time.monotonic()
        try:
            with machine.pinned(setup.cpus):
                self._process = subprocess.Popen(
                    command,
                    env={**setup.variables, **caches},
                    cwd=self._folder,
                    stdin=subprocess.PIPE,  # closes when we end: the child then ends itself
                    stdout=subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is for us; we end the child
                )
        except OSError as error:
            reason = f"{setup.python} cannot be started: {error}; expected a Python interpreter"
            self._lost("no result", f"{reason}: see --python")
            return
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()
        self._send(msgspec.json.encode(self._job))

    def _read(self, stream: IO[bytes]) -> None:
        """Pass on the lines that the child writes, then None."""
        with suppress(OSError, ValueError), stream:  # closed at our end: nobody waits any more
            for line in stream:
                self._lines.put((time.monotonic(), line))
        self._lines.put((time.monotonic(), None))

    def _send(self, line: bytes) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):  # it has ended: the next message says so
                self._process.stdin.write(line + b"\n")
                self._process.stdin.flush()

    def go(self) -> None:
        """Let it take its next turn."""
        self._send(b"go")

    def suspend(self) -> None:
        """Let none of its threads run until it is resumed."""
        self._awake_seconds, self._resumed = self.awake_seconds, None
        self._tell("suspend")

    def resume(self) -> None:
        """Let it run again."""
        self._resumed, self._answered = time.monotonic(), None
        self._tell("resume")

    def _tell(self, what: Literal["suspend", "resume", "kill"]) -> None:
        """Suspend, resume or kill it with what it started, whichever of them is there."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, getattr(signal, GROUP_SIGNALS[what]))
            else:
                getattr(psutil.Process(self._process.pid), what)()

    def receive(self, timeout: float) -> Message:
        """Wait so many seconds for its next message; whatever goes wrong is a Failed."""
        if self._problem is not None:
            return self._problem
        self._answered = None
        message = self._next(timeout)
        if not isinstance(message, Failed):
            return message
        if self._setup.keep_log is not None:
            log.keep(self._log, self._setup.keep_log)
        reason = redact.clean(message.reason)[:LINE]
        failed = msgspec.structs.replace(message, reason=reason, log_tail=log.tail(self._log))
        self._has_failed = True
        self._problem = failed if self._problem else None
        return failed

    def _next(self, timeout: float) -> Message:
        deadline = time.monotonic() + timeout
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:  # at least once: it may have answered while another child was waited for
                self._answered, line = self._lines.get(timeout=min(SAMPLE_SECONDS, left))
            except queue.Empty:
                if not left:
                    awake = f"{self.awake_seconds:.3g} s of work"
                    reason = f"no result after {awake}; give it more with --timeout"
                    return self._lost("timed out", reason)
                self._sample()
                if log.size(self._log) > (limit := self._setup.log_limit_bytes):
                    reason = f"ended after it had printed more than {limit:,} bytes"
                    return self._lost("no result", reason)
                continue
            return self._ended() if line is None else self._decoded(line)

    def _lost(self, kind: Kind, reason: str) -> Failed:
        """Return why nothing more is to be expected of it."""
        self._problem = Failed(kind=kind, reason=reason)
        return self._problem

    def _decoded(self, line: bytes) -> Message:
        try:
            message: Message = msgspec.json.decode(line, type=Message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return self._lost("no result", f"its message cannot be read: {error}")
        return message

    def _ended(self) -> Failed:
        assert self._process is not None, "only a process that was started ends"
        try:
            returncode = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return self._lost("no result", "it closed its output and left no result")
        if returncode < 0:
            name = SIGNALS.get(-returncode, f"signal {-returncode}")
            hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
            return self._lost("killed", f"ended by {name}{hint}")
        return self._lost("no result", f"exited with {returncode} and left no result")
