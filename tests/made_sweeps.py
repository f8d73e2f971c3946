"""Sweeps made up for tests: contenders of known overhead and cost, honest unless told otherwise."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from made import (
    make_bound_trial,
    make_described,
    make_epoch,
    make_failed,
    make_gemm_bound,
    make_run,
    make_trained,
    make_trial,
    make_verification,
    make_verified,
)
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.results.records import BoundTrial, Case, Flag, Run, Trained
from bench.workload import Axis, Device, Workload
from bench.workload.axes import THREADS, Value, placed, points

BATCHES = Axis("batch_size", (8, 32, 128, 512, 2048))
# Seconds of a step and of a sample, by backend and device:
TWO = {"numpy": (0.1e-3, 40e-6), "torch": (1.0e-3, 20e-6)}  # they cross at batch size 45
BOUND = (0.02e-3, 15e-6)
FAST_BOUND = (0.01e-3, 0.3e-6)  # of accelerators
ACCURACY = 0.88
TURNS = 9
Costs = Mapping[str, tuple[float, float]]


def make_sweep(
    contenders: Costs = TWO,
    axes: Axis | Sequence[Axis] = BATCHES,
    noise: NDArray[np.float64] | None = None,
    rounds: int = 4,
    turns: int = TURNS,
    **changes: Any,
) -> Run:
    """Return a run along axes, each epoch multiplied by noise (contenders, points, rounds, turns).

    Contenders are named like "torch" or "torch cuda:0".
    """
    axes = [axes] if isinstance(axes, Axis) else list(axes)
    cases: dict[Case, tuple[Workload, float]] = {}  # with the seconds of an epoch
    for name, point in product(contenders, points(axes)):
        case, work = _case(name, point)
        cases[case] = work, _seconds(work, case.threads, *contenders[name])
    if noise is None:
        noise = np.exp(0.01 * np.random.default_rng(1337).normal(size=(len(cases), rounds, turns)))
    seconds = noise.reshape(len(cases), rounds, turns)
    groups = _groups(list(cases))
    facts = {
        "rounds": rounds,
        "axes": tuple(axes),
        "workloads": {work.fingerprint: work for work, _ in cases.values()},
        "cases": tuple(cases),
        "groups": groups,
        "backends": {case.backend: make_described([str(case.device)]) for case in cases},
        "verifications": tuple(map(make_verification, cases)),
        "gemm_bounds": tuple(_bounds(cases, groups, rounds)),
        "trials": tuple(
            make_trial(case, number, _trained(work, base * seconds[place, number]))
            for number in range(rounds)
            for place, (case, (work, base)) in enumerate(cases.items())
        ),
    }
    return make_run(**{**facts, **changes})


def _bounds(
    cases: Mapping[Case, tuple[Workload, float]], groups: Sequence[Sequence[Case]], rounds: int
) -> Iterator[BoundTrial]:
    """Yield a bound for each device, workload and number of threads, in the first group of it."""
    seen: set[object] = set()
    for group, some in enumerate(groups):
        for case in some:
            what = (case.device, case.workload, case.threads)
            if what not in seen:
                seen.add(what)
                work, _ = cases[case]
                overhead, cost = BOUND if case.device.is_cpu else FAST_BOUND
                limit = make_gemm_bound(_seconds(work, case.threads, overhead, cost))
                for number in range(rounds):
                    bound = make_bound_trial(work, number, limit, str(case.device))
                    yield replace(bound, group=group, threads=case.threads)


def _case(name: str, point: Mapping[str, Value]) -> tuple[Case, Workload]:
    backend, _, device = name.partition(" ")
    where = Device.named(device or "cpu")
    work = replace(placed(Workload(**where.sizes), point), epochs=2)
    threads = point.get(THREADS)
    return Case(backend, where, work.fingerprint, threads and int(threads)), work


def _seconds(work: Workload, threads: int | None, overhead: float, cost: float) -> float:
    width = (work.hidden[0] / 684) ** 1.5 * len(work.hidden) / 2
    parallel = (threads or 1) ** 0.8
    return work.steps * overhead + work.train_samples * cost * width / parallel


def _trained(work: Workload, seconds: NDArray[np.float64]) -> Trained:
    first, *extra = seconds.tolist()
    accuracy = ACCURACY - 0.01 * math.log2(work.batch_size / 128)
    laps = [make_epoch(2 * first, 1.0, accuracy - 0.05), make_epoch(first, 0.5, accuracy)]
    return make_trained(epochs=laps, extra_seconds=tuple(extra))


def _groups(cases: Sequence[Case]) -> tuple[tuple[Case, ...], ...]:
    """All cases of a workload take turns on the processor, and none does on accelerators."""
    found: dict[object, list[Case]] = {}
    for case in cases:
        found.setdefault(case.workload if case.device.is_cpu else case, []).append(case)
    return tuple(map(tuple, found.values()))


def with_failed(run: Run, backend: str, place: int = 0) -> Run:
    """Return the run with all trials of a backend's point failed, the first unless told."""
    bad = [case for case in run.cases if case.backend == backend][place]
    trials = tuple(replace(one, result=make_failed()) if one.case == bad else one
                   for one in run.trials)  # fmt: skip
    return replace(run, trials=trials)


def with_flagged(run: Run, backend: str, place: int = 0) -> Run:
    """Return the run with a backend's point flagged, the first unless told."""
    bad = [case for case in run.cases if case.backend == backend][place]
    wrong = make_verified(flags=(Flag("losses", "0.1 off"),))
    verifications = tuple(replace(one, result=wrong) if one.case == bad else one
                          for one in run.verifications)  # fmt: skip
    return replace(run, verifications=verifications)


def without(run: Run, backend: str, place: int = 0) -> Run:
    """Return the run as one that has not got to a backend's point yet."""
    missing = [case for case in run.cases if case.backend == backend][place]
    trials = tuple(one for one in run.trials if one.case != missing)
    return replace(run, trials=trials)
