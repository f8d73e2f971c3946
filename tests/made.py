"""Records made up for tests: every part of a run in one line, honest unless told otherwise.

Whatever is passed by name replaces what would be made up: `make_trained(settle_seconds=1.0)`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bench import checks, runner
from bench.admission import INPUTS_HASHES
from bench.records import (
    Cell,
    Described,
    Epoch,
    Failed,
    Floor,
    FloorOf,
    Machine,
    Moment,
    Proof,
    Proved,
    Run,
    ThreadPool,
    Trained,
    Trial,
)
from bench.workload import VARIANTS, Workload, workload_for

SECONDS = {"numpy": [0.24, 0.25], "torch": [0.30, 0.31]}  # per epoch, by backend and round
INPUTS = "0123456789ab"


def make_workload(variant: str = "relu", epochs: int = 3, **changes: Any) -> Workload:
    """Return a variant's workload with few epochs."""
    return msgspec.structs.replace(VARIANTS[variant], epochs=epochs, **changes)


def make_cell(
    backend: str = "numpy", device: str = "cpu", workload: Workload | None = None
) -> Cell:
    """Return a row's name."""
    work = workload or make_workload()
    return Cell(backend, device, work.variant, work.fingerprint)


def make_epoch(
    seconds: float = 0.25, loss: float = 0.5, accuracy: float = 0.85, **changes: Any
) -> Epoch:
    """Return one epoch."""
    facts = {"cpu_seconds": 2 * seconds, "evaluation_seconds": 0.02}
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
        "settle_seconds": 0.001,
        "idle_copy_seconds": 0.001,
        "check_seconds": 0.002,
        "total_seconds": 0.702 + sum(lap.seconds + lap.evaluation_seconds for lap in laps),
        "peak_memory_bytes": 200_000_000,
    }
    return Trained(**{**facts, **changes})


def make_failed(kind: Any = "raised", reason: str = "ValueError: no", *log_tail: str) -> Failed:
    """Return a failure."""
    return Failed(kind=kind, reason=reason, log_tail=log_tail)


def make_proved(**changes: Any) -> Proved:
    """Return a proof that holds."""
    facts = {
        "loss_deviation": 1e-7,
        "parameter_deviation": 1e-5,
        "loss_limit": 2e-6,
        "parameter_limit": 1e-4,
    }
    return Proved(**{**facts, **changes})


def make_floor(epoch_seconds: float = 0.2, **changes: Any) -> Floor:
    """Return the floor of a workload on a device."""
    facts = {"library": "OpenBLAS 0.3", "peak_flop_per_second": 2e11}
    return Floor(epoch_seconds=epoch_seconds, **{**facts, **changes})


def make_proof(cell: Cell, result: Proved | Failed | None = None) -> Proof:
    """Return the outcome of a proof."""
    return Proof(cell=cell, result=result or make_proved())


def make_trial(
    cell: Cell, round: int = 0, result: Trained | Failed | None = None, **changes: Any
) -> Trial:
    """Return the outcome of a trial."""
    facts = {"started": "2026-01-02T03:04:05+00:00", "moment": Moment()}
    return Trial(cell=cell, round=round, result=result or make_trained(), **{**facts, **changes})


def make_described(devices: Sequence[str] = ("cpu",), **versions: str | None) -> Described:
    """Return what a backend says of itself."""
    return Described(
        devices=tuple(devices),
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
    cells = {name: make_cell(name, device, work) for name in seconds}
    facts = {
        "bench": "0.1",
        "created": "2026-01-02T03:04:05+00:00",
        "command": "python -m bench run",
        "machine": make_machine(),
        "threads": 2,
        "rounds": max(map(len, seconds.values()), default=1),
        "workloads": {work.fingerprint: work},
        "cells": tuple(cells.values()),
        "backends": {name: make_described([device]) for name in seconds},
        "proofs": tuple(make_proof(cell) for cell in cells.values()),
        "trials": tuple(
            make_trial(cells[name], number, make_trained(value, work.epochs))
            for name, values in seconds.items()
            for number, value in enumerate(values)
        ),
    }
    return Run(**{**facts, **changes})


def make_planned(
    backends: Sequence[str] = ("numpy", "torch"), rounds: int = 2, **changes: Any
) -> Run:
    """Return a run of which nothing is done yet."""
    nothing = {"rounds": rounds, "proofs": (), "trials": ()}
    return make_run({name: [] for name in backends}, **{**nothing, **changes})


def with_result(run: Run, backend: str, result: Trained | Failed, round: int = 0) -> Run:
    """Return the run with the result of one trial replaced."""
    trials = tuple(
        msgspec.structs.replace(trial, result=result)
        if (trial.cell.backend, trial.round) == (backend, round)
        else trial
        for trial in run.trials
    )
    return msgspec.structs.replace(run, trials=trials)


def with_proof(run: Run, backend: str, result: Proved | Failed) -> Run:
    """Return the run with the result of one proof replaced."""
    proofs = tuple(
        msgspec.structs.replace(proof, result=result) if proof.cell.backend == backend else proof
        for proof in run.proofs
    )
    return msgspec.structs.replace(run, proofs=proofs)


def make_honest_trained(seconds: float = 0.25) -> Trained:
    """Return a trial as an honest backend of the standard workload `relu` brings it."""
    work = workload_for("relu", "cpu")
    loss = 1 + 1e-4 * seconds  # no two trials have the same
    laps = [msgspec.structs.replace(lap, loss=lap.loss * loss) for lap in make_epochs(seconds, 10)]
    laps[-1] = msgspec.structs.replace(laps[-1], accuracy=0.887)
    return make_trained(seconds, laps, inputs=INPUTS_HASHES[work.fingerprint])


def make_honest_run(
    backends: Sequence[str] = ("numpy", "torch"),
    seconds: Sequence[float] = (0.24, 0.25, 0.26),
    **changes: Any,
) -> Run:
    """Return a run of the standard workload that `check` accepts, with these seconds by round."""
    work = workload_for("relu", "cpu")
    floors = (FloorOf("cpu", work.fingerprint, make_floor(peak_flop_per_second=4e11)),)
    run = make_planned(backends, rounds=len(seconds), workload=work, floors=floors)
    created = datetime.fromisoformat(run.created)
    trials = tuple(
        make_trial(
            step.cell,
            step.round,
            make_honest_trained(seconds[step.round]),
            started=(created + timedelta(seconds=10 * number)).isoformat(),
        )
        for number, step in enumerate(runner.missing_trials(run))
    )
    proofs = tuple(map(make_proof, run.cells))
    return msgspec.structs.replace(run, **{"proofs": proofs, "trials": trials, **changes})


def marks_of(run: Run, backend: str) -> list[str]:
    """Return the marks of a backend's row."""
    return next((m for cell, m in checks.marks(run).items() if cell.backend == backend), [])
