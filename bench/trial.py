"""One trial, inside the child: inputs, model, epochs under the clock, score, settle check."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import psutil

from bench.clock import BrokenContract, EpochClock, Lap
from bench.contract import Integers, Model, Samples
from bench.energy import Counter, counter
from bench.inputs import epoch_orders, inputs_hash, read_raw, scale, start_parameters
from bench.records import Epoch, Trained
from bench.workload import Workload


def train(
    model_type: type[Model],
    workload: Workload,
    device: str,
    *,
    round_number: int,
    started: float,
    start_seconds: float,
    import_seconds: float,
) -> Trained:
    """Train a fresh model to the last epoch and return all that was measured.

    `started` is the `time.time()` at which the parent started this process; the two seconds are
    what was measured before. Raises what the backend raises, BrokenContract, NotFinite, BrokenData.
    """
    begun = time.perf_counter()
    raw = read_raw(workload)
    samples, test = scale(raw, workload)
    inputs = inputs_hash(raw, workload)
    del raw
    seeded = msgspec.structs.replace(workload, seed=workload.seed + round_number)
    parameters = start_parameters(seeded)
    data_done = time.perf_counter()
    model = model_type(seeded, parameters, samples, device)
    built = time.perf_counter()
    epochs, settle, idle_copy = train_and_score(model, seeded, test, energy=counter(device))
    return Trained(
        inputs=inputs,
        start_seconds=start_seconds,
        import_seconds=import_seconds,
        data_seconds=data_done - begun,
        build_seconds=built - data_done,
        epochs=epochs,
        settle_seconds=settle,
        idle_copy_seconds=idle_copy,
        total_seconds=time.time() - started,
        peak_memory_bytes=peak_memory_bytes(),
    )


def train_and_score(
    model: Model,
    workload: Workload,
    test: Samples,
    clock: Callable[[], float] = time.perf_counter,
    energy: Counter = lambda: None,
) -> tuple[tuple[Epoch, ...], float, float]:
    """Train all epochs, scoring after each; return them with the seconds of two copies.

    The first copy of the parameters is taken right after the last epoch's clock stopped, before
    any evaluation: if the device was still at work then, it is the copy that waits. The second
    is taken at once after it, on an idle device.
    """
    epochs: list[Epoch] = []
    copies: list[float] = []

    def copy_parameters() -> None:
        begun = clock()
        model.parameters()
        copies.append(clock() - begun)

    def lap_done(lap: Lap) -> None:
        if len(epochs) + 1 == workload.epochs:
            copy_parameters()
            copy_parameters()
        begun = clock()
        predicted = model.predict(test.images)
        evaluation_seconds = clock() - begun
        accuracy = score(predicted, test.labels)
        epochs.append(
            Epoch(**lap._asdict(), accuracy=accuracy, evaluation_seconds=evaluation_seconds)
        )

    epoch_clock = EpochClock(epoch_orders(workload), lap_done, clock, energy=energy)
    model.train(epoch_clock, epoch_clock.epoch_done)
    if len(epochs) != workload.epochs:
        raise BrokenContract(
            f"train returned after {len(epochs)} epochs; expected one for each of the "
            f"{workload.epochs} orders: see bench/contract.py"
        )
    return tuple(epochs), copies[0], copies[1]


def score(predicted: Integers, labels: Integers) -> float:
    """Return the share of predictions that are right; raise BrokenContract if they are none."""
    classes = np.asarray(predicted)
    if classes.shape != labels.shape or not np.issubdtype(classes.dtype, np.integer):
        raise BrokenContract(
            f"predict returned {classes.dtype} of shape {classes.shape}; expected class indices, "
            f"integers of shape {labels.shape}: see bench/contract.py"
        )
    return float(np.mean(classes == labels))


def peak_memory_bytes() -> int | None:
    """Return the most memory that was resident in this process; None where nothing tells.

    On Linux from VmHWM: ru_maxrss would start at the size of the parent that forked us.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
