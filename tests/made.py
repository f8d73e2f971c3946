"""Records made up for tests: every part of a run in one line, honest unless told otherwise.

Whatever is passed by name replaces what would be made up: `make_trained(import_seconds=1.0)`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench.results import validity
from bench.results.hardware import Conditions, Machine, ThreadPool
from bench.results.records import (
    BoundTrial,
    Case,
    Described,
    Epoch,
    Failed,
    GemmBound,
    Inference,
    Run,
    Trained,
    Trial,
    Verification,
    Verified,
)
from bench.results.submission import ORIGINS
from bench.workload import CPU, VARIANTS, Device, Workload, workload_for

SECONDS = {"numpy": [0.24, 0.25], "torch": [0.30, 0.31]}  # per epoch, by backend and round
INPUTS = "0123456789ab"


def make_workload(variant: str = "relu", epochs: int = 3, **changes: Any) -> Workload:
    """Return a variant's workload with few epochs."""
    return msgspec.structs.replace(VARIANTS[variant], epochs=epochs, **changes)


def make_case(
    backend: str = "numpy", device: str = "cpu", workload: Workload | None = None
) -> Case:
    """Return a row's name."""
    work = workload or make_workload()
    return Case(backend, Device.named(device), work.fingerprint)


def make_epoch(
    seconds: float = 0.25, loss: float = 0.5, accuracy: float = 0.85, **changes: Any
) -> Epoch:
    """Return one epoch."""
    facts = {"cpu_seconds": 2 * seconds, "evaluation_seconds": 0.02, "copy_seconds": 0.001,
             "idle_copy_seconds": 0.001}  # fmt: skip
    return Epoch(seconds=seconds, loss=loss, accuracy=accuracy, **{**facts, **changes})


def make_epochs(seconds: float = 0.25, count: int = 3) -> tuple[Epoch, ...]:
    """Return epochs whose loss falls; the first takes twice as long."""
    return tuple(
        make_epoch(seconds * (2 if number == 0 else 1), 1 / (number + 1), 0.80 + 0.01 * number)
        for number in range(count)
    )


def make_trained(
    seconds: float = 0.25, epochs: int | Sequence[Epoch] = 3, **changes: Any
) -> Trained:
    """Return a trial whose loss falls and whose phases add up; `epochs` are made, or given."""
    laps = make_epochs(seconds, epochs) if isinstance(epochs, int) else tuple(epochs)
    facts = {
        "inputs": INPUTS,
        "start_seconds": 0.1,
        "import_seconds": 0.2,
        "data_seconds": 0.3,
        "build_seconds": 0.1,
        "epochs": laps,
        "between_seconds": 0.002,
        "peak_memory_bytes": 200_000_000,
    }
    return Trained(**{**facts, **changes})


def make_inference(
    microseconds: float = 200.0, images: int = 1, turns: int = 5, calls: int = 40
) -> Inference:
    """Return the calls of some turns, each a little longer than the one before."""
    steps = [round(1e-6 * microseconds * (1 + number / 1000), 9) for number in range(calls)]
    return Inference(images, (tuple(steps),) * turns)


def make_failed(kind: Any = "raised", reason: str = "ValueError: no", *log_tail: str) -> Failed:
    """Return a failure."""
    return Failed(kind=kind, reason=reason, log_tail=log_tail)


def make_verified(**changes: Any) -> Verified:
    """Return a verification without any flag."""
    facts = {
        "loss_deviation": 1e-7,
        "parameter_deviation": 1e-5,
        "loss_limit": 2e-6,
        "parameter_limit": 1e-4,
    }
    return Verified(**{**facts, **changes})


def make_gemm_bound(epoch_seconds: float = 0.2, **changes: Any) -> GemmBound:
    """Return the GEMM bound of a workload on a device."""
    facts = {"library": "OpenBLAS 0.3", "peak_flop_per_second": 2e11}
    return GemmBound(epoch_seconds=(epoch_seconds,), **{**facts, **changes})


def make_verification(case: Case, result: Verified | Failed | None = None) -> Verification:
    """Return the outcome of a verification."""
    return Verification(case=case, result=result or make_verified())


def make_trial(
    case: Case, round: int = 0, result: Trained | Failed | None = None, **changes: Any
) -> Trial:
    """Return the outcome of a trial."""
    facts = {"started": "2026-01-02T03:04:05+00:00", "total_seconds": 2.5,
             "conditions": Conditions()}  # fmt: skip
    return Trial(case=case, round=round, result=result or make_trained(), **{**facts, **changes})


