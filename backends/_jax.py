"""JAX's devices; and the network, a step and an epoch as pure functions for it to compile."""

from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np

from bench.workload import Adam, RMSprop, Workload
from bench.workload.contract import DeviceFacts
from bench.workload.workload import Optimizer

PRESETS = {"float32": "highest", "tf32": "tensorfloat32", "bfloat16": "highest"}
ACTIVATIONS = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}

Layers = list[tuple[jax.Array, jax.Array]]  # weight (in, out) and bias (out,)
Means = tuple[Any, ...]  # what the optimizer carries along
State = tuple[Layers, Means, jax.Array]  # parameters, means, random key
Train = tuple[jax.Array, jax.Array]  # images (samples, 784) and labels (samples,)

_told: dict[str, int] = {}  # the most memory of each device that was told


def devices() -> list[str]:
    """Return the CPU and every accelerator of every platform that JAX has."""
    return ["cpu", *_accelerators()]


def _accelerators() -> dict[str, jax.Device]:
    """Return JAX's objects for the accelerators, by our names."""
    found = {}
    for platform in jax.extend.backend.backends():
        kind = platform.lower()  # cuda, rocm, tpu, or a plug-in's: METAL
        kind = "cuda" if kind == "rocm" else kind  # AMD's GPUs have PyTorch's name for them
        if kind != "cpu":
            for index, device in enumerate(jax.devices(platform)):
                found["metal" if kind == "metal" else f"{kind}:{index}"] = device
    return found


def place(device: str) -> jax.Device:
    """Return JAX's object for a device."""
    return jax.devices("cpu")[0] if device == "cpu" else _accelerators()[device]


def device_facts(device: str) -> DeviceFacts | None:
    """Return the device's name, which the plug-in for Metal does not tell.

    Of its memory JAX tells only what it lets itself have.
    """
    return None if device == "metal" else DeviceFacts(place(device).device_kind)


def device_memory_bytes(device: str) -> int | None:
    """Return the most memory that JAX had in use on the device; None where it does not count.

    JAX never forgets the most: None, too, if that is what was told before.
    """
    peak: int = (place(device).memory_stats() or {}).get("peak_bytes_in_use", 0)
    told, _told[device] = _told.get(device, 0), peak
    return peak if peak > told else None


def forward(
    workload: Workload, layers: Layers, images: jax.Array, key: jax.Array | None = None
) -> jax.Array:
    """Return the logits (rows, 10); with a key, which training has, dropout is on."""
    kept = 1 - workload.dropout
    for index, (weight, bias) in enumerate(layers[:-1]):
        images = ACTIVATIONS[workload.activation](_product(workload, images, weight) + bias)
        if key is not None and kept < 1:
            mask = jax.random.bernoulli(jax.random.fold_in(key, index), kept, images.shape)
            images = jnp.where(mask, images / kept, 0)
    weight, bias = layers[-1]
    return _product(workload, images, weight) + bias


def _product(workload: Workload, images: jax.Array, weight: jax.Array) -> jax.Array:
    """Return the product; JAX's own preset for bfloat16 is none on the CPU, and TF32 on CUDA."""
    if workload.precision != "bfloat16":
        return images @ weight
    images, weight = images.astype(jnp.bfloat16), weight.astype(jnp.bfloat16)
    return jnp.matmul(images, weight, preferred_element_type=jnp.float32)


def epoch(
    workload: Workload, state: State, train: Train, order: jax.Array
) -> tuple[State, jax.Array]:
    """Return the state after one pass in the given order, and the loss's mean over the samples."""

    def step(state: State, rows: jax.Array) -> tuple[State, jax.Array]:
        images, labels = (array.at[rows].get(mode="clip") for array in train)
        return _step(workload, state, images, labels)

    full = len(order) - len(order) % workload.batch_size
    batches = order[:full].reshape(-1, workload.batch_size)
    state, losses = jax.lax.scan(step, state, batches)  # losses: (full batches,)
    total = losses.sum() * workload.batch_size
    if full < len(order):
        state, loss = step(state, order[full:])
        total += loss * (len(order) - full)
    return state, total / len(order)


def _step(
    workload: Workload, state: State, images: jax.Array, labels: jax.Array
) -> tuple[State, jax.Array]:
    """Return the state after a batch, and the batch's mean loss."""
    layers, means, key = state
    key, dropout_key = jax.random.split(key) if workload.dropout else (key, key)

    def mean_loss(layers: Layers) -> jax.Array:
        chances = jax.nn.log_softmax(forward(workload, layers, images, dropout_key))
        return -jnp.take_along_axis(chances, labels[:, None], axis=1).mean()

    loss, gradients = jax.value_and_grad(mean_loss)(layers)
    steps, means = _steps(workload.optimizer, means, gradients)
    rate = workload.optimizer.learning_rate
    layers = jax.tree.map(lambda parameter, step: parameter - rate * step, layers, steps)
    return (layers, means, key), loss


def start_means(chosen: Optimizer, layers: Layers) -> Means:
    """Return what the optimizer carries along, all zero."""
    zeros = jax.tree.map(np.zeros_like, layers)
    if isinstance(chosen, Adam):
        return zeros, zeros, np.float32(0), np.float32(0)
    return (zeros,) if isinstance(chosen, RMSprop) else ()


def _steps(chosen: Optimizer, means: Means, gradients: Layers) -> tuple[Layers, Means]:
    """Return what the learning rate is multiplied by, and the means after this step."""
    if isinstance(chosen, RMSprop):
        squares = _moved(means[0], jax.tree.map(jnp.square, gradients), chosen.rho)
        roots = jax.tree.map(lambda square: jnp.sqrt(square + chosen.epsilon), squares)
        return jax.tree.map(jnp.divide, gradients, roots), (squares,)
    if isinstance(chosen, Adam):
        first = _moved(means[0], gradients, chosen.beta_1)
        second = _moved(means[1], jax.tree.map(jnp.square, gradients), chosen.beta_2)
        # 1 - beta**t is a mean of ones; in float32 the difference would lose digits.
        ones = _moved(means[2], 1, chosen.beta_1), _moved(means[3], 1, chosen.beta_2)
        correction = jnp.sqrt(ones[1]) / ones[0]
        steps = jax.tree.map(
            lambda mean, square: correction * mean / (jnp.sqrt(square) + chosen.epsilon),
            first, second,
        )  # fmt: skip
        return steps, (first, second, *ones)
    return gradients, means


def _moved(means: Any, values: Any, beta: float) -> Any:
    """Return moving averages, moved on by new values."""
    return jax.tree.map(lambda mean, value: beta * mean + (1 - beta) * value, means, values)
