"""Mistakes in the network and in what it reports."""

import numpy as np

from bench.workload.contract import Floats, Integers, Layer
from wrong.plain import Plain


class SoftmaxTwice(Plain):
    """Hands probabilities to a loss that expects logits."""

    def softmax(self, logits):
        return super().softmax(super().softmax(logits))


class NoBiases(Plain):
    """Biases left out of the forward pass."""

    def forward(self, images, training):
        kept = self.layers
        self.layers = [Layer(layer.weight, np.zeros_like(layer.bias)) for layer in kept]
        values = super().forward(images, training)
        self.layers = kept
        return values


class LastBiasFrozen(Plain):
    """One bias of three that is never trained."""

    def gradients(self, values, error):
        *first, last = super().gradients(values, error)
        return [*first, Layer(last.weight, 0 * last.bias)]


class LastLayerFrozen(Plain):
    """A last layer that is never trained."""

    def gradients(self, values, error):
        *first, last = super().gradients(values, error)
        return [*first, Layer(*(0 * array for array in last))]


class FirstLayerFrozen(Plain):
    """A first layer that is never trained."""

    def gradients(self, values, error):
        first, *others = super().gradients(values, error)
        return [Layer(*(0 * array for array in first)), *others]


class Leaky(Plain):
    """A leaky ReLU."""

    def activation(self, values):
        return np.maximum(values, np.float32(0.01) * values)

    def slope(self, values):
        return np.where(values > 0, np.float32(1), np.float32(0.01))


class Tanh(Plain):
    """Another activation."""

    def activation(self, values):
        return np.tanh(values)

    def slope(self, values):
        return 1 - values**2


class LossOfLastBatch(Plain):
    """Reports the loss of the last batch for the whole epoch."""

    def mean(self, losses):
        return super().mean(losses[-1:])


class MeanOfBatches(Plain):
    """Reports the mean of the batches' means, the short one weighing as much as the others."""

    def mean(self, losses):
        return float(np.mean([loss / count for loss, count in losses]))


class SumOfLosses(Plain):
    """Reports the loss summed over the samples."""

    def mean(self, losses):
        return sum(loss for loss, _ in losses)


class LossAfterwards(Plain):
    """Reports the loss of the finished network on the training set, not that of the pass."""

    def pass_over(self, order):
        super().pass_over(order)
        probabilities = self.softmax(self.forward(self.samples.images, training=False)[-1])
        return self.loss(probabilities, self.targets(np.arange(self.rows))) / self.rows


class LossWithEvaluation(Plain):
    """Lets the evaluation of the test images into the mean of the loss."""

    seen: list[tuple[float, int]] = []

    def mean(self, losses):
        return super().mean([*losses, *self.seen])

    def predict(self, images):
        probabilities = self.softmax(self.forward(images, training=False)[-1])
        self.seen = [(float(-np.log(probabilities.max(axis=1)).sum()), len(images))]
        return probabilities.argmax(axis=1)


class EvaluationTrains(Plain):
    """Changes the parameters while it predicts."""

    def predict(self, images: Floats) -> Integers:
        classes = super().predict(images)
        self.layers[-1].bias[:] *= np.float32(0.99)
        return classes
