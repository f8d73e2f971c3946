"""The same training written without the harness: what each backend's speed is held against.

One function a backend, `bare_<backend>(workload, parameters, train, orders)`: the loop that a
practitioner of the framework would write for this network, on the same data in the same order. It
returns the seconds of each epoch. All are for the variant `relu` on the CPU. Frameworks are
imported inside, so that a process loads only one.
"""

from functools import partial
from time import perf_counter
from unittest import mock

import numpy as np

from bench.workload import Workload
from bench.workload.contract import Orders, Parameters, Samples


def bare_numpy(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """NumPy: the two hidden layers written out one after the other; no dropout."""
    (w1, b1), (w2, b2), (w3, b3) = [
        (layer.weight.copy(), layer.bias.copy()) for layer in parameters
    ]
    g1, g2, g3 = np.empty_like(w1), np.empty_like(w2), np.empty_like(w3)
    images, targets = train.images, np.eye(10, dtype=np.float32)[train.labels]
    rate = workload.optimizer.learning_rate
    seconds = []
    for order in orders:
        started = perf_counter()
        loss = 0.0
        for start in range(0, len(order), workload.batch_size):
            rows = order[start : start + workload.batch_size]
            x, t = images[rows], targets[rows]
            h1 = x @ w1
            h1 += b1
            np.maximum(h1, 0, out=h1)
            h2 = h1 @ w2
            h2 += b2
            np.maximum(h2, 0, out=h2)
            y = h2 @ w3
            y += b3
            y -= y.max(axis=1, keepdims=True)
            np.exp(y, out=y)
            y /= y.sum(axis=1, keepdims=True)
            loss -= float(np.log((y * t).sum(axis=1)).sum())
            y -= t
            y *= rate / len(rows)
            np.matmul(h2.T, y, out=g3)
            d2 = y @ w3.T
            d2 *= h2 > 0
            np.matmul(h1.T, d2, out=g2)
            d1 = d2 @ w2.T
            d1 *= h1 > 0
            np.matmul(x.T, d1, out=g1)
            for parameter, gradient in ((w1, g1), (w2, g2), (w3, g3)):
                parameter -= gradient
            for bias, delta in ((b1, d1), (b2, d2), (b3, y)):
                bias -= delta.sum(axis=0)
        seconds.append(perf_counter() - started)
    return seconds


def bare_torch(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """PyTorch: nn.Sequential, cross_entropy and torch.optim.SGD on the CPU."""
    import torch
    from torch import nn

    modules = []
    for weight, bias in parameters:
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight).T)
            linear.bias.copy_(torch.tensor(bias))
        modules += [linear, nn.ReLU()]
    network = nn.Sequential(*modules[:-1])
    optimizer = torch.optim.SGD(network.parameters(), workload.optimizer.learning_rate, fused=True)
    images, labels = torch.tensor(train.images), torch.tensor(train.labels)
    seconds = []
    for order in orders:
        started = perf_counter()
        total = torch.zeros(())
        for rows in torch.tensor(order).split(workload.batch_size):
            loss = nn.functional.cross_entropy(network(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        total.item()
        seconds.append(perf_counter() - started)
    return seconds


def bare_torch_compile(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """PyTorch with torch.compile: forward, backward and update of a step in one function."""
    import torch
    from torch import nn

    weights = [
        torch.tensor(array.T).contiguous() for layer in parameters for array in layer
    ]  # (out, in), as PyTorch's layers keep them
    images, labels = torch.tensor(train.images), torch.tensor(train.labels)
    rate = workload.optimizer.learning_rate

    def mean_loss(weights, x, y):
        w1, b1, w2, b2, w3, b3 = weights
        x = nn.functional.relu(nn.functional.linear(x, w1, b1))
        x = nn.functional.relu(nn.functional.linear(x, w2, b2))
        return nn.functional.cross_entropy(nn.functional.linear(x, w3, b3), y)

    @partial(torch.compile, dynamic=False)
    def step(rows):
        gradients, loss = torch.func.grad_and_value(mean_loss)(weights, images[rows], labels[rows])
        torch._foreach_add_(weights, gradients, alpha=-rate)
        return loss

    seconds = []
    for order in orders:
        started = perf_counter()
        total = torch.zeros(())
        for rows in torch.tensor(order).split(workload.batch_size):
            total += step(rows) * len(rows)
        total.item()
        seconds.append(perf_counter() - started)
    return seconds


def bare_jax(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """JAX: one compiled scan an epoch, then the short batch."""
    import jax
    import jax.numpy as jnp

    size, rate = workload.batch_size, workload.optimizer.learning_rate
    images, labels = jnp.array(train.images), jnp.array(train.labels.astype(np.int32))

    def mean_loss(layers, x, y):
        (w1, b1), (w2, b2), (w3, b3) = layers
        x = jax.nn.relu(x @ w1 + b1)
        x = jax.nn.relu(x @ w2 + b2)
        chances = jax.nn.log_softmax(x @ w3 + b3)
        return -jnp.take_along_axis(chances, y[:, None], axis=1).mean()

    @partial(jax.jit, donate_argnums=0)
    def epoch(layers, images, labels, order):
        def step(layers, rows):
            loss, gradients = jax.value_and_grad(mean_loss)(layers, images[rows], labels[rows])
            return jax.tree.map(lambda p, g: p - rate * g, layers, gradients), loss

        full = len(order) // size * size
        layers, losses = jax.lax.scan(step, layers, order[:full].reshape(-1, size))
        layers, loss = step(layers, order[full:])
        return layers, losses.sum() * size + loss * (len(order) - full)

    layers = [(jnp.array(layer.weight), jnp.array(layer.bias)) for layer in parameters]
    seconds = []
    for order in orders:
        started = perf_counter()
        layers, total = epoch(layers, images, labels, order.astype(np.int32))
        jax.block_until_ready((layers, total))
        seconds.append(perf_counter() - started)
    return seconds


def bare_tensorflow(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """TensorFlow: one compiled tf.function an epoch, a loop over its batches."""
    import tensorflow as tf

    variables = [tf.Variable(array) for layer in parameters for array in layer]
    w1, b1, w2, b2, w3, b3 = variables
    images, labels = tf.constant(train.images), tf.constant(train.labels)
    size, rate = workload.batch_size, workload.optimizer.learning_rate

    def step(rows):
        with tf.GradientTape() as tape:
            x = tf.nn.relu(tf.gather(images, rows) @ w1 + b1)
            x = tf.nn.relu(x @ w2 + b2) @ w3 + b3
            y = tf.gather(labels, rows)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x))
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(rate * gradient)
        return loss * len(rows)

    @tf.function(jit_compile=True)
    def epoch(order):
        full = len(order) // size * size
        total = tf.zeros(())
        for rows in tf.reshape(order[:full], (-1, size)):
            total += step(rows)
        return total + step(order[full:])

    seconds = []
    for order in orders:
        started = perf_counter()
        epoch(tf.constant(order)).numpy()
        seconds.append(perf_counter() - started)
    return seconds


def bare_keras_tensorflow(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """Keras on TensorFlow: its own fit on arrays, shuffled by itself.

    But without tf.data's autotuning, whose thread delays many epochs of a process that is suspended
    between them.
    """
    import tensorflow as tf
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    pipeline = ArrayDataAdapter.get_tf_dataset

    def untuned(arrays):
        options = tf.data.Options()
        options.autotune.enabled = False
        return pipeline(arrays).with_options(options)

    with mock.patch.object(ArrayDataAdapter, "get_tf_dataset", untuned):
        return _bare_keras(workload, parameters, train, orders)


def bare_keras_jax(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """Keras on JAX: its own fit on arrays, shuffled by itself."""
    return _bare_keras(workload, parameters, train, orders)


def bare_keras_torch(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """Keras on PyTorch: its own fit on arrays, shuffled by itself."""
    return _bare_keras(workload, parameters, train, orders)


def bare_mlx(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """MLX: plain functions of arrays, a compiled step, evaluated batch by batch."""
    import mlx.core as mx
    from mlx import nn

    images, labels = mx.array(train.images), mx.array(train.labels.astype(np.int32))
    flat = [mx.array(array) for layer in parameters for array in layer]
    rate = workload.optimizer.learning_rate

    def mean_loss(flat, x, y):
        w1, b1, w2, b2, w3, b3 = flat
        x = nn.relu(x @ w1 + b1)
        x = nn.relu(x @ w2 + b2) @ w3 + b3
        return nn.losses.cross_entropy(x, y, reduction="mean")

    @mx.compile
    def step(flat, rows):
        loss, gradients = mx.value_and_grad(mean_loss)(flat, images[rows], labels[rows])
        return [p - rate * g for p, g in zip(flat, gradients, strict=True)], loss

    seconds = []
    for order in orders:
        started = perf_counter()
        total = mx.array(0.0)
        rows_of_epoch = mx.array(order.astype(np.int32))
        for start in range(0, len(order), workload.batch_size):
            rows = rows_of_epoch[start : start + workload.batch_size]
            flat, loss = step(flat, rows)
            total += loss * len(rows)
            mx.async_eval(flat, total)
        mx.eval(flat, total)
        seconds.append(perf_counter() - started)
    return seconds


def bare_tinygrad(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    """tinygrad: the loop of its beautiful_mnist example, with the batches given."""
    from tinygrad import Context, Tensor, TinyJit, nn
    from tinygrad.helpers import DEV

    DEV.value = "CPU"  # whatever else it finds
    flat = [Tensor(array.copy()).realize() for layer in parameters for array in layer]
    w1, b1, w2, b2, w3, b3 = flat
    images = Tensor(train.images.copy()).realize()
    labels = Tensor(train.labels.astype(np.int32)).realize()
    optimizer = nn.optim.SGD(flat, workload.optimizer.learning_rate)

    def step(rows):
        with Context(TRAINING=1):
            x = images[rows].linear(w1, b1).relu().linear(w2, b2).relu().linear(w3, b3)
            optimizer.zero_grad()
            loss = x.sparse_categorical_crossentropy(labels[rows]).backward()
            return loss.realize(*optimizer.schedule_step())

    full, short = TinyJit(step), TinyJit(step)
    seconds = []
    for order in orders:
        started = perf_counter()
        total = 0.0
        for start in range(0, len(order), workload.batch_size):
            rows = order[start : start + workload.batch_size].astype(np.int32)
            loss = (full if len(rows) == workload.batch_size else short)(Tensor(rows).realize())
            total += loss.item() * len(rows)
        seconds.append(perf_counter() - started)
    return seconds


def _bare_keras(
    workload: Workload, parameters: Parameters, train: Samples, orders: Orders
) -> list[float]:
    import keras

    seconds = []

    class Stopwatch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            next(orders)  # it has no use for the order, but waits here for its turn
            self.started = perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            seconds.append(perf_counter() - self.started)

    dense = keras.layers.Dense
    network = keras.Sequential(
        [
            keras.Input((784,)),
            *(dense(units, activation=workload.activation) for units in workload.hidden),
            dense(10, activation="softmax"),
        ]
    )
    network.set_weights([array for layer in parameters for array in layer])
    optimizer = keras.optimizers.SGD(workload.optimizer.learning_rate)
    network.compile(optimizer=optimizer, loss="categorical_crossentropy")
    targets = keras.utils.to_categorical(train.labels, 10)
    network.fit(
        train.images,
        targets,
        batch_size=workload.batch_size,
        epochs=workload.epochs,
        callbacks=[Stopwatch()],
        verbose=0,
    )
    return seconds
