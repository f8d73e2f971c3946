"""The network and the optimizers in tinygrad."""

from collections.abc import Callable

import numpy as np
from tinygrad import Tensor, TinyJit, dtypes, nn

from bench.workload import SGD, Adam, RMSprop, Workload
from bench.workload.contract import Floats, Integers

Layers = list[tuple[Tensor, Tensor]]  # weight (in, out) and bias (out,)


class RMSpropInside(nn.optim.Optimizer):
    """RMSprop with epsilon inside the root; tinygrad has none of its own."""

    def __init__(self, parameters: list[Tensor], chosen: RMSprop) -> None:
        """Start with mean squares of zero."""
        super().__init__(parameters, chosen.learning_rate, fused=False)
        self._chosen = chosen
        self._squares = self._new_optim_param()

    def _step(self, params: list[Tensor], grads: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        rho, epsilon = self._chosen.rho, self._chosen.epsilon
        steps = []
        for square, gradient in zip(self._squares, grads, strict=True):
            square.assign(rho * square + (1 - rho) * gradient * gradient)
            steps.append(self.lr * gradient / (square + epsilon).sqrt())
        return steps, self._squares


class AdamBeside(nn.optim.Optimizer):
    """Adam with epsilon beside the root; tinygrad's own adds it after the bias correction."""

    def __init__(self, parameters: list[Tensor], chosen: Adam) -> None:
        """Start with means of zero."""
        super().__init__(parameters, chosen.learning_rate, fused=False)
        self._betas, self._epsilon = (chosen.beta_1, chosen.beta_2), chosen.epsilon
        self._means, self._squares = self._new_optim_param(), self._new_optim_param()
        # Of ones: 1 - beta**t; in float32 the difference would lose digits.
        self._ones = [Tensor.zeros(1, device=self.device).contiguous().realize() for _ in range(2)]

    def _step(self, params: list[Tensor], grads: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        (first, second), (beta_1, beta_2) = self._ones, self._betas
        for one, beta in zip(self._ones, self._betas, strict=True):
            one.assign(beta * one + (1 - beta))
        rate, steps = self.lr * second.sqrt() / first, []
        for mean, square, gradient in zip(self._means, self._squares, grads, strict=True):
            mean.assign(beta_1 * mean + (1 - beta_1) * gradient)
            square.assign(beta_2 * square + (1 - beta_2) * gradient * gradient)
            steps.append(rate * mean / (square.sqrt() + self._epsilon))
        return steps, [*self._means, *self._squares, *self._ones]


class Captured:
    """A function of a batch, captured by TinyJit for each size: what is captured has fixed shapes.

    For each size the first call runs as written, the second is captured, later ones replay it.
    """

    def __init__(self, function: Callable[[Tensor], Tensor | None]) -> None:
        """Capture nothing yet."""
        self._function = function
        self._by_size: dict[int, TinyJit] = {}

    def __call__(self, batch: Tensor) -> Tensor:
        """Call the function, which realizes what it computes."""
        return self._by_size.setdefault(len(batch), TinyJit(self._function))(batch)


def upload(array: Floats | Integers, device: str) -> Tensor:
    """Return a copy on the device; indices become int32, which every device has."""
    dtype = np.int32 if array.dtype == np.int64 else array.dtype
    return Tensor(array.astype(dtype), device=device).realize()


def optimizer_for(workload: Workload, layers: Layers) -> nn.optim.Optimizer:
    """Return the workload's optimizer."""
    chosen = workload.optimizer
    parameters = [array for layer in layers for array in layer]
    if isinstance(chosen, SGD):
        return nn.optim.SGD(parameters, chosen.learning_rate)
    return (AdamBeside if isinstance(chosen, Adam) else RMSpropInside)(parameters, chosen)


def forward(workload: Workload, layers: Layers, images: Tensor) -> Tensor:
    """Return the logits (rows, 10); tinygrad's dropout is on only where TRAINING is."""
    for weight, bias in layers[:-1]:
        images = _product(workload, images, weight) + bias
        images = images.relu() if workload.activation == "relu" else images.sigmoid()
        images = images.dropout(workload.dropout)
    weight, bias = layers[-1]
    return _product(workload, images, weight) + bias


def _product(workload: Workload, images: Tensor, weight: Tensor) -> Tensor:
    if workload.precision == "bfloat16":
        images, weight = images.cast(dtypes.bfloat16), weight.cast(dtypes.bfloat16)
    return images.matmul(weight, dtype=dtypes.float32)
