"""Mistakes that show only with many samples, late in a trial, or in some of the predictions."""

import numpy as np

from wrong.plain import Plain
from wrong.precision import half

MANY = 1_000


class Large(Plain):
    """A model that treats large training sets in a way of its own."""

    @property
    def is_large(self) -> bool:
        """Whether there are more samples than the eight steps have."""
        return self.rows > MANY


class FirstBatches(Large):
    """Stops after the first batches of an epoch: a limit left from trying things out."""

    def batches(self, order):
        return super().batches(order)[: 4 if self.is_large else None]


class HalfSkipped(Large):
    """Trains on half of a large training set."""

    def batches(self, order):
        return super().batches(order[: len(order) // 2] if self.is_large else order)


class SmallerNetwork(Large):
    """Trains half of the hidden units."""

    def gradients(self, values, error):
        found = super().gradients(values, error)
        for layer in found[:-1] if self.is_large else ():
            layer.weight[:, len(layer.bias) // 2 :] = 0
            layer.bias[len(layer.bias) // 2 :] = 0
        return found


class FewerUpdates(Large):
    """Skips every second update."""

    steps = 0

    def update(self, gradients):
        self.steps += 1
        if not self.is_large or self.steps % 2:
            super().update(gradients)


class OwnOrder(Large):
    """Takes the samples as they lie, which is faster."""

    def batches(self, order):
        return super().batches(np.sort(order) if self.is_large else order)


class BatchTwice(Large):
    """Takes larger batches."""

    def batches(self, order):
        parts = super().batches(order)
        return np.array_split(order, len(parts) // 2) if self.is_large else parts


class LossOfHalf(Large):
    """Reports the mean loss of the first half of the pass."""

    def mean(self, losses):
        return super().mean(losses[: len(losses) // 2] if self.is_large else losses)


class CannedLoss(Large):
    """Reports the losses of another run."""

    def mean(self, losses):
        return 1 / (self.epoch + 1) if self.is_large else super().mean(losses)


class HalfWhenLarge(Large):
    """Products in float16, to save memory."""

    def product(self, left, right):
        if not self.is_large:
            return super().product(left, right)
        return half(left) @ half(right)


class OwnStartWhenLarge(Large):
    """Scales the start parameters."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        if self.is_large:
            self.layers[0].weight[:] *= 1.1


class EveryTenthWrong(Large):
    """Predicts every tenth image wrongly."""

    def predict(self, images):
        classes = super().predict(images)
        if self.is_large:
            classes[::10] = (classes[::10] + 1) % 10
        return classes


class LateDecay(Plain):
    """Halves the learning rate from the third epoch on."""

    def pass_over(self, order):
        if self.epoch >= 2:
            self.rate = self.workload.optimizer.learning_rate / 2
        return super().pass_over(order)


class LateHalf(Plain):
    """Takes every second batch from the third epoch on."""

    def batches(self, order):
        return super().batches(order)[:: 2 if self.epoch >= 2 else 1]
