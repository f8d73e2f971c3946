"""What the benchmarks run on: the very plan, children and lock of `python -m bench run`.

There is no second way of measuring: pytest-benchmark is handed what the children have timed.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import ParamSpec, TypeVar

import pytest

from bench import machine
from bench.results.records import Case, Described, Trial, Verification
from bench.run.backends import NoFolder, discover
from bench.run.executor import Session
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import Plan, Refused, Request, plan
from bench.run.schedule import Group
from bench.workload import mnist

TIMEOUT = 1800.0  # seconds that a child may be at work: the default of `bench run`
DEFAULTS = {"backend": "all", "device": "all", "variant": "relu"}  # those of `bench run`

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class Harness:
    """What all children have in common, the cases that were asked for, and what came of them."""

    def __init__(self, session: Session, planned: Plan) -> None:
        """Start with nothing done."""
        self.session, self.planned = session, planned
        self._trials: dict[Case, Trial] = {}

    def names(self, case: Case) -> tuple[str, str, str]:
        """Return backend, device and variant."""
        return case.backend, str(case.device), self.planned.workloads[case.workload].variant

    def verify(self, case: Case) -> Verification:
        """Verify a case in a child of its own."""
        (verification,) = self.session.verify_together(self.planned.workloads, [case])
        return verification

    def train(self, case: Case, asked: Sequence[Case]) -> Trial:
        """Return the trial of a case; all that were asked for and take turns with it are done."""
        if case not in self._trials:
            groups = self.session.group([one for one in self.planned.cases if one in asked], [])
            (together,) = [cases for cases in groups if case in cases]
            group = Group(self.planned.workloads[case.workload], together)
            trials = [one for one in self.session.take_turns([group]) if isinstance(one, Trial)]
            self._trials |= {trial.case: trial for trial in trials}
        return self._trials[case]


def refusing(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Make a function end pytest with the command line's message and status where it refuses."""

    @wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return function(*args, **kwargs)
        except (mnist.BrokenData, Busy, CannotLock, NoFolder, Refused) as error:
            pytest.exit(str(error), returncode=2)

    return wrapped


SESSION = pytest.StashKey[Session]()
HARNESS = pytest.StashKey[Harness]()
NUMPY = pytest.StashKey[Described | None]()


@refusing
def session_of(config: pytest.Config) -> Session:
    """Return what all children share; from now on no other run may begin on this machine."""
    if SESSION not in config.stash:
        mnist.check(mnist.data_folder())
        stack = ExitStack()
        stack.enter_context(only_run())
        config.add_cleanup(stack.close)
        config.stash[SESSION] = Session(discover(), machine.fast_cores(), TIMEOUT)
    return config.stash[SESSION]


@refusing
def harness_of(config: pytest.Config) -> Harness:
    """Return the cases that the options ask for, and what their children share."""
    if HARNESS not in config.stash:
        session = session_of(config)
        request = Request(*(names(config, option) for option in DEFAULTS))
        config.stash[HARNESS] = Harness(session, plan(session, request))
    return config.stash[HARNESS]


def numpy_of(config: pytest.Config) -> Described | None:
    """Return what a child says of NumPy, its BLAS first of all; None if it fails."""
    if NUMPY not in config.stash:
        result = session_of(config).describe("numpy")
        config.stash[NUMPY] = result if isinstance(result, Described) else None
    return config.stash[NUMPY]


def names(config: pytest.Config, option: str) -> list[str]:
    """Return the names given with an option, several times or separated by commas."""
    given = config.getoption(option) or [DEFAULTS[option]]
    parts = ",".join([given] if isinstance(given, str) else given).split(",")
    return [part.strip() for part in parts if part.strip()]
