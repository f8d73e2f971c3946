"""PyTorch, eager: nn.Sequential, autograd and torch.optim, with the data on the device."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "PyTorch, eager"
# measures_bound = true
# precisions = { tf32 = {}, bfloat16 = {} }
# ///

import torch
from torch import nn

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

from . import _torch
from ._torch import device_facts, device_memory_bytes, devices, versions

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


class Model:
    """The network, its optimizer and the training set, all on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload the network and the training set."""
        torch.manual_seed(workload.seed)  # of the dropout masks
        self._device = device
        self._batch_size = workload.batch_size
        self._network = _torch.build(workload, parameters, device)
        self._optimizer = _torch.optimizer_for(workload, self._network)
        self._images = torch.tensor(train.images, device=device)
        self._labels = torch.tensor(train.labels, device=device)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            self._network.train()
            loss = torch.zeros((), device=self._device)
            rows_on_device = torch.tensor(order, device=self._device)
            for rows in rows_on_device.split(self._batch_size):
                loss += self._step(rows) * len(rows)
            _torch.wait_for(self._device)
            epoch_done(loss.item() / len(order))

    def _step(self, rows: torch.Tensor) -> torch.Tensor:
        """Train on the batch of these rows and return its mean loss."""
        logits = self._network(self._images[rows])
        loss = nn.functional.cross_entropy(logits, self._labels[rows])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return loss.detach()

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return _torch.predicted(self._network, images, self._device)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return _torch.copies(self._network)
