"""Mistakes in the samples: which, in which order, with which labels, in which batches."""

import numpy as np

from wrong.plain import Plain


class ShortBatchDropped(Plain):
    """Full batches only."""

    def batches(self, order):
        return [rows for rows in super().batches(order) if len(rows) == self.workload.batch_size]


class ShortBatchPadded(Plain):
    """The short batch filled up with the first samples."""

    def batches(self, order):
        size = self.workload.batch_size
        return super().batches(np.resize(order, -(-len(order) // size) * size))


class OtherBatchSize(Plain):
    """Batches of 124, so that none is short."""

    def batches(self, order):
        return np.array_split(order, 4)


class OrderIgnored(Plain):
    """Samples as they lie in the file."""

    def batches(self, order):
        return super().batches(np.sort(order))


class BatchesShuffled(Plain):
    """The right batches in another order."""

    def batches(self, order):
        return super().batches(order)[::-1]


class PreviousOrder(Plain):
    """From the second epoch on the order of the epoch before."""

    def batches(self, order):
        taken, self.last = getattr(self, "last", order), order
        return super().batches(taken)


class FirstOrderForever(Plain):
    """The order of the first epoch in every epoch."""

    def batches(self, order):
        self.first = getattr(self, "first", order)
        return super().batches(self.first)


class LabelsShifted(Plain):
    """Labels of the neighbouring sample."""

    def targets(self, rows):
        return super().targets((rows + 1) % self.rows)


class LabelsSmoothed(Plain):
    """Label smoothing."""

    def targets(self, rows):
        return super().targets(rows) * np.float32(0.9) + np.float32(0.01)


class OwnScaling(Plain):
    """Scales the images once more."""

    def input(self, images, training):
        return images / np.float32(1.02)
