"""Inference written without the harness: what each backend's `predict` is held against.

One function a backend, `serve_<backend>(parameters)`: it returns the function that a practitioner
of the framework would serve one image or many with, images (rows, 784) in, classes (rows,) out.
All are for the variant `relu` on the CPU. Frameworks are imported inside, so that a process loads
only one.
"""

from collections.abc import Callable

import numpy as np

from bench.workload.contract import Floats, Integers, Parameters

Serve = Callable[[Floats], Integers]


def serve_numpy(parameters: Parameters) -> Serve:
    """NumPy: three products, biases and ReLUs in place."""
    (w1, b1), (w2, b2), (w3, b3) = [(one.weight.copy(), one.bias.copy()) for one in parameters]

    def serve(x):
        h = x @ w1
        h += b1
        np.maximum(h, 0, out=h)
        h = h @ w2
        h += b2
        np.maximum(h, 0, out=h)
        y = h @ w3
        y += b3
        return y.argmax(axis=1)

    return serve


def serve_torch(parameters: Parameters) -> Serve:
    """PyTorch: nn.Sequential in inference mode, on the memory of the array."""
    import torch
    from torch import nn

    modules = []
    for weight, bias in parameters:
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight).T)
            linear.bias.copy_(torch.tensor(bias))
        modules += [linear, nn.ReLU()]
    network = nn.Sequential(*modules[:-1]).eval()

    @torch.inference_mode()
    def serve(x):
        return network(torch.from_numpy(x)).argmax(dim=1).numpy()

    return serve


serve_torch_compile = serve_torch  # to compile takes seconds for each size, and gains nothing here


def serve_jax(parameters: Parameters) -> Serve:
    """JAX: a compiled forward pass that takes arrays of the host; the class is found there."""
    import jax

    layers = jax.device_put([tuple(layer) for layer in parameters])

    @jax.jit
    def forward(layers, x):
        (w1, b1), (w2, b2), (w3, b3) = layers
        return jax.nn.relu(jax.nn.relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3

    return lambda x: np.asarray(forward(layers, x)).argmax(axis=1)


def serve_tensorflow(parameters: Parameters) -> Serve:
    """TensorFlow: a tf.function, compiled for each shape."""
    import tensorflow as tf

    w1, b1, w2, b2, w3, b3 = [tf.Variable(array) for layer in parameters for array in layer]

    @tf.function(jit_compile=True)
    def classes(x):
        x = tf.nn.relu(tf.nn.relu(x @ w1 + b1) @ w2 + b2)
        return tf.argmax(x @ w3 + b3, axis=1)

    return lambda x: classes(tf.constant(x)).numpy()


def serve_keras_tensorflow(parameters: Parameters) -> Serve:
    """Keras on TensorFlow: predict_on_batch."""
    return _serve_keras(parameters)


def serve_keras_jax(parameters: Parameters) -> Serve:
    """Keras on JAX: predict_on_batch."""
    return _serve_keras(parameters)


def serve_keras_torch(parameters: Parameters) -> Serve:
    """Keras on PyTorch: predict_on_batch."""
    return _serve_keras(parameters)


def serve_mlx(parameters: Parameters) -> Serve:
    """MLX: a compiled function of arrays."""
    import mlx.core as mx
    from mlx import nn

    w1, b1, w2, b2, w3, b3 = [mx.array(array) for layer in parameters for array in layer]

    @mx.compile
    def classes(x):
        return (nn.relu(nn.relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3).argmax(axis=1)

    return lambda x: np.array(classes(mx.array(x)))


def serve_tinygrad(parameters: Parameters) -> Serve:
    """tinygrad: a forward pass captured by TinyJit for each size."""
    from tinygrad import Tensor, TinyJit
    from tinygrad.helpers import DEV

    DEV.value = "CPU"  # whatever else it finds
    arrays = [array for layer in parameters for array in layer]
    w1, b1, w2, b2, w3, b3 = [Tensor(array.copy()).realize() for array in arrays]
    captured = {}

    def forward(x):
        return x.linear(w1, b1).relu().linear(w2, b2).relu().linear(w3, b3).realize()

    def serve(x):
        if len(x) not in captured:
            captured[len(x)] = TinyJit(forward)
        return captured[len(x)](Tensor(x).realize()).numpy().argmax(axis=1)

    return serve


def _serve_keras(parameters: Parameters) -> Serve:
    import keras

    layers = [keras.layers.Dense(len(one.bias), activation="relu") for one in parameters[:-1]]
    layers.append(keras.layers.Dense(10, activation="softmax"))
    network = keras.Sequential([keras.Input((784,)), *layers])
    network.set_weights([array for layer in parameters for array in layer])
    return lambda x: network.predict_on_batch(x).argmax(axis=1)
