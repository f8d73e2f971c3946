"""What ends a command from outside: signals, and a terminal that somebody closes."""

import errno
import io
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

ENDING = ("SIGTERM", "SIGHUP")  # they end a command as Ctrl-C does; Windows has no SIGHUP


def end_in_order() -> None:
    """Let signals interrupt this process, but those that are ignored, as by nohup."""
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    if signal.Signals(number).name == "SIGHUP":  # the shell and the terminal both send it
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


class _Terminal(io.FileIO):
    """A terminal; once it is closed, what is printed goes nowhere."""

    def write(self, content: Any, /) -> int:
        """Return how much was written; a closed terminal takes it all."""
        try:
            return super().write(content)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return memoryview(content).nbytes


def outlive_terminal() -> None:
    """Let no print fail for want of a terminal: SIGHUP ends the command, and in order."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if os.name == "posix" and stream.isatty():
            raw = io.BufferedWriter(_Terminal(stream.fileno(), "w", closefd=False))
            setattr(sys, name, io.TextIOWrapper(raw, stream.encoding, line_buffering=True))
