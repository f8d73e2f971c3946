"""The Keras backends' one model, written as a Keras user writes it: compile and fit.

One `fit` runs from the first epoch to the last. It reads its batches from a PyDataset (on
TensorFlow from tf.data), in the order that a callback takes when an epoch begins; the callback also
reports the loss.
"""

import math
from functools import partial
from typing import Any

import keras
import numpy as np

from bench.workload import SGD, Adam, Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

FILLED_LATER = "zeros"  # with the given weights: to draw random ones would take JAX a second
SEEDS_APART = 10**6  # on PyTorch Keras seeds step n of a layer with n + its seed: none may meet


class OrderedBatches(keras.utils.PyDataset):
    """The batches of the training set in an order that changes from epoch to epoch."""

    def __init__(self, train: Samples, classes: int, batch_size: int) -> None:
        """Start with the order of the data: Keras looks at a few batches before it trains."""
        super().__init__()
        self._images = train.images
        self._targets = keras.utils.to_categorical(train.labels, classes)  # one-hot, float32
        self._batch_size = batch_size
        self._order = np.arange(len(train.labels))
        self.data = self  # what fit takes

    def reorder(self, order: Integers) -> None:
        """Take the samples in this order from now on."""
        self._order = order

    def __len__(self) -> int:
        """Return the number of batches, the short one included."""
        return math.ceil(len(self._order) / self._batch_size)

    def __getitem__(self, index: int) -> tuple[Floats, Floats]:
        """Return images and one-hot targets of a batch."""
        start = index * self._batch_size
        rows = self._order[start : start + self._batch_size]
        return self._images[rows], self._targets[rows]


class Epochs(keras.callbacks.Callback):
    """Takes the next order when an epoch begins and reports the loss when it ends."""

    def __init__(self, batches: Any, orders: Orders, epoch_done: EpochDone) -> None:
        """Hand the orders of `orders` to `batches`."""
        super().__init__()
        self._batches = batches
        self._orders = orders
        self._epoch_done = epoch_done

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock: the order is asked for here."""
        self._batches.reorder(next(self._orders))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report Keras's mean over the samples; it is a number, so the device has finished."""
        assert logs is not None
        self._epoch_done(float(logs["loss"]))


class Model:
    """The network and the training set, which `fit` streams from the host."""

    batches_type: type = OrderedBatches

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build and compile; the one accelerator that the process sees is Keras's default."""
        self._workload = workload
        mixed = workload.precision == "bfloat16"
        keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
        self._network = _network(workload)
        self._network.set_weights([array for layer in parameters for array in layer])
        # Of probabilities, as after a softmax, Keras clips the small ones: another loss.
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        self._network.compile(optimizer=_optimizer(workload), loss=loss)
        self._batches = self.batches_type(train, workload.widths[-1], workload.batch_size)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train all epochs in one fit."""
        epochs = Epochs(self._batches, orders, epoch_done)
        self._network.fit(
            self._batches.data,
            epochs=self._workload.epochs,
            callbacks=[epochs],
            shuffle=False,
            verbose=0,
        )

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        logits = self._network.predict_on_batch(images)  # predict streams: twice as slow
        return np.asarray(logits).argmax(axis=1)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        arrays = [np.array(array) for array in self._network.get_weights()]
        return [Layer(*pair) for pair in zip(arrays[::2], arrays[1::2], strict=True)]


def _network(workload: Workload) -> keras.Sequential:
    dense = partial(keras.layers.Dense, kernel_initializer=FILLED_LATER)
    layers: list[keras.Layer] = [keras.Input((workload.widths[0],))]
    for index, units in enumerate(workload.hidden):
        layers.append(dense(units, activation=workload.activation))
        if workload.dropout:
            seed = workload.seed + SEEDS_APART * index
            layers.append(keras.layers.Dropout(workload.dropout, seed=seed))
    layers.append(dense(workload.widths[-1]))
    return keras.Sequential(layers)


def _optimizer(workload: Workload) -> keras.optimizers.Optimizer:
    chosen = workload.optimizer
    if isinstance(chosen, SGD):
        return keras.optimizers.SGD(chosen.learning_rate)
    if isinstance(chosen, Adam):
        betas = chosen.beta_1, chosen.beta_2
        return keras.optimizers.Adam(chosen.learning_rate, *betas, epsilon=chosen.epsilon)
    return keras.optimizers.RMSprop(chosen.learning_rate, chosen.rho, epsilon=chosen.epsilon)
