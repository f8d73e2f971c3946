"""Keras on PyTorch, as its users train: compile and one fit."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["keras==3.15.1", "torch==2.13.0"]
#
# [tool.bench]
# purpose = "Keras on PyTorch, compile and fit"
# measures_bound = true
# environment = { KERAS_BACKEND = "torch" }
# precisions = { tf32 = {}, bfloat16 = {} }
# hides = ["jax"] # which takes half a second and 100 MB
# ///

import keras

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

from . import _keras
from ._torch import device_facts, device_memory_bytes, devices, set_precision
from ._torch import versions as torch_versions

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return the versions of Keras, PyTorch and what it was built with."""
    return {"keras": keras.__version__, **torch_versions()}


class Model(_keras.Model):
    """Keras's model on a chosen device: on PyTorch it would take MPS or XPU even for the CPU."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build and compile on the device."""
        self._device = device
        set_precision(workload)
        with keras.device(device):
            super().__init__(workload, parameters, train, device)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train all epochs in one fit."""
        with keras.device(self._device):
            super().train(orders, epoch_done)

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        with keras.device(self._device):
            return super().predict(images)
