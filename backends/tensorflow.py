"""TensorFlow: an epoch is one compiled tf.function, with the data on the device."""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "tensorflow-cpu==2.21.0; sys_platform == 'linux'",
#     "tensorflow==2.21.0; sys_platform != 'linux'",
# ]
#
# [tool.bench]
# purpose = "TensorFlow, an epoch as one compiled tf.function"
# environment = { TF_CPP_MIN_LOG_LEVEL = "2" }
# precisions = { tf32 = {}, bfloat16 = {} }
# hides = ["jax"] # which takes half a second and 100 MB
# ///

import tensorflow as tf

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Layer, Orders, Parameters, Samples

from ._tensorflow import Network, device_facts, device_memory_bytes, devices, place

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return the versions of TensorFlow and of what it was built with."""
    build = tf.sysconfig.get_build_info()
    return {
        "tensorflow": tf.__version__,
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
    }


class Model:
    """The network and the training set, both on the device."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Upload parameters and training set; compiling waits for the first epoch."""
        self._device = place(device)
        tf.config.experimental.enable_tensor_float_32_execution(workload.precision == "tf32")
        with tf.device(self._device):
            self._network = Network(workload, parameters)
            self._images = tf.constant(train.images)
            self._labels = tf.constant(train.labels)

    def train(self, orders: Orders, epoch_done: EpochDone) -> None:
        """Train one epoch for each order."""
        for order in orders:
            with tf.device(self._device):
                loss = self._network.epoch(self._images, self._labels, tf.constant(order))
            tf.test.experimental.sync_devices()
            epoch_done(float(loss))

    def predict(self, images: Floats) -> Integers:
        """Return the most likely class of each image."""
        with tf.device(self._device):
            logits = self._network.logits(tf.constant(images))
        return logits.numpy().argmax(axis=1)

    def parameters(self) -> Parameters:
        """Return copies of the current parameters."""
        return [Layer(weight.numpy(), bias.numpy()) for weight, bias in self._network.layers]
