"""Mistakes in the precision, which eight steps show because correct float32 is so close."""

import numpy as np

from bench.workload.contract import Floats, Layer
from wrong.plain import Plain


def rounded(values: Floats, bits: int) -> Floats:
    """Return float32 with so many bits of the mantissa left: 10 is TF32, 7 bfloat16."""
    lost = 23 - bits
    half = np.uint32(1 << (lost - 1))
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((raw + half) & np.uint32(0xFFFFFFFF << lost & 0xFFFFFFFF)).view(np.float32)


def half(values: Floats) -> Floats:
    """Return float32 with the precision of float16."""
    return values.astype(np.float16).astype(np.float32)


class HalfPrecision(Plain):
    """Products in float16."""

    def product(self, left, right):
        return half(left) @ half(right)


class HalfImages(Plain):
    """Images stored in float16."""

    def input(self, images, training):
        return half(images)


class BrainFloat(Plain):
    """Products in bfloat16."""

    def product(self, left, right):
        return rounded(left, 7) @ rounded(right, 7)


class TensorFloat(Plain):
    """Products in TF32, left on by default."""

    def product(self, left, right):
        return rounded(left, 10) @ rounded(right, 10)


class TensorFloatBackward(Plain):
    """TF32 in the backward pass only."""

    def gradients(self, values, error):
        self.product = lambda left, right: rounded(left, 10) @ rounded(right, 10)
        found = super().gradients(values, error)
        del self.product
        return found


class HalfParameters(Plain):
    """Parameters kept in bfloat16 between the steps."""

    def update(self, gradients):
        super().update(gradients)
        self.layers = [Layer(*(rounded(array, 7) for array in layer)) for layer in self.layers]


class DoublePrecision(Plain):
    """Everything in float64: more work than was asked for, and another workload."""

    def __init__(self, workload, parameters, train, device):
        wide = [Layer(*(array.astype(np.float64) for array in layer)) for layer in parameters]
        super().__init__(workload, wide, train._replace(images=train.images.astype(float)), device)

    def change(self, array, square, gradient):
        optimizer = self.workload.optimizer
        if not hasattr(optimizer, "rho"):
            return self.rate * gradient
        square *= optimizer.rho
        square += (1 - optimizer.rho) * gradient**2
        return self.rate * gradient / np.sqrt(square + optimizer.epsilon)

    def error(self, probabilities, targets):
        return (probabilities - targets) / len(targets)

    def parameters(self):
        return [Layer(*(a.astype(np.float32) for a in layer)) for layer in self.layers]
