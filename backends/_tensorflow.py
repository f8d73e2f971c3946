"""TensorFlow's devices; the network and an epoch: variables, GradientTape, tf.function."""

import sys

import tensorflow as tf

from bench.workload import SGD, Adam, RMSprop, Workload
from bench.workload.contract import DeviceFacts, Parameters

ACTIVATIONS = {"relu": tf.nn.relu, "sigmoid": tf.nn.sigmoid}


def devices() -> list[str]:
    """Return the CPU and every other device that TensorFlow and its plug-ins see."""
    return ["cpu", *_accelerators()]


def _accelerators() -> dict[str, tf.config.PhysicalDevice]:
    """Return TensorFlow's objects for the accelerators, by our names."""
    found = {}
    for device in tf.config.list_physical_devices():
        kind, index = device.device_type.lower(), device.name.rpartition(":")[2]
        if kind == "gpu":  # NVIDIA's and AMD's, or Apple's
            kind = "metal" if sys.platform == "darwin" else "cuda"
        if kind not in ("cpu", "tpu_system"):
            found["metal" if kind == "metal" else f"{kind}:{index}"] = device
    return found


def place(device: str) -> str:
    """Return TensorFlow's name of a device."""
    if device == "cpu":
        return device
    return _accelerators()[device].name.replace("physical_device", "device")


def only(device: str) -> None:
    """Hide all other accelerators, which TensorFlow would prefer to the CPU."""
    found = _accelerators()
    for kind in {one.device_type for one in found.values()}:
        mine = [one for name, one in found.items() if name == device and one.device_type == kind]
        tf.config.set_visible_devices(mine, kind)


def device_facts(device: str) -> DeviceFacts | None:
    """Return the device's name, which TensorFlow tells of GPUs; of its memory it tells nothing."""
    details = tf.config.experimental.get_device_details(_accelerators()[device])
    return DeviceFacts(details["device_name"]) if "device_name" in details else None


def device_memory_bytes(device: str) -> int | None:
    """Return the most memory that TensorFlow had in use on a GPU; it counts no other device."""
    if device.partition(":")[0] != "cuda":
        return None
    name = device.replace("cuda", "GPU")
    peak: int = tf.config.experimental.get_memory_info(name)["peak"]
    tf.config.experimental.reset_memory_stats(name)
    return peak


class Network(tf.Module):
    """The network's variables and the functions that are compiled over them."""

    def __init__(self, workload: Workload, parameters: Parameters) -> None:
        """Make variables of the parameters on the current device."""
        super().__init__()
        self._workload = workload
        self.layers = [(tf.Variable(weight), tf.Variable(bias)) for weight, bias in parameters]
        self._flat = [variable for layer in self.layers for variable in layer]
        self._means, self._squares = self._zeros((Adam,)), self._zeros((Adam, RMSprop))
        self._ones = [tf.Variable(0.0) for _ in range(2)]  # moving averages of 1: 1 - beta**t
        self._masks = tf.Variable(0, dtype=tf.int64)  # number of dropout masks drawn so far

    def _zeros(self, optimizers: tuple[type, ...]) -> list[tf.Variable]:
        """Return a zero variable for each parameter if the optimizer is one of these."""
        needed = isinstance(self._workload.optimizer, optimizers)
        return [tf.Variable(tf.zeros_like(variable)) for variable in self._flat if needed]

    @tf.function(jit_compile=True)
    def epoch(self, images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        """Train one pass in the given order and return the loss's mean over the samples."""
        size, samples = self._workload.batch_size, order.shape[0]
        batches = tf.reshape(order[: samples - samples % size], (-1, size))
        total = tf.zeros(())
        if samples >= size:  # XLA refuses a loop over nothing
            for index in tf.range(batches.shape[0]):  # becomes a loop of the graph
                rows = batches[index]
                total += self._step(tf.gather(images, rows), tf.gather(labels, rows)) * size
        if samples % size:
            rows = order[-(samples % size) :]
            total += self._step(tf.gather(images, rows), tf.gather(labels, rows)) * len(rows)
        return total / samples

    @tf.function(jit_compile=True)
    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Return the logits (rows, 10) of a prediction."""
        return self._forward(images, training=False)

    def _forward(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        for weight, bias in self.layers[:-1]:
            images = ACTIVATIONS[self._workload.activation](self._product(images, weight) + bias)
            if training and self._workload.dropout:
                images = self._drop(images)
        weight, bias = self.layers[-1]
        return self._product(images, weight) + bias

    def _product(self, images: tf.Tensor, weight: tf.Variable) -> tf.Tensor:
        if self._workload.precision != "bfloat16":
            return images @ weight
        product = tf.cast(images, tf.bfloat16) @ tf.cast(weight, tf.bfloat16)
        return tf.cast(product, tf.float32)

    def _drop(self, values: tf.Tensor) -> tf.Tensor:
        """Drop by a mask that its number determines: compiled code ignores tf.random's seed."""
        seed = tf.stack([tf.constant(self._workload.seed, tf.int64), self._masks.assign_add(1)])
        return tf.nn.experimental.stateless_dropout(values, self._workload.dropout, seed)

    def _step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Train on a batch and return its mean loss."""
        with tf.GradientTape() as tape:
            logits = self._forward(images, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, self._flat)
        for variable, step in zip(self._flat, self._steps(gradients), strict=True):
            variable.assign_sub(self._workload.optimizer.learning_rate * step)
        return loss

    def _steps(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Return what the learning rate is multiplied by; move the optimizer's means on."""
        chosen = self._workload.optimizer
        if isinstance(chosen, SGD):
            return gradients
        beta = chosen.rho if isinstance(chosen, RMSprop) else chosen.beta_2
        squares = _moved(self._squares, [gradient**2 for gradient in gradients], beta)
        if isinstance(chosen, RMSprop):
            return [
                gradient / tf.sqrt(square + chosen.epsilon)
                for gradient, square in zip(gradients, squares, strict=True)
            ]
        means = _moved(self._means, gradients, chosen.beta_1)
        first, second = (
            one.assign(beta * one + (1 - beta))
            for one, beta in zip(self._ones, (chosen.beta_1, chosen.beta_2), strict=True)
        )
        return [
            tf.sqrt(second) / first * mean / (tf.sqrt(square) + chosen.epsilon)
            for mean, square in zip(means, squares, strict=True)
        ]


def _moved(means: list[tf.Variable], values: list[tf.Tensor], beta: float) -> list[tf.Tensor]:
    """Move moving averages on by new values and return them."""
    pairs = zip(means, values, strict=True)
    return [mean.assign(beta * mean + (1 - beta) * value) for mean, value in pairs]
