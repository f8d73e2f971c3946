"""The network written out by hand in NumPy's interface, for NumPy itself and for CuPy.

All parameters lie in one vector, and so do all gradients: the optimizer is a few lines for the
whole network, and on a GPU a few kernels. Layers compute into buffers that are allocated once.
The precision is that of the parameters.
"""

import math
from itertools import pairwise
from types import ModuleType
from typing import Any

from bench.workload import SGD, Adam, RMSprop, Workload
from bench.workload.contract import Layer, Parameters

Array = Any  # of numpy or of cupy


class Network:
    """The network of a workload: its parameters, a training step, a prediction."""

    def __init__(self, xp: ModuleType, workload: Workload, parameters: Parameters) -> None:
        """Copy the parameters to where `xp`, the module numpy or cupy, computes."""
        self._xp = xp
        self._workload = workload
        flat = [xp.asarray(array).ravel() for layer in parameters for array in layer]
        self._vector = xp.concatenate(flat)
        self._gradient = xp.empty_like(self._vector)
        carried = 0 if isinstance(workload.optimizer, SGD) else 2
        self._state = [xp.zeros_like(self._vector) for _ in range(carried)]  # of the optimizer
        self._steps = 0
        if workload.dropout:
            self._random = xp.random.default_rng(workload.seed)
        self.layers = _split(self._vector, workload.widths)
        self._gradients = _split(self._gradient, workload.widths)
        self._buffers: dict[int, tuple[list[Array], list[Array]]] = {}

    def step(self, images: Array, targets: Array) -> Array:
        """Train on a batch (rows, 784) with one-hot targets (rows, 10); return the loss's sum."""
        if len(images) not in self._buffers:  # two sizes: a full batch and the short last one
            self._buffers[len(images)] = self._allocate(len(images))
        outputs, errors = self._buffers[len(images)]
        self._forward(images, outputs)
        loss = self._loss(outputs[-1], targets)  # the last output becomes the last error
        self._backward(images, outputs, errors)
        self._update()
        return loss

    def predict(self, images: Array) -> Array:
        """Return the most likely class of each image, int64."""
        *hidden, (weight, bias) = self.layers
        for hidden_weight, hidden_bias in hidden:
            images = images @ hidden_weight
            images += hidden_bias
            self._activate(images)
        return (images @ weight + bias).argmax(axis=1)

    def _allocate(self, rows: int) -> tuple[list[Array], list[Array]]:
        """Return buffers for the outputs of all layers and the errors of the hidden ones."""
        like, widths = self._vector, self._workload.widths[1:]
        outputs = [self._xp.empty((rows, width), like.dtype) for width in widths]
        return outputs, [self._xp.empty_like(output) for output in outputs[:-1]]

    def _forward(self, images: Array, outputs: list[Array]) -> None:
        inputs = images
        for index, output in enumerate(outputs):
            weight, bias = self.layers[index]
            self._xp.matmul(inputs, weight, out=output)  # (rows, in) @ (in, out)
            self._xp.add(output, bias, out=output)
            if index < len(outputs) - 1:
                self._activate(output)
                self._drop(output)
            inputs = output

    def _activate(self, values: Array) -> None:
        """Apply the activation in place."""
        if self._workload.activation == "relu":
            self._xp.maximum(values, 0, out=values)
        else:  # 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, which cannot overflow
            values *= 0.5
            self._xp.tanh(values, out=values)
            values += 1
            values *= 0.5

    def _drop(self, values: Array) -> None:
        """Set a random share of the values to 0 in place and scale the rest up."""
        dropout = self._workload.dropout
        if dropout:
            draws = self._random.random(values.shape, self._xp.float32)
            values *= draws >= dropout
            values *= 1 / (1 - dropout)

    def _loss(self, logits: Array, targets: Array) -> Array:
        """Return the summed cross-entropy and turn the logits into the error of the update.

        With SGD the learning rate is already in the error, a small array, so that the
        gradients, large ones, need not be multiplied by it.
        """
        optimizer = self._workload.optimizer
        rate = optimizer.learning_rate if isinstance(optimizer, SGD) else 1.0
        double = self._xp.float64
        logits -= logits.max(axis=1, keepdims=True)
        chosen = (logits * targets).sum(dtype=double)
        self._xp.exp(logits, out=logits)
        sums = logits.sum(axis=1, keepdims=True)  # (rows, 1)
        logits /= sums  # softmax
        logits -= targets
        logits *= rate / len(logits)  # of the mean over the batch
        return self._xp.log(sums).sum(dtype=double) - chosen

    def _backward(self, images: Array, outputs: list[Array], errors: list[Array]) -> None:
        """Fill the gradients, from the last layer to the first; use up the outputs."""
        error = outputs[-1]
        for index in reversed(range(len(self.layers))):
            inputs = outputs[index - 1] if index else images
            gradient = self._gradients[index]
            self._xp.matmul(inputs.T, error, out=gradient.weight)  # (in, rows) @ (rows, out)
            self._xp.sum(error, axis=0, out=gradient.bias)
            if index:
                self._xp.matmul(error, self.layers[index].weight.T, out=errors[index - 1])
                error = errors[index - 1]
                self._through_activation(error, inputs)

    def _through_activation(self, error: Array, output: Array) -> None:
        """Multiply the error in place by the slope of activation and dropout; use up `output`.

        The slope follows from the output y alone. With k the share that dropout keeps, it is
        1 / k where y > 0 for ReLU, and y (1 - k y) for the sigmoid; both are 0 where y is.
        """
        kept = 1 - self._workload.dropout
        if self._workload.activation == "relu":
            error *= output > 0
            if kept < 1:
                error *= 1 / kept
        else:
            error *= output
            output *= -kept
            output += 1
            error *= output

    def _update(self) -> None:
        """Turn the gradient into the optimizer's step in place, and take it."""
        self._steps += 1
        if isinstance(self._workload.optimizer, RMSprop):
            self._rmsprop(self._workload.optimizer, *self._state)
        elif isinstance(self._workload.optimizer, Adam):
            self._adam(self._workload.optimizer, *self._state)
        self._vector -= self._gradient

    def _rmsprop(self, chosen: RMSprop, square: Array, scratch: Array) -> None:
        self._xp.multiply(self._gradient, self._gradient, out=scratch)
        scratch *= 1 - chosen.rho
        square *= chosen.rho
        square += scratch
        self._xp.add(square, chosen.epsilon, out=scratch)
        self._xp.sqrt(scratch, out=scratch)
        self._gradient /= scratch
        self._gradient *= chosen.learning_rate

    def _adam(self, chosen: Adam, mean: Array, square: Array) -> None:
        """Keep mean / (1 - beta_1) and square / (1 - beta_2): two passes over memory less."""
        gradient, unscaled = self._gradient, math.sqrt(1 - chosen.beta_2)
        corrected = math.sqrt(1 - chosen.beta_2**self._steps) / (1 - chosen.beta_1**self._steps)
        mean *= chosen.beta_1
        mean += gradient
        self._xp.square(gradient, out=gradient)
        square *= chosen.beta_2
        square += gradient
        self._xp.sqrt(square, out=gradient)
        gradient += chosen.epsilon / unscaled
        self._xp.divide(mean, gradient, out=gradient)
        gradient *= chosen.learning_rate * corrected * (1 - chosen.beta_1) / unscaled


def _split(vector: Array, widths: tuple[int, ...]) -> Parameters:
    """Return views of a vector of all parameters, one weight and bias for each layer."""
    layers, start = [], 0
    for rows, columns in pairwise(widths):
        bias_start = start + rows * columns
        weight = vector[start:bias_start].reshape(rows, columns)
        start = bias_start + columns
        layers.append(Layer(weight, vector[bias_start:start]))
    return layers