def make_described(devices: Sequence[str] = ("cpu",), **versions: str | None) -> Described:
    """Return what a backend says of itself."""
    return Described(
        devices=tuple(map(Device.named, devices)),
        versions=versions or {"framework": "1.2.3"},
        python="3.11.9",
        thread_pools=(ThreadPool("openblas", "0.3.30", 2),),
    )


def make_machine(**changes: Any) -> Machine:
    """Return a machine."""
    facts = {"cpu_model": "AMD EPYC 9354", "physical_cores": 2, "logical_cores": 4}
    return Machine(**{**facts, **changes})


def make_run(
    seconds: Mapping[str, Sequence[float]] = SECONDS,
    workload: Workload | None = None,
    device: str = "cpu",
    **changes: Any,
) -> Run:
    """Return a finished run of one workload: `seconds` per epoch, by backend and round."""
    work = workload or make_workload()
    cases = {name: make_case(name, device, work) for name in seconds}
    facts = {
        "bench": "0.1",
        "created": "2026-01-02T03:04:05+00:00",
        "command": "python -m bench run",
        "machine": make_machine(),
        "threads": 2,
        "rounds": max(map(len, seconds.values()), default=1),
        "workloads": {work.fingerprint: work},
        "cases": tuple(cases.values()),
        "backends": {name: make_described([device]) for name in seconds},
        "verifications": tuple(make_verification(case) for case in cases.values()),
        "trials": tuple(
            make_trial(cases[name], number, make_trained(value, work.epochs))
            for name, values in seconds.items()
            for number, value in enumerate(values)
        ),
    }
    return Run(**{**facts, **changes})


def make_planned(
    backends: Sequence[str] = ("numpy", "torch"), rounds: int = 2, **changes: Any
) -> Run:
    """Return a run of which nothing is done yet."""
    nothing = {"rounds": rounds, "verifications": (), "trials": ()}
    return make_run({name: [] for name in backends}, **{**nothing, **changes})


def with_result(run: Run, backend: str, result: Trained | Failed, round: int = 0) -> Run:
    """Return the run with the result of one trial replaced."""
    trials = tuple(
        msgspec.structs.replace(trial, result=result)
        if (trial.case.backend, trial.round) == (backend, round)
        else trial
        for trial in run.trials
    )
    return msgspec.structs.replace(run, trials=trials)


def with_verification(run: Run, backend: str, result: Verified | Failed) -> Run:
    """Return the run with the result of one verification replaced."""
    verifications = tuple(
        msgspec.structs.replace(one, result=result) if one.case.backend == backend else one
        for one in run.verifications
    )
    return msgspec.structs.replace(run, verifications=verifications)


def make_bound_trial(
    workload: Workload,
    round: int = 0,
    result: GemmBound | Failed | None = None,
    device: str = "cpu",
) -> BoundTrial:
    """Return the outcome of measuring a GEMM bound."""
    bound = result or make_gemm_bound()
    return BoundTrial(Device.named(device), workload.fingerprint, round, bound)


def make_honest_trained(seconds: float = 0.25) -> Trained:
    """Return a trial as an honest backend of the standard workload `relu` brings it."""
    work = workload_for("relu", CPU)
    laps = list(make_epochs(seconds, 10))
    laps[-1] = msgspec.structs.replace(laps[-1], accuracy=0.887)
    return make_trained(seconds, laps, inputs=ORIGINS[work].inputs)


def make_honest_run(
    backends: Sequence[str] = ("numpy", "torch"),
    seconds: Sequence[float] = (0.24, 0.25, 0.26),
    **changes: Any,
) -> Run:
    """Return a run of the standard workload that `check` accepts, with these seconds by round."""
    work, rounds = workload_for("relu", CPU), range(len(seconds))
    bound = make_gemm_bound(peak_flop_per_second=4e11)
    run = make_planned(backends, rounds=len(seconds), workload=work)
    facts = {
        "gemm_bounds": tuple(make_bound_trial(work, number, bound) for number in rounds),
        "verifications": tuple(map(make_verification, run.cases)),
        "trials": tuple(
            make_trial(case, number, make_honest_trained(seconds[number]))
            for number in rounds
            for case in run.cases
        ),
    }
    return msgspec.structs.replace(run, **{**facts, **changes})


def flags_of(run: Run, backend: str) -> list[str]:
    """Return the flags of a backend's row, in words."""
    found = validity.flags(run).items()
    return next((list(map(str, flags)) for case, flags in found if case.backend == backend), [])
