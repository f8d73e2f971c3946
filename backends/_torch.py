"""What the PyTorch backends share: the network, its optimizer, the devices, the versions."""

import math
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import nn

from bench.workload import SGD, Adam, RMSprop, Workload
from bench.workload.contract import DeviceFacts, Floats, Integers, Layer, Parameters
from bench.workload.workload import Optimizer

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}

Tensors = list[torch.Tensor]


class FusedAdam(torch.optim.Adam):
    """Adam with epsilon beside the root; PyTorch's own adds it after the bias correction."""

    def __init__(self, parameters: Iterable[nn.Parameter], chosen: Adam) -> None:
        """Start with means of zero."""
        betas = chosen.beta_1, chosen.beta_2
        super().__init__(parameters, chosen.learning_rate, betas, fused=True)
        self._chosen, self._steps = chosen, 0

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters, with the epsilon that the correction turns into the right one."""
        self._steps += 1
        correction = math.sqrt(1 - self._chosen.beta_2**self._steps)
        self.param_groups[0]["eps"] = self._chosen.epsilon / correction
        super().step()


class Foreach(torch.optim.Optimizer):
    """The workload's optimizer as `update` writes it, without a number that a graph would keep."""

    def __init__(self, parameters: Iterable[nn.Parameter], chosen: Optimizer) -> None:
        """Start with means of zero."""
        super().__init__(parameters, {"lr": chosen.learning_rate})
        self._chosen = chosen
        self._weights = [weight for group in self.param_groups for weight in group["params"]]
        self._state = start_state(chosen, self._weights)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update all parameters."""
        gradients = [weight.grad for weight in self._weights]
        update(self._chosen, self._weights, gradients, self._state)


def start_state(chosen: Optimizer, weights: Tensors) -> list[Tensors]:
    """Return what the optimizer carries along: lists of tensors, all zero but SGD's rate.

    A compiled function does not contain a tensor's value, so it serves every rate.
    """
    if isinstance(chosen, SGD):
        return [[weights[0].new_tensor(chosen.learning_rate)]]
    zeros = [torch.zeros_like(weight) for weight in weights]
    if isinstance(chosen, Adam):
        return [zeros, list(map(torch.clone, zeros)), [weights[0].new_zeros(()) for _ in range(2)]]
    return [zeros]


@torch.no_grad()
def update(chosen: Optimizer, weights: Tensors, gradients: Tensors, state: list[Tensors]) -> None:
    """Do the optimizer's step in place, for all parameters at once."""
    if isinstance(chosen, SGD):
        ((rate,),) = state
        torch._foreach_sub_(weights, torch._foreach_mul(gradients, rate))
    elif isinstance(chosen, RMSprop):
        (squares,) = state
        torch._foreach_mul_(squares, chosen.rho)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - chosen.rho)
        roots = torch._foreach_add(squares, chosen.epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(weights, gradients, roots, -chosen.learning_rate)
    else:
        means, squares, (first, second) = state
        torch._foreach_lerp_(means, gradients, 1 - chosen.beta_1)
        torch._foreach_mul_(squares, chosen.beta_2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - chosen.beta_2)
        first.lerp_(torch.ones_like(first), 1 - chosen.beta_1)  # 1 - beta_1**t: a mean of ones
        second.mul_(chosen.beta_2).add_(1 - chosen.beta_2)  # 1 - beta_2**t
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, chosen.epsilon)
        steps = torch._foreach_div(means, roots)
        torch._foreach_mul_(steps, second.sqrt() / first * chosen.learning_rate)
        torch._foreach_sub_(weights, steps)


def set_precision(workload: Workload) -> None:
    """Let products of float32 be rounded to TF32 or, on CUDA and in oneDNN, to nothing less."""
    torch.set_float32_matmul_precision("high" if workload.precision == "tf32" else "highest")


class Autocast(nn.Sequential):
    """A network whose products are of bfloat16; its parameters and logits are float32."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits (rows, 10)."""
        kind = images.device.type
        with torch.autocast(kind, torch.bfloat16, cache_enabled=False):  # a graph keeps addresses
            logits = super().forward(images)
        return logits.float()


def build(workload: Workload, parameters: Parameters, device: str) -> nn.Sequential:
    """Return the network with these parameters; nn.Linear keeps its weight as (out, in)."""
    set_precision(workload)
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
    kind = Autocast if workload.precision == "bfloat16" else nn.Sequential
    return kind(*modules).to(device)


def optimizer_for(
    workload: Workload, network: nn.Module, captured: bool = False
) -> torch.optim.Optimizer:
    """Return the workload's optimizer; PyTorch's RMSprop has no epsilon inside the root.

    `captured` by a graph, Adam may not be told another number in every step.
    """
    chosen = workload.optimizer
    if isinstance(chosen, SGD):
        return torch.optim.SGD(network.parameters(), chosen.learning_rate, fused=True)
    if isinstance(chosen, Adam) and not captured:
        return FusedAdam(network.parameters(), chosen)
    return Foreach(network.parameters(), chosen)


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


def predicted(network: nn.Sequential, images: Floats, device: str) -> Integers:
    """Return the most likely class of each image; leave the network ready to predict again."""
    if network.training:  # to switch takes a third of the time of one image
        network.eval()
    arrived = torch.from_numpy(images)
    if device != "cpu":  # even to stay takes a twentieth
        arrived = arrived.to(device)
    with torch.inference_mode():
        return network(arrived).argmax(dim=1).cpu().numpy()


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


def device_facts(device: str) -> DeviceFacts | None:
    """Return name and memory of the device; None where PyTorch does not tell: Metal."""
    module = getattr(torch, device.partition(":")[0], None)
    if not hasattr(module, "get_device_properties"):
        return None
    found = module.get_device_properties(device)
    return DeviceFacts(found.name, found.total_memory)


def device_memory_bytes(device: str) -> int | None:
    """Return the most memory that tensors held on the device; None where PyTorch does not count."""
    kind = device.partition(":")[0]
    if kind not in ("cuda", "xpu"):
        return None
    peak: int = getattr(torch, kind).max_memory_allocated(device)
    getattr(torch, kind).reset_peak_memory_stats(device)
    return peak


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
