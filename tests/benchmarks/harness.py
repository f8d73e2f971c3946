"""What the benchmarks run on: the very plan, children and lock of `python -m bench run`.

There is no second way of measuring: pytest-benchmark is handed what the children have timed.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import NamedTuple, ParamSpec, TypeVar

import pytest

from bench import idx, machine
from bench.commands import EXPECTED
from bench.discovery import discover
from bench.lock import only_run
from bench.planning import Asked, Plan, plan
from bench.records import Cell, Described, Failed, Proof, Proved, Trained
from bench.runner import Step
from bench.session import Session, describe, drawn_secret, step_runner
from bench.worker import Result

TIMEOUT = 1800.0  # seconds that a child may take: the default of `bench run`
DEFAULTS = {"backend": "all", "device": "all", "variant": "relu"}  # those of `bench run`

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class Harness(NamedTuple):
    """The session of all children and the rows that were asked for."""

    session: Session
    planned: Plan

    def cell(self, *name: str) -> Cell:
        """Return the row of a backend, device and variant."""
        cells = self.planned.cells
        return next(cell for cell in cells if (cell.backend, cell.device, cell.variant) == name)

    def prove(self, cell: Cell) -> Proof:
        """Prove a row in a child of its own."""
        result = self._in_child(Step("prove", cell, 0))
        return Proof(cell=cell, result=result if isinstance(result, Proved) else _failed(result))

    def train(self, cell: Cell) -> Trained | Failed:
        """Carry out one trial in a child of its own."""
        result = self._in_child(Step("train", cell, 0))
        return result if isinstance(result, Trained) else _failed(result)

    def _in_child(self, step: Step) -> Result:
        return step_runner(self.session, self.planned.workloads)(step)[0]


def _failed(result: Result) -> Failed:
    if isinstance(result, Failed):
        return result
    return Failed(kind="no result", reason=f"the child brought a {type(result).__name__}")


def refusing(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Make a function end pytest with the command line's message and status where it refuses."""

    @wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except EXPECTED as error:
            pytest.exit(str(error), returncode=2)

    return wrapped


SESSION = pytest.StashKey[Session]()
HARNESS = pytest.StashKey[Harness]()
NUMPY = pytest.StashKey[Described | None]()


@refusing
def session_of(config: pytest.Config) -> Session:
    """Return the session of all children; from now on no other run may begin on this machine."""
    if SESSION not in config.stash:
        idx.check(idx.data_folder())
        stack = ExitStack()
        stack.enter_context(only_run())
        config.add_cleanup(stack.close)
        config.stash[SESSION] = Session(
            discover(), machine.physical_cores(), TIMEOUT, secret=drawn_secret()
        )
    return config.stash[SESSION]


@refusing
def harness_of(config: pytest.Config) -> Harness:
    """Return the session with the rows that the options ask for."""
    if HARNESS not in config.stash:
        session = session_of(config)
        backends, devices, variants = (names(config, option) for option in DEFAULTS)
        asked = Asked(backends, devices, variants)
        config.stash[HARNESS] = Harness(session, plan(session, asked))
    return config.stash[HARNESS]


def numpy_of(config: pytest.Config) -> Described | None:
    """Return what a child says of NumPy, its BLAS first of all; None if it fails."""
    if NUMPY not in config.stash:
        result = describe(session_of(config), "numpy")
        config.stash[NUMPY] = result if isinstance(result, Described) else None
    return config.stash[NUMPY]


def names(config: pytest.Config, option: str) -> list[str]:
    """Return the names given with an option, several times or separated by commas."""
    given = config.getoption(option) or [DEFAULTS[option]]
    parts = ",".join([given] if isinstance(given, str) else given).split(",")
    return [part.strip() for part in parts if part.strip()]
