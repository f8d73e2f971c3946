"""PyTorch with CUDA graphs: a captured training step is replayed, one launch a batch."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "PyTorch, a training step captured as a CUDA graph"
# measures_bound = true
# precisions = { tf32 = {}, bfloat16 = {} }
# ///

from functools import partial

import torch
from torch import nn

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

from . import _torch
from ._cuda_graph import CapturedStep
from ._torch import device_facts, device_memory_bytes, versions

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def devices() -> list[str]:
    """Return every CUDA device that PyTorch sees."""
    return [f"cuda:{index}" for index in range(torch.cuda.device_count())]


class Model:
    """All that a step reads and writes, at addresses that stay: a graph holds addresses."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload network and training set; capturing waits for the first epoch."""
        torch.manual_seed(workload.seed)  # of the dropout masks
        self._device, self._size = device, workload.batch_size
        self._network = _torch.build(workload, parameters, device)
        self._optimizer = _torch.optimizer_for(workload, self._network, captured=True)
        self._images = torch.tensor(train.images, device=device)
        self._labels = torch.tensor(train.labels, device=device)
        self._order = torch.zeros_like(self._labels)
        self._places = torch.arange(self._size, device=device)  # of the next batch, in the order
        self._loss = torch.zeros((), device=device)  # sum over the samples
        self._stream = torch.cuda.Stream(device)
        sizes = {len(rows) for rows in self._order.split(self._size)}  # full and short
        self._steps = {n: CapturedStep(self._stream) for n in sizes}

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            self._network.train()
            with torch.cuda.stream(self._stream):
                self._order.copy_(torch.tensor(order))
                self._places.copy_(torch.arange(self._size))
                self._loss.zero_()
                for start in range(0, len(order), self._size):
                    size = min(self._size, len(order) - start)
                    self._steps[size](partial(self._step, size))
            _torch.wait_for(self._device)
            epoch_done(self._loss.item() / len(order))

    def _step(self, size: int) -> None:
        """Train on the next batch, found by places that the device itself moves on."""
        rows = self._order[self._places[:size]]
        loss = nn.functional.cross_entropy(self._network(self._images[rows]), self._labels[rows])
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()  # every graph makes gradients of its own
        self._loss += loss.detach() * size
        self._places += size

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return _torch.predicted(self._network, images, self._device)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return _torch.copies(self._network)
