"""One trial, inside the child: inputs, model, epochs, memory; and whether it was what it claims."""

import sys
import time
from pathlib import Path

import msgspec
import psutil

from bench.clock import BrokenContract
from bench.contract import DeviceMemory, Model, no_device_memory
from bench.energy import counter
from bench.inputs import inputs_hash, read_raw, scale, start_parameters
from bench.records import Trained
from bench.reference import equal
from bench.watched import Watched
from bench.workload import Workload


def train(
    model_type: type[Model],
    workload: Workload,
    device: str,
    *,
    round_number: int,
    start_seconds: float,
    import_seconds: float,
    imported: float | None = None,
    secret: int | None = None,
    device_memory: DeviceMemory = no_device_memory,
) -> Trained:
    """Train a fresh model to the last epoch and return all that was measured.

    The two seconds are what was measured before, until the clock showed `imported` (None: now);
    `secret` makes the last order (see bench.inputs); `device_memory` is asked of an accelerator
    only. Raises what the backend raises, BrokenContract, NotFinite, BrokenData.
    """
    begun = time.perf_counter() if imported is None else imported
    raw = read_raw(workload)
    samples, test = scale(raw, workload)
    inputs = inputs_hash(raw, workload)
    del raw
    seeded = msgspec.structs.replace(workload, seed=workload.seed + round_number)
    parameters = start_parameters(seeded)
    data_done = time.perf_counter()
    model = model_type(seeded, parameters, samples, device)
    watched = Watched(model, seeded, test, secret=secret)
    if not equal(watched.kept[0], parameters):
        raise BrokenContract("the model starts from other parameters than the given ones")
    watched.train(counter(device))
    settle, idle_copy = watched.typical_copies
    peak_memory = peak_memory_bytes()  # before the check, whose memory is not the backend's
    device_peak = None if device == "cpu" else device_memory(device)
    check_begun = time.perf_counter()
    watched.check(samples)  # when all is measured: it costs some epochs of NumPy
    check_seconds = time.perf_counter() - check_begun + watched.seconds_of_checks
    return Trained(
        inputs=inputs,
        start_seconds=start_seconds,
        import_seconds=import_seconds,
        data_seconds=data_done - begun,
        build_seconds=watched.started - data_done,
        epochs=tuple(watched.epochs),
        settle_seconds=settle,
        idle_copy_seconds=idle_copy,
        between_seconds=sum(watched.between) + watched.after,
        check_seconds=check_seconds,
        total_seconds=start_seconds + import_seconds + time.perf_counter() - begun,
        peak_memory_bytes=peak_memory,
        device_memory_bytes=device_peak,
    )


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
