"""tinygrad: lazy tensors, kernels that it writes itself, a training step captured by TinyJit."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["tinygrad==0.14.0", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "tinygrad, a training step captured by TinyJit; needs clang on the CPU"
# measures_bound = true
# accelerators_only = ["bfloat16"] # on processors only the newest clang has it
# environment = { ALLOW_TF32 = "0" }
# precisions = { tf32 = { ALLOW_TF32 = "1" }, bfloat16 = {} }
# ///

import importlib.metadata

import numpy as np
from tinygrad import Context, Device, Tensor

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

from ._tinygrad import Captured, forward, optimizer_for, upload
from ._tinygrad_devices import device_facts, device_memory_bytes, devices, place

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return the version of tinygrad."""
    return {"tinygrad": importlib.metadata.version("tinygrad")}


class Model:
    """The parameters, the optimizer's state and the training set, all on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload parameters and training set; compiling waits for the first epoch."""
        Tensor.manual_seed(workload.seed)  # of the dropout masks
        self._workload, self._device = workload, place(device)
        self._layers = [tuple(upload(array, self._device) for array in pair) for pair in parameters]
        self._optimizer = optimizer_for(workload, self._layers)
        self._images = upload(train.images, self._device)
        self._labels = upload(train.labels, self._device)
        self._loss = upload(np.zeros(1, np.float32), self._device)  # sum over the samples
        self._captured_step = Captured(self._step)
        self._logits = Captured(lambda images: forward(workload, self._layers, images).realize())

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        size = self._workload.batch_size
        for order in orders:
            self._loss.assign(Tensor.zeros_like(self._loss)).realize()
            for start in range(0, len(order), size):
                self._captured_step(upload(order[start : start + size], self._device))
            Device[self._device].synchronize()
            epoch_done(self._loss.item() / len(order))

    def _step(self, rows: Tensor) -> None:
        """Train on the batch of these rows and add its loss to the sum."""
        with Context(TRAINING=1):
            logits = forward(self._workload, self._layers, self._images[rows])
            self._optimizer.zero_grad()
            loss = logits.sparse_categorical_crossentropy(self._labels[rows]).backward()
            self._loss.assign(self._loss + loss * len(rows))
            self._loss.realize(*self._optimizer.schedule_step())

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return self._logits(upload(images, self._device)).numpy().argmax(axis=1)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return [Layer(weight.numpy().copy(), bias.numpy().copy()) for weight, bias in self._layers]
