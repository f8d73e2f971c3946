"""What the PyTorch backends share: the network, its optimizer, the devices, the versions."""

from itertools import pairwise
from typing import Any

import torch
from torch import nn

from bench.contract import Layer, Parameters
from bench.workload import SGD, Workload

torch.set_float32_matmul_precision("highest")  # no TF32, no bfloat16: on CUDA and in oneDNN

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class RMSprop(torch.optim.Optimizer):
    """RMSprop with epsilon inside the root; PyTorch's own adds it outside."""

    def __init__(self, parameters: Any, lr: float, rho: float, epsilon: float) -> None:
        """Start with mean squares of zero."""
        super().__init__(parameters, {"lr": lr, "rho": rho, "epsilon": epsilon})
        self._squares = [
            [torch.zeros_like(parameter) for parameter in group["params"]]
            for group in self.param_groups
        ]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters, a list of tensors at a time."""
        for group, squares in zip(self.param_groups, self._squares, strict=True):
            gradients = [parameter.grad for parameter in group["params"]]
            torch._foreach_mul_(squares, group["rho"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["rho"])
            roots = torch._foreach_add(squares, group["epsilon"])
            torch._foreach_sqrt_(roots)
            torch._foreach_addcdiv_(group["params"], gradients, roots, -group["lr"])


def build(workload: Workload, parameters: Parameters, device: str) -> nn.Sequential:
    """Return the network with these parameters; nn.Linear keeps its weight as (out, in)."""
    modules: list[nn.Module] = []
    for index, (rows, columns) in enumerate(pairwise(workload.widths)):
        linear = nn.Linear(rows, columns)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(parameters[index].weight).T)
            linear.bias.copy_(torch.tensor(parameters[index].bias))
        modules.append(linear)
        if index < len(workload.hidden):
            modules.append(ACTIVATIONS[workload.activation]())
            if workload.dropout:
                modules.append(nn.Dropout(workload.dropout))
    return nn.Sequential(*modules).to(device)


def optimizer_for(workload: Workload, network: nn.Module) -> torch.optim.Optimizer:
    """Return the workload's optimizer."""
    chosen = workload.optimizer
    if isinstance(chosen, SGD):
        return torch.optim.SGD(network.parameters(), chosen.learning_rate, fused=True)
    return RMSprop(network.parameters(), chosen.learning_rate, chosen.rho, chosen.epsilon)


def copies(network: nn.Sequential) -> Parameters:
    """Return copies of the parameters as the contract lays them out."""
    return [
        Layer(
            linear.weight.detach().T.to("cpu", copy=True).contiguous().numpy(),
            linear.bias.detach().to("cpu", copy=True).numpy(),
        )
        for linear in network
        if isinstance(linear, nn.Linear)
    ]


def devices() -> list[str]:
    """Return the CPU and every accelerator that PyTorch sees."""
    found = torch.accelerator.current_accelerator(check_available=True)
    if found is None:
        return ["cpu"]
    if found.type == "mps":
        return ["cpu", "mps"]
    return ["cpu", *(f"{found.type}:{index}" for index in range(torch.accelerator.device_count()))]


def wait_for(device: str) -> None:
    """Wait until the device has done all that was queued."""
    if device != "cpu":
        torch.accelerator.synchronize(device)


def versions() -> dict[str, str | None]:
    """Return the versions of PyTorch and of the libraries it was built with."""
    cudnn = torch.backends.cudnn.version()
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "cudnn": str(cudnn) if cudnn else None,
        "blas": "MKL" if torch.backends.mkl.is_available() else None,
    }
