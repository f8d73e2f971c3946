"""The floor of a device: the matrix products of one epoch alone, and one large product.

No backend can train faster than its matrix products, so what it takes beyond them is the tax of
the framework. Measured inside a child, with the fastest of the libraries at hand: on one machine
XLA multiplied these shapes in two thirds of OpenBLAS's time. Measured in every round, as the trials
are: a single moment was once a quarter slower than the run that it began.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import numpy as np

from bench.products import Array, Layers, Products, libraries_for
from bench.records import Floor
from bench.workload import Workload

EPOCH_REPEATS = 3
PEAK_SECONDS = 0.25  # spent on large products at least; the fastest of them counts
PEAK_REPEATS = 3
LARGE = {"cpu": 2048}  # rows and columns of the large product
LARGE_ELSEWHERE = 8192


def measure(workload: Workload, device: str, library: str | None = None) -> Floor:
    """Return the floor of a workload on a device; raise NoLibrary if nothing can measure it.

    `library` is the one that a floor named; None: all are tried and the fastest counts.
    """
    libraries = list(libraries_for(device, library))
    measured = [(_epochs(one, workload), one) for one in libraries]
    seconds, fastest = min(measured, key=lambda pair: min(pair[0]))
    width = LARGE.get(device, LARGE_ELSEWHERE)
    images = np.ones((workload.train_samples, workload.widths[0]), np.float32)
    return Floor(
        library=fastest.name,
        epoch_seconds=median(seconds),
        peak_flop_per_second=max(_peak(one, width) for one in libraries),
        upload_seconds=None if device == "cpu" else _timed(fastest, lambda: fastest.upload(images)),
    )


def _epochs(library: Products, workload: Workload) -> list[float]:
    """Return the seconds of some epochs of matrix products, after one that warms up."""
    full = step(library, workload, workload.batch_size)
    count, rest = divmod(workload.train_samples, workload.batch_size)
    short = step(library, workload, rest) if rest else None
    return [_epoch_seconds(library, full, count, short) for _ in range(EPOCH_REPEATS + 1)][1:]


def step(library: Products, workload: Workload, rows: int) -> Callable[[], object]:
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


def _epoch_seconds(
    library: Products, full: Callable[[], object], count: int, short: Callable[[], object] | None
) -> float:
    def epoch() -> object:
        result = None
        for _ in range(count):
            result = full()
        return result if short is None else short()

    return _timed(library, epoch)


def _peak(library: Products, width: int) -> float:
    """Return the rate of the fastest of several products of two square matrices, in FLOP/s."""
    matrix = library.upload(np.random.default_rng(0).random((width, width), np.float32))
    library.multiply(matrix, matrix)
    seconds: list[float] = []
    while len(seconds) < PEAK_REPEATS or sum(seconds) < PEAK_SECONDS:
        seconds.append(_timed(library, lambda: library.multiply(matrix, matrix)))
    return 2 * width**3 / min(seconds)


def _timed(library: Products, work: Callable[[], object]) -> float:
    library.wait(None)
    begun = time.perf_counter()
    library.wait(work())
    return time.perf_counter() - begun
