"""Mistakes in the optimizer, which show in the losses and the parameters."""

import numpy as np

from bench.workload.contract import Layer, Parameters
from wrong.plain import Plain, norm


class SummedGradient(Plain):
    """Sums over the batch where the mean is asked for."""

    def error(self, probabilities, targets):
        return probabilities - targets


class Momentum(Plain):
    """SGD with momentum 0.9 by accident."""

    def change(self, array, square, gradient):
        square *= np.float32(0.9)
        square += gradient
        return np.float32(self.rate) * square


class Adam(Plain):
    """Another optimizer: a step of the same length whatever the gradient."""

    def change(self, array, square, gradient):
        square *= np.float32(0.999)
        square += np.float32(0.001) * gradient**2
        return np.float32(0.001) * gradient / (np.sqrt(square) + np.float32(1e-8))


class WeightDecay(Plain):
    """Weight decay of 1e-4."""

    def change(self, array, square, gradient):
        return super().change(array, square, gradient + np.float32(1e-4) * array)


class EpsilonOutside(Plain):
    """RMSprop's epsilon outside the root, as in PyTorch."""

    def root(self, square):
        return np.sqrt(square) + np.float32(self.workload.optimizer.epsilon)


class OtherRho(Plain):
    """RMSprop's rho 0.99, PyTorch's default."""

    def change(self, array, square, gradient):
        square *= np.float32(0.99)
        square += np.float32(0.01) * gradient**2
        return np.float32(self.rate) * gradient / self.root(square)


class SquaresStartAtOne(Plain):
    """RMSprop's mean squares start at 1."""

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        self.squares = [Layer(*map(np.ones_like, layer)) for layer in parameters]


class RateOff(Plain):
    """A learning rate that is 1 % off."""

    def change(self, array, square, gradient):
        return np.float32(1.01) * super().change(array, square, gradient)


class DecayByEpoch(Plain):
    """A learning rate that falls by 5 % an epoch."""

    def pass_over(self, order):
        self.rate = 0.95**self.epoch * self.workload.optimizer.learning_rate
        return super().pass_over(order)


class Warmup(Plain):
    """A learning rate that grows over the first steps."""

    steps = 0

    def step(self, rows):
        self.steps += 1
        self.rate = min(1.0, self.steps / 4) * self.workload.optimizer.learning_rate
        return super().step(rows)


class MeanOverFullBatch(Plain):
    """The short batch's gradient divided by 128."""

    def error(self, probabilities, targets):
        return (probabilities - targets) / np.float32(self.workload.batch_size)


class Clipped(Plain):
    """Gradients clipped to a norm of 0.5."""

    def update(self, gradients):
        scale = np.float32(min(1.0, 0.5 / norm(gradients)))
        super().update([Layer(*(scale * array for array in layer)) for layer in gradients])


class Accumulated(Plain):
    """Gradients of earlier batches never set to zero."""

    total = None

    def update(self, gradients):
        if self.total is not None:
            gradients = [Layer(*(a + b for a, b in zip(one, two, strict=True)))
                         for one, two in zip(gradients, self.total, strict=True)]  # fmt: skip
        self.total = gradients
        super().update(gradients)


class SecondUpdateSkipped(Plain):
    """Updates after every second batch only."""

    steps = 0

    def update(self, gradients: Parameters) -> None:
        self.steps += 1
        if self.steps % 2:
            super().update(gradients)


class WeightsTied(Plain):
    """The backward pass goes through the weights of after the update."""

    def gradients(self, values, error):
        found = []
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            found.append(Layer(self.product(values[number].T, error), error.sum(axis=0)))
            layer.weight[:] -= self.change(layer.weight, self.squares[number].weight, found[-1][0])
            layer.bias[:] -= self.change(layer.bias, self.squares[number].bias, found[-1][1])
            if number:
                error = self.product(error, layer.weight.T) * self.slope(values[number])
        return found[::-1]

    def update(self, gradients):
        """All is done."""


class OtherOptimizer(Plain):
    """Changes one number of Adam."""

    changes: dict[str, float] = {}

    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        self.workload = workload.__replace__(
            optimizer=workload.optimizer.__replace__(**self.changes)
        )


class SmallEpsilon(OtherOptimizer):
    """Adam's epsilon 1e-8, PyTorch's default."""

    changes = {"epsilon": 1e-8}


class LargeEpsilon(OtherOptimizer):
    """Adam's epsilon 1e-6."""

    changes = {"epsilon": 1e-6}


class FastSquares(OtherOptimizer):
    """Adam's beta_2 0.99."""

    changes = {"beta_2": 0.99}


class SlowMeans(OtherOptimizer):
    """Adam's beta_1 0.95."""

    changes = {"beta_1": 0.95}


class EpsilonCorrected(Plain):
    """Adam's epsilon is added after the bias correction, as in PyTorch."""

    def root(self, square):
        chosen = self.workload.optimizer
        correction = np.float32((1 - chosen.beta_2**self.updates) ** 0.5)
        return np.sqrt(square) + correction * np.float32(chosen.epsilon)


class Uncorrected(Plain):
    """Adam without bias correction, as MLX has it by default."""

    def correction(self):
        return np.float32(1)


class StepsOfEpochs(Plain):
    """Adam's bias correction counts epochs."""

    def correction(self):
        self.updates, kept = self.epoch + 1, self.updates
        found, self.updates = super().correction(), kept
        return found


class MeanOnly(Plain):
    """Adam's bias correction of the mean alone."""

    def correction(self):
        return np.float32(1 / (1 - self.workload.optimizer.beta_1**self.updates))
