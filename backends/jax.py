"""JAX: an epoch is one compiled scan over its batches, with the data on the device."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["jax==0.10.2", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "JAX, an epoch as one compiled scan"
# measures_bound = true
# precisions = { tf32 = {}, bfloat16 = {} }
# ///

from functools import partial

import jax
import jax.extend
import jaxlib
import numpy as np

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

from . import _jax
from ._jax import device_facts, device_memory_bytes, devices, place

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return the versions of JAX, of its compiler and of what the accelerator runs on."""
    platform = jax.extend.backend.get_backend().platform_version
    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "platform": platform}


class Model:
    """The parameters, the optimizer's state and the training set, all on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload parameters and training set; compiling waits for the first epoch."""
        self._device = place(device)
        jax.config.update("jax_default_matmul_precision", _jax.PRESETS[workload.precision])
        layers = [tuple(layer) for layer in parameters]
        means = _jax.start_means(workload.optimizer, layers)
        state = layers, means, jax.random.key(workload.seed)
        self._state = jax.device_put(state, self._device, may_alias=False)  # it will be donated
        self._train = jax.device_put((train.images, train.labels.astype(np.int32)), self._device)
        self._epoch = jax.jit(partial(_jax.epoch, workload), donate_argnums=0)
        self._forward = jax.jit(partial(_jax.forward, workload))

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            rows = jax.device_put(order.astype(np.int32), self._device)
            self._state, loss = self._epoch(self._state, self._train, rows)
            jax.block_until_ready(self._state)
            epoch_done(float(loss))

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        logits = self._forward(self._state[0], images)  # where the parameters are
        return np.asarray(logits).argmax(axis=1)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return [Layer(np.array(weight), np.array(bias)) for weight, bias in self._state[0]]
