"""Mistakes in dropout, which the masks show that bench.trial.dropout_probe sees."""

import numpy as np

from wrong.plain import Plain


class NoDropout(Plain):
    """No dropout at all."""

    def drop(self, values, number):
        return values

    def slope(self, values):
        return values > 0


class OneLayerOnly(Plain):
    """Dropout after the first hidden layer only."""

    def drop(self, values, number):
        return super().drop(values, number) if number == 0 else values


class SecondLayerOnly(Plain):
    """Dropout after the second hidden layer only."""

    def drop(self, values, number):
        return super().drop(values, number) if number == 1 else values


class OtherRate(Plain):
    """A rate of 0.25, scaled as such."""

    rate_of_dropout = 0.25

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        if workload.dropout:
            self.workload = workload.__replace__(dropout=self.rate_of_dropout)


class KeepsTheRate(OtherRate):
    """Takes the rate for the share that is kept."""

    rate_of_dropout = 0.8


class ByteMasks(Plain):
    """Masks from bytes: 51 of 256 is not quite a fifth, but is scaled as if it were."""

    def drop(self, values, number):
        kept = self.random.integers(0, 256, values.shape, np.uint8) >= 51
        return values * kept / np.float32(1 - self.workload.dropout)


class Unscaled(Plain):
    """Dropped values are not made up for by the others."""

    def drop(self, values, number):
        return values * (self.random.random(values.shape, np.float32) >= self.workload.dropout)

    def slope(self, values):
        return values > 0


class ScaledInPrediction(Unscaled):
    """The old way: unscaled in training, scaled down in prediction."""

    def input(self, images, training):
        return images if training else images * np.float32(1 - self.workload.dropout)


class OneMaskForTheBatch(Plain):
    """The same mask for every sample of a batch."""

    def drop(self, values, number):
        kept = self.random.random(values.shape[1:], np.float32) >= self.workload.dropout
        return values * kept / np.float32(1 - self.workload.dropout)


class PairsOfRows(Plain):
    """Both halves of a batch draw with the same seed, as replicas on two devices do."""

    def drop(self, values, number):
        half = self.random.random((-(-len(values) // 2), values.shape[1]), np.float32)
        kept = np.resize(half, values.shape) >= self.workload.dropout
        return values * kept / np.float32(1 - self.workload.dropout)


class BlocksOfUnits(Plain):
    """One draw for four neighbouring units."""

    def drop(self, values, number):
        rows, units = values.shape
        draws = self.random.random((rows, units // 4), np.float32).repeat(4, axis=1)
        return values * (draws >= self.workload.dropout) / np.float32(1 - self.workload.dropout)


class FixedNumber(Plain):
    """Exactly a fifth of the units of every sample."""

    def drop(self, values, number):
        ranks = self.random.random(values.shape, np.float32).argsort(axis=1).argsort(axis=1)
        kept = ranks >= self.workload.dropout * values.shape[1]
        return values * kept / np.float32(1 - self.workload.dropout)


class EverySecondStep(Plain):
    """New masks in every second step only."""

    steps = 0

    def drop(self, values, number):
        self.steps += 1  # two layers a step
        self.random = np.random.default_rng([(self.steps - 1) // 4, number])
        return super().drop(values, number)


class SeedsOfNeighbours(Plain):
    """A step's number and a layer's are added up: a layer draws what another drew a step ago."""

    steps = 0

    def drop(self, values, number):
        self.steps += 1
        self.random = np.random.default_rng(self.workload.seed + (self.steps - 1) // 2 + number)
        return super().drop(values, number)


class FixedMask(Plain):
    """The same mask in every step."""

    def drop(self, values, number):
        self.random = np.random.default_rng(number)
        return super().drop(values, number)


class SameMaskForBothLayers(Plain):
    """One seed for both layers: they drop the same units."""

    def forward(self, images, training):
        self.step_seed = int(self.random.integers(2**32))
        return super().forward(images, training)

    def drop(self, values, number):
        kept = np.random.default_rng(self.step_seed).random(values.shape, np.float32)
        return values * (kept >= self.workload.dropout) / np.float32(1 - self.workload.dropout)


class DropsPixels(Plain):
    """Dropout of the pixels, too."""

    def input(self, images, training):
        return super().drop(images, -1) if training and self.workload.dropout else images


class DropsLogits(Plain):
    """Dropout after the last layer, too."""

    def forward(self, images, training):
        *values, logits = super().forward(images, training)
        return [*values, self.drop(logits, 2) if training and self.workload.dropout else logits]


class OnInPrediction(Plain):
    """Dropout left on in prediction."""

    def forward(self, images, training):
        return super().forward(images, training=True)


class OffAfterPrediction(Plain):
    """Prediction switches dropout off for good."""

    predicted = False

    def forward(self, images, training):
        self.predicted = self.predicted or not training
        return super().forward(images, training and not self.predicted)


class UnscaledGradient(Plain):
    """The backward pass forgets dropout's scale."""

    def slope(self, values):
        return values > 0


class UnmaskedGradient(Plain):
    """The backward pass forgets which units were dropped."""

    def drop(self, values, number):
        self.before = {**getattr(self, "before", {}), number: values}
        return super().drop(values, number)

    def slope(self, values):
        if not self.workload.dropout:
            return super().slope(values)
        undropped = next(v for v in self.before.values() if v.shape == values.shape)
        del self.before[next(n for n, v in self.before.items() if v is undropped)]
        return (undropped > 0) / np.float32(1 - self.workload.dropout)


class StraightThrough(Plain):
    """The backward pass knows of no dropout: neither its masks nor its scale."""

    def drop(self, values, number):
        self.before = [*getattr(self, "before", [])[-1:], values]  # of the two hidden layers
        return super().drop(values, number)

    def slope(self, values):
        return self.before.pop() > 0 if self.workload.dropout else super().slope(values)
