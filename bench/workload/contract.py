"""What a backend must provide: the promises that the harness relies on and that the tests check.

A backend is a module in `backends/` with two functions, `devices` and `versions`, and one class,
`Model`. It imports its framework at the top, and only types from `bench.workload`. The harness runs
it in a fresh process, in which the number of threads, the visible GPUs and the environment from its
header are set before the import.
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
Orders = Iterator[Integers]  # for each epoch a permutation (samples,) of the training set
EpochDone = Callable[[float], None]


class Model(Protocol):
    """The network of a workload, on a device, ready to be trained once."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build the network with exactly these parameters, and upload what is to be uploaded.

        The arrays belong to the harness: read them, but never write into them. Only dropout masks
        are still random; seed them with `workload.seed`.
        """

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order that `orders` hands out.

        An epoch is one pass over the training set in exactly that order, in batches of
        `workload.batch_size`, including the short last batch. Once the device has finished it,
        call `epoch_done` with the mean loss over the samples, as accumulated during the pass; only
        then ask for the next order.
        """

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class (samples,) of each image (samples, 784), without dropout."""

    def parameters(self) -> Parameters:
        """Return copies of the current parameters as float32 NumPy arrays."""


class Backend(Protocol):
    """The module itself."""

    Model: type[Model]

    def devices(self) -> list[str]:
        """Return the devices that the backend can use here: `cpu`, `cuda:0`, `mps` …"""

    def versions(self) -> dict[str, str | None]:
        """Return the versions of the framework and of what it is built on; None if unknown."""


class DeviceFacts(NamedTuple):
    """What a framework says of a device."""

    name: str  # as its maker calls it: "AMD Instinct MI300X", "NVIDIA A100 MIG 1g.10gb"
    memory_bytes: int | None = None  # its own


# A backend may also define two functions, which are asked on accelerators only:
# `device_facts(device)`: what the framework says of the device, or None; where no driver's library
# tells, it names the device in the machine's facts.
# `device_memory_bytes(device)`: the most memory that this process has used on the device since this
# was last asked, or None; it is asked when a trial ends, and before the next one in the process.
DeviceMemory = Callable[[str], int | None]


def no_device_memory(device: str) -> int | None:
    """Stand in for `device_memory_bytes` where a backend does not define it."""
    return None
