"""What a backend is: the promises that the harness relies on and that the tests check.

A backend is a module in `backends/` with two functions, `devices` and `versions`, and one class,
`Model`. It imports its framework at the top, and of `bench` only types. The harness runs it in a
fresh process, with threads, visible GPUs and the environment of its header set before the import.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bench.workload import Workload

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]


class Samples(NamedTuple):
    """Scaled images and their classes."""

    images: Floats  # (samples, 784), float32, C order
    labels: Integers  # (samples,), int64, 0..9


class Layer(NamedTuple):
    """The parameters of one dense layer."""

    weight: Floats  # (in, out)
    bias: Floats  # (out,)


Parameters = list[Layer]
Orders = Iterator[Integers]  # one permutation (samples,) of the training set an epoch
EpochDone = Callable[[float], None]


class Model(Protocol):
    """The network of a workload, on a device, ready to be trained once."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build the network with exactly these parameters; what is uploaded is uploaded here.

        The arrays belong to the harness: read them, never write into them. Dropout masks are the
        only random thing left; they come from `workload.seed`.
        """

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order that `orders` hands out.

        An epoch is one pass over the training set in exactly that order, in batches of
        `workload.batch_size`, the short last batch included. When the device has finished it,
        call `epoch_done` with the mean of the loss over the samples as accumulated during the
        pass; only then ask for the next order.
        """

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class (samples,) of each image (samples, 784), dropout off."""

    def parameters(self) -> Parameters:
        """Return copies of the current parameters as float32 arrays of NumPy."""


class Backend(Protocol):
    """The module itself."""

    Model: type[Model]

    def devices(self) -> list[str]:
        """Return the devices that the backend can compute on here: `cpu`, `cuda:0`, `mps` …"""

    def versions(self) -> dict[str, str | None]:
        """Return the versions of the framework and of what it stands on; None if not told."""


# What a backend may tell besides, as `device_memory_bytes(device)`: the most memory of the device
# that was in use in this process, or None. Asked after the training, of accelerators only.
DeviceMemory = Callable[[str], int | None]


def no_device_memory(device: str) -> int | None:
    """Tell nothing: what holds for a backend without `device_memory_bytes`."""
    return None
