"""How long a run will take: roughly before it starts, then from how long its steps took."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from bench.results.records import Run
from bench.run.groups import BOUND, Group, missing_stages
from bench.run.schedule import AT_ONCE, Awake, missing_verifications, verification_jobs
from bench.workload import Device, Workload


class Rough(NamedTuple):
    """What training costs on a kind of device, roughly."""

    flop_per_second: float  # of matrix products
    step_seconds: float  # that a step takes beside them
    parameter_seconds: float  # that updating a parameter takes


# Medians of eight backends on two Zen 4 cores; of accelerators nothing was measured.
CORE = Rough(7e10, 1e-3, 1.5e-9)
ACCELERATOR = Rough(5e12, 3e-4, 1e-11)
# Beside what they compute; two start side by side.
SECONDS = {"start": 1.2, "build": 0.4, "compile": 1.0, "inference": 0.1}
VERIFICATION = {"child": 4.0, "case": 3.5}  # seconds on one core, most of them compiling
DESCRIBED_SECONDS = 1.5  # of processor time that a child takes to describe its backend, there


class Step(NamedTuple):
    """What takes about the same time whenever it is done."""

    stage: str  # as in Awake, but that the first turn is "compile"
    who: str
    device: Device
    threads: int
    workload: Workload

    @property
    def rough_seconds(self) -> float:
        """How long it may take, before anything is known."""
        if self.stage in ("start", "build"):
            return SECONDS[self.stage] if self.who != BOUND else 1.0
        if self.stage == "inference":
            return SECONDS[self.stage]
        work = self.workload
        rough = CORE if self.device.is_cpu else ACCELERATOR
        cores = self.threads if self.device.is_cpu else 1
        flop = work.epoch_flop + work.predict_flop * work.test_samples
        step = rough.step_seconds + rough.parameter_seconds * work.parameter_count
        compiling = SECONDS["compile"] if self.stage == "compile" and self.who != BOUND else 0.0
        return flop / rough.flop_per_second / cores + work.steps * step + compiling


def verification_seconds(run: Run, starting: float = 1.0) -> float:
    """Return how long the missing verifications will take, roughly; `starting` as in Estimate."""
    total = 0.0
    for job, cases in verification_jobs(run.workloads, missing_verifications(run)).items():
        at_once = run.threads if job[1].is_cpu else run.together or 1  # device
        seconds = VERIFICATION["child"] * starting + VERIFICATION["case"] * len(cases)
        total += seconds / min(at_once, AT_ONCE)
    return total


class Estimate:
    """How long the rounds that are left will take.

    A step that was done takes as long as it did then; one that was not takes its rough time, times
    what the like of it took of theirs.
    """

    def __init__(self, run: Run, starting: float = 1.0) -> None:
        """Count the steps of the rounds that are missing; nothing is known of their time yet.

        Starting is expected to take `starting` times as long as on two Zen 4 cores.
        """
        self.done = 0
        self._left: Counter[Step] = Counter()
        self._seconds: dict[Step, list[float]] = defaultdict(list)
        self._threads = run.threads
        self._starting = starting
        self.plan(run)

    def plan(self, run: Run) -> None:
        """Count again what is left of the run."""
        self._left = Counter()
        for stage in missing_stages(run):
            begun: set[tuple[object, ...]] = set()
            for group in stage:
                for awake in _steps(group):
                    who = (awake.who, awake.device, awake.threads, awake.precision)
                    if awake.stage == "start" and who in begun:
                        awake = awake._replace(stage="build")
                    begun.add(who)
                    self._left[self._step(awake)] += 1

    def begun(self, awake: Awake) -> None:
        """Count a step as no longer left."""
        self.done += 1
        self._left[self._step(awake)] -= 1

    def took(self, awake: Awake, seconds: float) -> None:
        """Learn how long a step took."""
        self._seconds[self._step(awake)].append(seconds)

    @property
    def total(self) -> int:
        """Number of all steps."""
        return self.done + self._left.total()

    @property
    def seconds_left(self) -> float:
        """Seconds that the steps left will take."""
        typical = {step: statistics.median(seconds) for step, seconds in self._seconds.items()}
        alike: dict[tuple[str, ...], list[float]] = defaultdict(list)
        for step, seconds in typical.items():
            for key in ((step.stage, step.who), (step.stage,)):
                alike[key].append(seconds / step.rough_seconds)
        factors = {key: statistics.mean(found) for key, found in alike.items()}

        def expected(step: Step) -> float:
            usual = self._starting if step.stage == "start" else 1.0
            overall = factors.get((step.stage,), usual)
            return step.rough_seconds * factors.get((step.stage, step.who), overall)

        left = self._left.items()
        return max(0.0, sum(n * typical.get(step, expected(step)) for step, n in left))

    def _step(self, awake: Awake) -> Step:
        assert awake.group is not None, "verifications are not counted"
        stage = "compile" if awake.turn == 1 else awake.stage
        threads = awake.threads or self._threads
        work = awake.group.work(awake.precision)
        return Step(stage, awake.who, awake.device, threads, work)


def _steps(group: Group) -> Iterator[Awake]:
    """Yield the steps of a group, as if it were the first of its stage."""
    who = [(case.backend, *group.place(case)) for case in group.cases]
    who += [(BOUND, *place) for place in group.bounds]
    for name, device, threads, precision in who:
        for turn in range(group.turns_of(name) + 1):
            yield Awake(group.stage(turn), name, device, group, turn, threads, precision)
