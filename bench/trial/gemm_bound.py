"""The GEMM bound of a device: the matrix products of one epoch alone, and one large product.

No implementation can train faster than its matrix products, so what a backend takes beyond
them is what its framework costs. Measured with the fastest of the libraries at hand (on one machine
XLA multiplied these shapes in two thirds of OpenBLAS's time), in every round, in turns with the
backends: a single moment was once a quarter slower than the run that it began.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from bench.results.records import GemmBound
from bench.trial.gemm_libraries import Array, Layers, Library, libraries_for
from bench.workload import Device, Precision, Workload

TRIES = 5  # epochs of each library, in turns, to find the fastest; the best of each counts
PEAK_SECONDS = 0.25  # spent on large products at least; the fastest of them counts
PEAK_REPEATS = 3
# Rows and columns of the large product: on an accelerator, which may be small, as large as can be.
LARGE, LARGE_ELSEWHERE = (2048,), (1024, 2048, 4096, 8192)

Timed = Callable[[Library, Callable[[], object]], float]  # seconds that some work takes


def measure(
    workload: Workload,
    device: Device,
    turns: int,
    library: str | None = None,
    wait_for_turn: Callable[[], None] = lambda: None,
    find: Callable[[Device, str | None, Precision], list[Library]] = libraries_for,
    clock: Callable[[], float] = time.perf_counter,
) -> GemmBound:
    """Return the GEMM bound of a workload on a device, timed in so many epochs.

    `library` is the one that an earlier round named; None: all are tried and the fastest counts.
    Raises NoLibrary if nothing can measure it.
    """
    timed = partial(_timed, clock)
    libraries = find(device, library, workload.precision)
    epochs = {one: epoch_of(one, workload) for one in libraries}
    count = TRIES if len(libraries) > 1 else 1  # one alone needs only to warm up
    tries = [[timed(one, epochs[one]) for one in libraries] for _ in range(count)]
    best = map(min, zip(*tries, strict=True))
    fastest, _ = min(zip(libraries, best, strict=True), key=lambda pair: pair[1])
    widths = LARGE if device.is_cpu else LARGE_ELSEWHERE
    peak = max(_peak(one, widths, timed) for one in libraries)
    images = np.ones((workload.train_samples, workload.widths[0]), np.float32)
    upload = None if device.is_cpu else timed(fastest, lambda: fastest.upload(images))
    seconds = []
    for _ in range(turns):
        wait_for_turn()
        seconds.append(timed(fastest, epochs[fastest]))
    # Where code is generated, a square product need not be what it multiplies fastest.
    peak = max(peak, workload.epoch_flop / min(seconds))
    return GemmBound(fastest.name, tuple(seconds), peak, upload)


def epoch_of(library: Library, workload: Workload) -> Callable[[], object]:
    """Return what does the matrix products of one epoch."""
    count, rest = divmod(workload.train_samples, workload.batch_size)
    full = step(library, workload, workload.batch_size) if count else None
    short = step(library, workload, rest) if rest else None

    def epoch() -> object:
        result = None
        for _ in range(count):
            result = full and full()
        return short() if short else result

    return epoch


def step(library: Library, workload: Workload, rows: int) -> Callable[[], object]:
    """Return what does the matrix products of one training step on a batch of so many rows."""
    generator = np.random.default_rng(0)

    def array(*shape: int) -> Array:
        return library.upload(generator.random(shape, np.float32))

    shapes = list(pairwise(workload.widths))
    layers = [(array(rows, one), array(one, two), array(rows, two)) for one, two in shapes]

    def products(layers: Layers) -> list[Array]:
        found = []
        for index, (values, weight, error) in enumerate(layers):
            found.append(library.multiply(values, weight))  # forward: (rows, in) @ (in, out)
            found.append(library.multiply(values.T, error))  # weight's: (in, rows) @ (rows, out)
            if index:
                found.append(library.multiply(error, weight.T))  # input's: (rows, out) @ (out, in)
        return found

    return library.repeated(products, layers)


def _peak(library: Library, widths: Sequence[int], timed: Timed) -> float:
    """Return the rate of the fastest of several products of two square matrices, in FLOP/s.

    No larger ones are tried when a product alone takes as long as they are given together.
    """
    rates = []
    for width in widths:
        seconds = _product_seconds(library, width, timed)
        rates.append(2 * width**3 / seconds)
        if seconds > PEAK_SECONDS:
            break
    return max(rates)


def _product_seconds(library: Library, width: int, timed: Timed) -> float:
    """Return the seconds of the fastest of several products of two matrices of that width."""
    matrix = library.upload(np.random.default_rng(0).random((width, width), np.float32))
    library.multiply(matrix, matrix)
    seconds: list[float] = []
    while len(seconds) < PEAK_REPEATS or sum(seconds) < PEAK_SECONDS:
        seconds.append(timed(library, lambda: library.multiply(matrix, matrix)))
    return min(seconds)


def _timed(clock: Callable[[], float], library: Library, work: Callable[[], object]) -> float:
    library.wait(None)
    begun = clock()
    library.wait(work())
    return clock() - begun
