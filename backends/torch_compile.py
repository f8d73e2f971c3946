"""PyTorch with torch.compile: forward, backward and update of a full batch in one function."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "numpy>=2.0"]
#
# [tool.bench]
# purpose = "PyTorch, a training step compiled by torch.compile"
# measures_bound = true
# precisions = { tf32 = {}, bfloat16 = {} }
# environment = { TORCHINDUCTOR_VEC_ISA_OK = "1" } # else 5 s go into trying vector code
# once_a_machine = [
#     "torchinductor_{user}/precompiled_headers/*", # else 6 s go into making them
#     "torchinductor_{user}/??/*[!n].so", # 1 s: what the processor can; kernels end in .main.so
# ]
# ///

import torch
from torch import nn

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

from . import _torch
from ._torch import device_facts, device_memory_bytes, versions

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def devices() -> list[str]:
    """Return those of PyTorch's devices that its compiler writes code for."""
    return [device for device in _torch.devices() if device.partition(":")[0] in ("cpu", "cuda")]


class Model:
    """The network and the training set, both on the device, and the compiled step."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload network and training set; compiling waits for the first epoch."""
        torch.compiler.reset()  # the limit of compilations counts all models of a process
        torch.manual_seed(workload.seed)  # of the dropout masks
        self._workload, self._device = workload, device
        self._network = _torch.build(workload, parameters, device)
        self._weights = {name: w.detach() for name, w in self._network.named_parameters()}
        self._state = _torch.start_state(workload.optimizer, list(self._weights.values()))
        self._images = torch.tensor(train.images, device=device)
        self._labels = torch.tensor(train.labels, device=device)
        for samples in (self._images, self._labels):  # one graph, however many there are
            torch._dynamo.maybe_mark_dynamic(samples, 0)
        self._compiled = torch.compile(self._step, dynamic=False)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        full = min(self._workload.batch_size, len(self._labels))
        for order in orders:
            self._network.train()
            loss = torch.zeros((), device=self._device)
            rows_on_device = torch.tensor(order, device=self._device)
            for rows in rows_on_device.split(self._workload.batch_size):
                step = self._compiled if len(rows) == full else self._step  # compiling is slow
                loss += step(rows) * len(rows)
            _torch.wait_for(self._device)
            epoch_done(loss.item() / len(order))

    def _step(self, rows: torch.Tensor) -> torch.Tensor:
        """Train on the batch of these rows and return its mean loss."""
        images, labels = self._images[rows], self._labels[rows]

        def mean_loss(weights: dict[str, torch.Tensor]) -> torch.Tensor:
            logits = torch.func.functional_call(self._network, weights, (images,))
            return nn.functional.cross_entropy(logits, labels)

        found, loss = torch.func.grad_and_value(mean_loss)(self._weights)
        weights, gradients = list(self._weights.values()), list(found.values())
        _torch.update(self._workload.optimizer, weights, gradients, self._state)
        return loss

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image; not compiled: each size takes 2 s or more."""
        return _torch.predicted(self._network, images, self._device)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return _torch.copies(self._network)
