"""The network and the optimizers in MLX's own classes."""

import math
from collections.abc import Callable
from itertools import pairwise

import mlx.core as mx
import numpy as np
from mlx import nn, optimizers

from bench.workload import SGD, Adam, Workload
from bench.workload.contract import DeviceFacts, Floats, Integers, Layer, Parameters

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class Bfloat16Linear(nn.Linear):
    """A layer that multiplies in bfloat16; its parameters and outputs are float32."""

    def __call__(self, images: mx.array) -> mx.array:
        """Return the outputs (rows, out)."""
        product = images.astype(mx.bfloat16) @ self.weight.astype(mx.bfloat16).T
        return product.astype(mx.float32) + self.bias


class RMSpropInside(optimizers.RMSprop):
    """RMSprop with epsilon inside the root; MLX's own adds it outside."""

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict) -> mx.array:
        """Return the updated parameter; keep the mean square in `state`."""
        state["v"] = self.alpha * state["v"] + (1 - self.alpha) * mx.square(gradient)
        return parameter - self.learning_rate * gradient / mx.sqrt(state["v"] + self.eps)


class AdamBeside(optimizers.Adam):
    """Adam with epsilon beside the root; MLX's own adds it after the bias correction, if any."""

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: dict) -> mx.array:
        """Return the updated parameter; keep the means in `state`."""
        beta_1, beta_2 = self.betas
        # 1 - beta**t; in float32 the difference would lose digits.
        first, second = (-mx.expm1(self.step * math.log(beta)) for beta in self.betas)
        state["m"] = beta_1 * state["m"] + (1 - beta_1) * gradient
        state["v"] = beta_2 * state["v"] + (1 - beta_2) * mx.square(gradient)
        rate = self.learning_rate * mx.sqrt(second) / first
        return parameter - rate * state["m"] / (mx.sqrt(state["v"]) + self.eps)


def build(workload: Workload, parameters: Parameters) -> nn.Sequential:
    """Return the network with these parameters; nn.Linear keeps its weight as (out, in)."""
    modules: list[nn.Module] = []
    for index, (rows, columns) in enumerate(pairwise(workload.widths)):
        linear = (Bfloat16Linear if workload.precision == "bfloat16" else nn.Linear)(rows, columns)
        linear.weight = mx.contiguous(mx.array(parameters[index].weight).T)
        linear.bias = mx.array(parameters[index].bias)
        modules.append(linear)
        if index < len(workload.hidden):
            modules.append(ACTIVATIONS[workload.activation]())
            if workload.dropout:
                modules.append(nn.Dropout(workload.dropout))
    return nn.Sequential(*modules)


def optimizer_for(workload: Workload) -> optimizers.Optimizer:
    """Return the workload's optimizer."""
    chosen = workload.optimizer
    if isinstance(chosen, SGD):
        return optimizers.SGD(chosen.learning_rate)
    if isinstance(chosen, Adam):
        betas = [chosen.beta_1, chosen.beta_2]
        return AdamBeside(chosen.learning_rate, betas, chosen.epsilon)
    return RMSpropInside(chosen.learning_rate, alpha=chosen.rho, eps=chosen.epsilon)


def classifier(network: nn.Sequential) -> Callable[[Floats], Integers]:
    """Return the function that tells the most likely class of each image."""

    def classes(images: mx.array) -> mx.array:
        network.eval()  # while this is traced, once for each shape
        found = network(images).argmax(axis=1)
        network.train()
        return found

    compiled = mx.compile(classes, inputs=network.state)
    return lambda images: np.array(compiled(mx.array(images))).astype(np.int64)


def copies(network: nn.Sequential) -> Parameters:
    """Return copies of the parameters as the contract lays them out."""
    linears = [module for module in network.layers if isinstance(module, nn.Linear)]
    return [
        Layer(np.ascontiguousarray(np.array(linear.weight).T), np.array(linear.bias))
        for linear in linears
    ]


def devices() -> list[str]:
    """Return the CPU and the GPU that this build of MLX drives."""
    if mx.metal.is_available():
        return ["cpu", "metal"]
    return ["cpu", "cuda:0"] if mx.cuda.is_available() else ["cpu"]


def device_facts(device: str) -> DeviceFacts:
    """Return the GPU's name; on Apple silicon its memory is the machine's."""
    return DeviceFacts(mx.device_info(mx.gpu)["device_name"])


def device_memory_bytes(device: str) -> int | None:
    """Return the most memory that MLX had in use."""
    peak = mx.get_peak_memory()
    mx.reset_peak_memory()
    return peak


def versions() -> dict[str, str | None]:
    """Return the version of MLX."""
    return {"mlx": mx.__version__}
