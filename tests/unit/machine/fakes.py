"""Machines made up for the tests of this room: files below a folder, and a scripted NVML."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from bench.machine.nvidia import Nvml
from bench.machine.sources import Source

Plant = Callable[..., Source]  # the fixture `plant`: files, path -> text, to the source of them

ANSWERS: dict[str, Any] = {
    "nvmlInit": None,
    "nvmlDeviceGetCount": 1,
    "nvmlDeviceGetHandleByIndex": "handle",
    "nvmlDeviceGetHandleByUUID": "handle by name",
    "nvmlDeviceGetName": "NVIDIA H200",
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=150_754_820_096, free=1, used=2),
    "nvmlSystemGetDriverVersion": "570.86.15",
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetTemperature": 41,
    "nvmlDeviceGetClockInfo": 1980,
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
}


class NVMLError(Exception):
    """What the library raises when it has no answer."""


class Library:
    """A fake of pynvml: answers from a table, raises the exceptions in it, notes arguments."""

    def __init__(self, **answers: Any) -> None:
        self.answers = ANSWERS | answers
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        """Return a function that answers as scripted."""
        if name not in self.answers:
            raise AttributeError(name)
        return lambda *arguments: self.answer(name, *arguments)

    def answer(self, name: str, *arguments: Any) -> Any:
        """Answer as scripted, by the arguments where the script is a function."""
        self.asked.append((name, *arguments))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer(*arguments) if callable(answer) else answer


def nvml(library: Library) -> Nvml:
    """Return the module's view of a library."""
    return Nvml(lambda: library)
