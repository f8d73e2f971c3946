"""Breaches of the contract: verification or the clock names them."""

import numpy as np

from bench.workload.contract import Layer
from wrong.plain import Plain


class OwnStart(Plain):
    """Initialises its own parameters."""

    def __init__(self, workload, parameters, train, device):
        noisy = [Layer(layer.weight[::-1], layer.bias) for layer in parameters]
        super().__init__(workload, noisy, train, device)


class Transposed(Plain):
    """Returns weights as (out, in)."""

    def parameters(self):
        return [Layer(layer.weight.T.copy(), layer.bias) for layer in super().parameters()]


class DoubleParameters(Plain):
    """Returns float64."""

    def parameters(self):
        return [Layer(*(a.astype(np.float64) for a in layer)) for layer in super().parameters()]


class Views(Plain):
    """Returns the parameters themselves."""

    def parameters(self):
        return self.layers


class Stale(Plain):
    """Returns the parameters of the start."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        self.start = super().parameters()

    def parameters(self):
        return self.start


class NotANumber(Plain):
    """Has lost a parameter to an overflow."""

    def pass_over(self, order):
        loss = super().pass_over(order)
        self.layers[0].weight[0, 0] = np.nan
        return loss


class WritesImages(Plain):
    """Scales the harness's images in place, and back."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train._replace(images=train.images.copy()), device)
        train.images[:] = 0


class WritesParameters(Plain):
    """Trains in the harness's arrays."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        self.layers = parameters


class Probabilities(Plain):
    """Predicts probabilities."""

    def predict(self, images):
        return self.softmax(self.forward(images, training=False)[-1])


class ShuffledPredictions(Plain):
    """Predicts in another order."""

    def predict(self, images):
        return super().predict(images)[::-1]


class LastPredictionsLost(Plain):
    """Predicts in batches and forgets the last one."""

    def predict(self, images):
        classes = super().predict(images)
        classes[len(classes) // 128 * 128 :] = 0
        return classes


class WorstClass(Plain):
    """Predicts the least likely class."""

    def predict(self, images):
        return self.forward(images, training=False)[-1].argmin(axis=1)


class DoneTwice(Plain):
    """Calls epoch_done twice."""

    def train(self, orders, epoch_done):
        for order in orders:
            loss = self.pass_over(order)
            epoch_done(loss)
            epoch_done(loss)


class NeverDone(Plain):
    """Never calls epoch_done."""

    def train(self, orders, epoch_done):
        for order in orders:
            self.pass_over(order)


class OrderAhead(Plain):
    """Takes the next order before its turn, to prepare it."""

    def train(self, orders, epoch_done):
        following = next(orders, None)
        while following is not None:
            order, following = following, next(orders, None)
            epoch_done(self.pass_over(order))


class OneEpochShort(Plain):
    """Stops an epoch early."""

    def train(self, orders, epoch_done):
        for _ in range(self.workload.epochs - 1):
            epoch_done(self.pass_over(next(orders)))


class NoLoss(Plain):
    """Reports no number."""

    def mean(self, losses):
        return float("nan")


class OutOfMemory(Plain):
    """Raises in the middle."""

    def update(self, gradients):
        raise MemoryError("no room for the gradients")
