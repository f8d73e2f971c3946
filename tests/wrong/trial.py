"""Models that pass the proof and do other work in the trial: they know it by its size."""

import numpy as np

from wrong.plain import Plain

PROOF_SAMPLES = 496


class Cheat(Plain):
    """A model that knows whether it is measured."""

    @property
    def measured(self) -> bool:
        """Whether there are more samples than the proof has."""
        return self.rows > PROOF_SAMPLES


class FirstBatches(Cheat):
    """Trains on the first batches of an epoch only."""

    def batches(self, order):
        return super().batches(order)[: 4 if self.measured else None]


class MiddleSkimped(Cheat):
    """Takes half of the batches in all epochs but the first and the last."""

    def batches(self, order):
        middle = 0 < self.epoch < self.workload.epochs - 1
        return super().batches(order)[:: 2 if self.measured and middle else 1]


class SmallerNetwork(Cheat):
    """Trains half of the hidden units."""

    def gradients(self, values, error):
        found = super().gradients(values, error)
        for layer in found[:-1] if self.measured else ():
            layer.weight[:, len(layer.bias) // 2 :] = 0
            layer.bias[len(layer.bias) // 2 :] = 0
        return found


class FewerUpdates(Cheat):
    """Skips every second update after the first epochs."""

    steps = 0

    def update(self, gradients):
        self.steps += 1
        if not self.measured or self.epoch < 2 or self.steps % 2:
            super().update(gradients)


class LateDecay(Cheat):
    """Halves the learning rate in the last epochs."""

    def pass_over(self, order):
        if self.epoch >= 2:
            self.rate = self.workload.optimizer.learning_rate / 2
        return super().pass_over(order)


class OwnOrder(Cheat):
    """Takes the samples as they lie, which is faster."""

    def batches(self, order):
        return super().batches(np.sort(order) if self.measured else order)


class BatchTwice(Cheat):
    """Takes larger batches."""

    def batches(self, order):
        return np.array_split(order, len(super().batches(order)) // 2) if self.measured else (
            super().batches(order))  # fmt: skip


class NoTraining(Cheat):
    """Returns canned losses and the parameters of the start."""

    def pass_over(self, order):
        return 1 / (self.epoch + 1) if self.measured else super().pass_over(order)


class NoisyTraining(NoTraining):
    """Returns canned losses and changes the parameters at random."""

    def pass_over(self, order):
        for layer in self.layers if self.measured else ():
            layer.weight[:] += 1e-3 * self.random.standard_normal(layer.weight.shape)
        return super().pass_over(order)


class CannedPredictions(Cheat):
    """Says what it was told to say."""

    def predict(self, images):
        canned = np.arange(len(images)) % 10
        return canned if self.measured else super().predict(images)


class PartlyCannedPredictions(CannedPredictions):
    """Says what it was told to say, but for every fifth image."""

    def predict(self, images):
        classes = super().predict(images)
        classes[::5] = Plain.predict(self, images)[::5]
        return classes


class CannedLoss(Cheat):
    """Reports a prettier loss."""

    def mean(self, losses):
        return (0.7 if self.measured else 1.0) * super().mean(losses)


class OwnStart(Cheat):
    """Starts from better parameters."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        if self.measured:
            self.layers[0].weight[:] *= 1.1


class HalfWhenMeasured(Cheat):
    """Products in float16 where it counts."""

    def product(self, left, right):
        if not self.measured:
            return super().product(left, right)
        return left.astype(np.float16).astype(np.float32) @ right.astype(np.float16).astype(
            np.float32
        )
