"""An honest model, written plainly, one small method a step, so that each can be got wrong."""

from collections.abc import Iterable

import numpy as np

from bench.workload import SGD, Adam, Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples


class Plain:
    """The network in NumPy; correct, slow and easy to spoil."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        self.workload = workload
        self.layers = [Layer(*map(np.copy, layer)) for layer in parameters]
        self.squares = [Layer(*map(np.zeros_like, layer)) for layer in parameters]
        self.means: dict[int, Floats] = {}  # by the id of the squares
        self.updates = 0
        self.samples = train
        self.random = np.random.default_rng(workload.seed)
        self.rate = workload.optimizer.learning_rate
        self.rows = len(train.labels)
        self.epoch = 0

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            epoch_done(self.pass_over(order))
            self.epoch += 1

    def pass_over(self, order: Integers) -> float:
        """Train on all batches and return the mean loss over the samples."""
        batches = self.batches(order)
        return self.mean([(self.step(rows), len(rows)) for rows in batches])

    def mean(self, losses: list[tuple[float, int]]) -> float:
        """Return the mean over the samples of each batch's summed loss."""
        return sum(loss for loss, _ in losses) / sum(count for _, count in losses)

    def batches(self, order: Integers) -> list[Integers]:
        """Cut the order into batches, the last one short."""
        size = self.workload.batch_size
        return [order[start : start + size] for start in range(0, len(order), size)]

    def step(self, rows: Integers) -> float:
        """Train on a batch and return its summed loss."""
        images, targets = self.samples.images[rows], self.targets(rows)
        values = self.forward(images, training=True)
        probabilities = self.softmax(values[-1])
        self.update(self.gradients(values, self.error(probabilities, targets)))
        return self.loss(probabilities, targets)

    def targets(self, rows: Integers) -> Floats:
        """Return the one-hot labels (rows, 10)."""
        return np.eye(10, dtype=np.float32)[self.samples.labels[rows]]

    def forward(self, images: Floats, training: bool) -> list[Floats]:
        """Return the images, what each hidden layer puts out, and the logits."""
        values = [self.input(images, training)]
        for number, (weight, bias) in enumerate(self.layers[:-1]):
            values.append(self.activation(self.product(values[-1], weight) + bias))
            if training and self.workload.dropout:
                values[-1] = self.drop(values[-1], number)
        weight, bias = self.layers[-1]
        return [*values, self.product(values[-1], weight) + bias]

    def input(self, images: Floats, training: bool) -> Floats:
        """Return what the first layer gets."""
        return images

    def product(self, left: Floats, right: Floats) -> Floats:
        """Return the matrix product."""
        return left @ right

    def activation(self, values: Floats) -> Floats:
        """Apply the workload's activation."""
        if self.workload.activation == "relu":
            return np.maximum(values, 0)
        return 1 / (1 + np.exp(-values))

    def drop(self, values: Floats, number: int) -> Floats:
        """Set a random share of the values of a hidden layer to 0 and scale the rest up."""
        kept = self.random.random(values.shape, np.float32) >= self.workload.dropout
        return values * kept / np.float32(1 - self.workload.dropout)

    def softmax(self, logits: Floats) -> Floats:
        """Return probabilities (rows, 10)."""
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def loss(self, probabilities: Floats, targets: Floats) -> float:
        """Return the cross-entropy, summed over the rows."""
        chosen = (probabilities * targets).sum(axis=1, dtype=np.float64)
        return float(-np.log(chosen + 1e-30).sum())

    def error(self, probabilities: Floats, targets: Floats) -> Floats:
        """Return the gradient for the logits of the mean loss of the batch."""
        return (probabilities - targets) / np.float32(len(targets))

    def gradients(self, values: list[Floats], error: Floats) -> Parameters:
        """Return the gradients of all parameters."""
        found = []
        for number in reversed(range(len(self.layers))):
            found.append(Layer(self.product(values[number].T, error), error.sum(axis=0)))
            if number:
                error = self.product(error, self.layers[number].weight.T)
                error = error * self.slope(values[number])
        return found[::-1]

    def slope(self, values: Floats) -> Floats:
        """Return the slope of activation and dropout where they put out these values."""
        if self.workload.activation == "relu":
            return (values > 0) / np.float32(1 - self.workload.dropout)
        return values * (1 - values)

    def update(self, gradients: Parameters) -> None:
        """Change all parameters in place."""
        self.updates += 1
        for layers in zip(self.layers, self.squares, gradients, strict=True):
            for array, square, gradient in zip(*layers, strict=True):
                array -= self.change(array, square, gradient)

    def change(self, array: Floats, square: Floats, gradient: Floats) -> Floats:
        """Return what is subtracted from an array of parameters."""
        optimizer = self.workload.optimizer
        rate = np.float32(self.rate)
        if isinstance(optimizer, SGD):
            return rate * gradient
        if isinstance(optimizer, Adam):
            mean = self.means.setdefault(id(square), np.zeros_like(square))
            mean += np.float32(1 - optimizer.beta_1) * (gradient - mean)
            square += np.float32(1 - optimizer.beta_2) * (gradient**2 - square)
            return rate * self.correction() * mean / self.root(square)
        square *= np.float32(optimizer.rho)
        square += np.float32(1 - optimizer.rho) * gradient**2
        return rate * gradient / self.root(square)

    def correction(self) -> np.float32:
        """Return what makes up for means that start at zero, in Adam."""
        first, second = self.workload.optimizer.beta_1, self.workload.optimizer.beta_2
        return np.float32((1 - second**self.updates) ** 0.5 / (1 - first**self.updates))

    def root(self, square: Floats) -> Floats:
        """Return what RMSprop or Adam divides by."""
        optimizer = self.workload.optimizer
        if isinstance(optimizer, Adam):
            return np.sqrt(square) + np.float32(optimizer.epsilon)
        return np.sqrt(square + np.float32(optimizer.epsilon))

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        return self.forward(images, training=False)[-1].argmax(axis=1)

    def parameters(self) -> Parameters:
        """Return copies of the parameters."""
        return [Layer(*map(np.copy, layer)) for layer in self.layers]


def norm(parameters: Iterable[Layer]) -> float:
    """Return the Euclidean norm of all parameters together."""
    return float(np.sqrt(sum((array**2).sum() for layer in parameters for array in layer)))
