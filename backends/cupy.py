"""CuPy on an NVIDIA GPU: the code of the NumPy backend, with the data on the device."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["cupy-cuda13x>=13.6", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "CuPy, the NumPy code on an NVIDIA GPU"
# measures_bound = true
# environment = { CUPY_TF32 = "0" }
# precisions = { tf32 = { CUPY_TF32 = "1" } }
# ///

import cupy as cp

from bench.workload import Workload, contract
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

from ._mlp import Network


def devices() -> list[str]:
    """Return every CUDA device that CuPy sees; without a driver there is none."""
    try:
        count = cp.cuda.runtime.getDeviceCount()
    except cp.cuda.runtime.CUDARuntimeError:
        return []
    return [f"cuda:{index}" for index in range(count)]


def versions() -> dict[str, str | None]:
    """Return the versions of CuPy and of the CUDA runtime."""
    cuda = cp.cuda.runtime.runtimeGetVersion()  # 12090 is 12.9
    return {"cupy": cp.__version__, "cuda": f"{cuda // 1000}.{cuda % 1000 // 10}"}


def device_facts(device: str) -> contract.DeviceFacts:
    """Return name and memory of the GPU."""
    found = cp.cuda.runtime.getDeviceProperties(int(device.partition(":")[2]))
    return contract.DeviceFacts(found["name"].decode(), found["totalGlobalMem"])


def device_memory_bytes(device: str) -> int | None:
    """Return what CuPy's pool took from the device; what it no longer needs it gives back now."""
    pool = cp.get_default_memory_pool()
    taken: int = pool.total_bytes()
    pool.free_all_blocks()
    return taken


class Model:
    """The network and the training set, both on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload the parameters and the training set; allocate the batch."""
        cp.cuda.Device(int(device.partition(":")[2])).use()
        self._network = Network(cp, workload, parameters)
        self._images = cp.asarray(train.images)
        self._targets = cp.eye(workload.widths[-1], dtype=cp.float32)[cp.asarray(train.labels)]
        self._batch = cp.empty((workload.batch_size, workload.widths[0]), cp.float32)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        size = len(self._batch)
        for order in orders:
            loss = cp.zeros((), cp.float64)  # stays on the device until the epoch is over
            order_on_device = cp.asarray(order)
            for start in range(0, len(order), size):
                rows = order_on_device[start : start + size]
                images = self._batch[: len(rows)]
                cp.take(self._images, rows, axis=0, out=images)
                loss += self._network.step(images, self._targets.take(rows, axis=0))
            cp.cuda.Device().synchronize()
            epoch_done(float(loss) / len(order))

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return cp.asnumpy(self._network.predict(cp.asarray(images)))

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return [
            Layer(cp.asnumpy(weight), cp.asnumpy(bias)) for weight, bias in self._network.layers
        ]
