"""MLX, for Apple silicon: mlx.nn and mlx.optimizers, a training step compiled by mx.compile."""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "mlx>=0.32; sys_platform == 'darwin'",
#     "mlx[cpu]>=0.32; sys_platform == 'linux'",
#     "numpy>=2.0",
# ]
#
# [tool.bench]
# purpose = "MLX, for Apple silicon; on Linux only for testing, it is slow there"
# measures_bound = true
# only_on = ["darwin"]
# environment = { MLX_ENABLE_TF32 = "0" }
# precisions = { tf32 = { MLX_ENABLE_TF32 = "1" }, bfloat16 = {} }
# ///

import mlx.core as mx
import numpy as np
from mlx import nn

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

from . import _mlx
from ._mlx import device_facts, device_memory_bytes, devices, versions

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


class Model:
    """The network, its optimizer and the training set, all on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload network and training set; compiling waits for the first epoch."""
        mx.set_default_device(mx.cpu if device == "cpu" else mx.gpu)
        mx.random.seed(workload.seed)  # of the dropout masks
        self._batch_size = workload.batch_size
        self._network = _mlx.build(workload, parameters)
        self._classify = _mlx.classifier(self._network)
        self._optimizer = _mlx.optimizer_for(workload)
        self._optimizer.init(self._network.trainable_parameters())
        self._images = mx.array(train.images)
        self._labels = mx.array(train.labels.astype(np.int32))
        self._state = [self._network.state, self._optimizer.state, mx.random.state]
        self._compiled = mx.compile(self._step, inputs=self._state, outputs=self._state)
        mx.eval(self._state, self._images, self._labels)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            loss = mx.array(0.0)
            rows_on_device = mx.array(order.astype(np.int32))
            for start in range(0, len(order), self._batch_size):
                rows = rows_on_device[start : start + self._batch_size]
                loss += self._compiled(rows) * len(rows)
                mx.async_eval(loss, self._state)  # MLX is lazy: without it the graph would grow
            mx.eval(loss, self._state)
            epoch_done(loss.item() / len(order))

    def _step(self, rows: mx.array) -> mx.array:
        """Train on the batch of these rows and return its mean loss."""

        def mean_loss(images: mx.array, labels: mx.array) -> mx.array:
            return nn.losses.cross_entropy(self._network(images), labels, reduction="mean")

        loss_and_gradients = nn.value_and_grad(self._network, mean_loss)
        loss, gradients = loss_and_gradients(self._images[rows], self._labels[rows])
        self._optimizer.update(self._network, gradients)
        return loss

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return self._classify(images)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return _mlx.copies(self._network)
