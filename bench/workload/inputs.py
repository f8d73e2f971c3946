"""What every backend is given: the images, the start parameters and the epochs' orders.

All of it comes from integer sums, table look-ups and the raw bits of NumPy's generators, so it is
the same to the last bit on every machine. Nothing is downloaded.
"""

import hashlib
import math
from collections.abc import Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.workload import Workload, mnist
from bench.workload.contract import Integers, Layer, Parameters, Samples

Pixels = npt.NDArray[np.uint8]


class Raw(NamedTuple):
    """Images and labels as the files hold them, cut to the workload's sizes."""

    train_images: Pixels  # (train samples, 784)
    train_labels: Integers  # (train samples,)
    test_images: Pixels  # (test samples, 784)
    test_labels: Integers  # (test samples,)


def read_raw(workload: Workload, folder: Path | None = None) -> Raw:
    """Read the first samples of each file; raise mnist.BrokenData naming the file that is wrong.

    `folder` defaults to the one that the variable MLP_BENCH_DATA names, else to the shipped MNIST.
    """
    chosen = folder or mnist.data_folder()
    return Raw(
        _read(chosen, mnist.TRAIN_IMAGES, workload.train_samples).reshape(-1, 784),
        _read(chosen, mnist.TRAIN_LABELS, workload.train_samples).astype(np.int64),
        _read(chosen, mnist.TEST_IMAGES, workload.test_samples).reshape(-1, 784),
        _read(chosen, mnist.TEST_LABELS, workload.test_samples).astype(np.int64),
    )


def _read(folder: Path, file: mnist.IdxFile, count: int) -> Pixels:
    return np.frombuffer(mnist.read(folder, file, count), np.uint8)


def scale(raw: Raw, workload: Workload) -> tuple[Samples, Samples]:
    """Return the training and the test samples, scaled as the workload says, in float32.

    `standardize` subtracts one mean and divides by one standard deviation, both of all pixels of
    the training samples; `divide_by_255` divides by 255. A pixel has 256 values, so scaling is a
    look-up in a table that was computed in float64.
    """
    values = np.arange(256, dtype=np.float64)
    if workload.scaling == "standardize":
        mean, deviation = _mean_and_deviation(raw.train_images)
        table = ((values - mean) / deviation).astype(np.float32)
    else:
        table = (values / 255).astype(np.float32)
    return (
        Samples(table[raw.train_images], raw.train_labels),
        Samples(table[raw.test_images], raw.test_labels),
    )


def _mean_and_deviation(images: Pixels) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels, from exact integer sums."""
    pieces = range(0, len(images), 1_000)  # bincount widens what it is given to int64
    counts = [np.bincount(images[at : at + 1_000].ravel(), minlength=256) for at in pieces]
    pixels = [int(number) for number in np.sum(counts, axis=0)]  # with each of the 256 values
    count = images.size
    total = sum(number * value for value, number in enumerate(pixels))
    squares = sum(number * value**2 for value, number in enumerate(pixels))
    if count * squares == total**2:
        raise mnist.BrokenData(
            f"all {count:,} pixels of the training images have the same value; "
            f"expected images: check the folder that {mnist.VARIABLE} names"
        )
    return total / count, math.sqrt(count * squares - total**2) / count


def start_parameters(workload: Workload) -> Parameters:
    """Return Glorot-uniform weights (in, out) and zero biases (out,), float32.

    Uniform in ± sqrt(6 / (in + out)): Glorot and Bengio, AISTATS 2010.
    """
    generator = np.random.default_rng([workload.seed, 0])
    layers = []
    for rows, columns in pairwise(workload.widths):
        limit = np.float32(np.sqrt(6 / (rows + columns)))
        weight = generator.random((rows, columns), dtype=np.float32)  # multiples of 2**-24
        layers.append(Layer((2 * weight - 1) * limit, np.zeros(columns, np.float32)))
    return layers


def epoch_orders(workload: Workload) -> Iterator[Integers]:
    """Yield for each epoch the order of the training samples: a permutation (samples,), int64."""
    generator = np.random.default_rng([workload.seed, 1])
    for _ in range(workload.epochs):
        yield generator.permutation(workload.train_samples)


def inputs_hash(raw: Raw, workload: Workload) -> str:
    """Return 12 hex digits of the SHA-256 of all that a backend is given at the workload's seed.

    That is images, labels, start parameters and orders. Two results with different hashes cannot be
    compared, whatever the reason: other images, say, or a NumPy whose generators differ.
    """
    digest = hashlib.sha256()
    parameters = chain.from_iterable(start_parameters(workload))
    arrays: Iterator[npt.NDArray[np.generic]] = chain(raw, parameters, epoch_orders(workload))
    for array in arrays:
        digest.update(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).data)
    return digest.hexdigest()[:12]
