"""What the benchmarks run on: the very plan, children and lock of `python -m bench run`.

There is no second way of measuring: pytest-benchmark is handed what the children have timed.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar

import pytest
from msgspec.structs import replace

from bench import __version__, machine
from bench.results.hardware import Machine
from bench.results.records import Case, Described, Run, Trial, Verification
from bench.run.backends import NoFolder, discover
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.groups import groups
from bench.run.lock import Busy, CannotLock, only_run
from bench.run.plan import Plan, Request, plan
from bench.run.schedule import verification_jobs
from bench.workload import Axis, mnist
from bench.workload.axes import FIELDS, THREADS, THREADS_FIELD, point_of

TIMEOUT = 1800.0  # seconds that a child may be at work: the default of `bench run`
DEFAULTS = {"backend": "all", "device": "all", "variant": "relu"}  # those of `bench run`
AXES = FIELDS | {THREADS: THREADS_FIELD}

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


class Harness:
    """What all children have in common, the cases that were asked for, and what came of them."""

    def __init__(
        self, session: Session, planned: Plan, axes: Sequence[Axis], facts: Machine
    ) -> None:
        """Start with nothing done; `axes` are all that were named, also with one value."""
        self.session, self.planned, self._axes = session, planned, axes
        self._run = Run(
            bench=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command="pytest",
            machine=facts,
            threads=session.threads,
            rounds=1,
            **planned.fields,
        )
        self._trials: dict[Case, Trial] = {}
        self._verifications: dict[Case, Verification] = {}

    def names(self, case: Case) -> tuple[str, str, str]:
        """Return backend, device and variant."""
        return case.backend, str(case.device), self.planned.workloads[case.workload].variant

    def id(self, case: Case) -> str:
        """Return what a case is called: "jax-cpu-relu-batch_size=512"."""
        backend, device, variant = self.names(case)
        point = point_of(self.planned.workloads[case.workload], case.threads, self._axes)
        values = (f"{name}={value}" for name, value in point.items())
        return "-".join([backend, device, variant.partition(",")[0], *values])

    def verify(self, case: Case, asked: Sequence[Case]) -> Verification:
        """Verify a case; all asked for of its backend, device and precision, in the same child."""
        if case not in self._verifications:
            jobs = verification_jobs(self.planned.workloads, asked)
            (alike,) = [cases for cases in jobs.values() if case in cases]
            found = self.session.verify_together(self.planned.workloads, alike)
            self._verifications |= {one.case: one for one in found}
        return self._verifications[case]

    def train(self, case: Case, asked: Sequence[Case]) -> Trial:
        """Return the trial of a case; all that were asked for and take turns with it are done."""
        if case not in self._trials:
            run = replace(self._run, cases=tuple(filter(asked.__contains__, self._run.cases)),
                          verifications=tuple(self._verifications.values()))  # fmt: skip
            run = replace(run, groups=self.session.group(run))
            found = [group._replace(bounds={}) for group in groups(run, 0)]
            (mine,) = [group for group in found if case in group.cases]
            stage = [group for group in found if group.contenders == mine.contenders]
            for event in self.session.take_turns(stage):
                if isinstance(event, Trial):
                    self._trials[event.case] = event
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
        named, axes = [names(config, option) for option in DEFAULTS], axes_of(config)
        facts = machine.describe()
        bfloat16 = facts.multiplies_bfloat16
        request = Request(*named, axes=axes, multiplies_bfloat16=bfloat16)
        config.stash[HARNESS] = Harness(session, plan(session, request), axes, facts)
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
    return _parts([given] if isinstance(given, str) else given)


def _parts(given: Sequence[str]) -> list[str]:
    return [part.strip() for part in ",".join(given).split(",") if part.strip()]


def axes_of(config: pytest.Config) -> list[Axis]:
    """Return the axes given with options like --batch-size, as `bench run` takes them."""
    given = {name: config.getoption(name) for name in AXES if config.getoption(name)}
    try:
        return [Axis(name, tuple(AXES[name].values(",".join(texts))))
                for name, texts in given.items()]  # fmt: skip
    except ValueError as error:
        raise Refused(str(error)) from error
