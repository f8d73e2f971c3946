"""NumPy on the CPU: every layer by hand, matrix products by its BLAS.

This is also the reference of the verification: its precision is that of the parameters.
"""

# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.0"]
#
# [tool.bench]
# purpose = "NumPy, everything by hand; the reference"
# measures_bound = true
# ///

import numpy as np

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

from ._mlp import Network


def devices() -> list[str]:
    """Return the one device that there is."""
    return ["cpu"]


def versions() -> dict[str, str | None]:
    """Return the version of NumPy and which BLAS it was built with."""
    blas = np.show_config("dicts")["Build Dependencies"]["blas"]
    return {"numpy": np.__version__, "blas": f"{blas['name']} {blas['version']}"}


class Model:
    """The network and the training set, which is read where it lies."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Copy the parameters; allocate the batch."""
        precision = parameters[0].weight.dtype
        self._network = Network(np, workload, parameters)
        self._images = train.images.astype(precision, copy=False)
        self._targets = np.eye(workload.widths[-1], dtype=precision)[train.labels]
        self._batch = np.empty((workload.batch_size, workload.widths[0]), precision)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        size = len(self._batch)
        for order in orders:
            loss = 0.0
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                images = self._batch[: len(rows)]
                np.take(self._images, rows, axis=0, out=images, mode="clip")  # "raise" would buffer
                loss += self._network.step(images, self._targets[rows])
            epoch_done(float(loss) / len(order))

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return self._network.predict(images)

    def parameters(self) -> Parameters:
        """Return copies, in the precision that was given."""
        return [Layer(weight.copy(), bias.copy()) for weight, bias in self._network.layers]
