"""Keras on TensorFlow, as its users train: compile and one fit."""

# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "keras==3.15.1",
#     "tensorflow-cpu==2.21.0; sys_platform == 'linux'",
#     "tensorflow==2.21.0; sys_platform != 'linux'",
# ]
#
# [tool.bench]
# purpose = "Keras on TensorFlow, compile and fit"
# environment = { KERAS_BACKEND = "tensorflow", TF_CPP_MIN_LOG_LEVEL = "2" }
# precisions = { tf32 = {}, bfloat16 = {} }
# hides = ["jax"] # which takes half a second and 100 MB
# ///

import keras
import numpy as np
import tensorflow as tf

from bench.workload import Workload
from bench.workload.contract import Integers, Parameters, Samples

from . import _keras
from ._tensorflow import device_facts, device_memory_bytes, devices, only

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


class GatheredBatches:
    """The batches of the training set, gathered by a tf.data pipeline in an order that changes.

    A PyDataset's batches come through a Python generator, which takes some 7 ms a step on Zen 3.
    Autotuning is off, as there is nothing to tune: its thread sleeps for 0.64 s or longer, and the
    next epoch would wait for it, most often after the process was suspended.
    """

    def __init__(self, train: Samples, classes: int, batch_size: int) -> None:
        """Hold the samples on the host; the order is a variable that the pipeline reads."""
        samples = len(train.labels)
        with tf.device("cpu:0"):
            images = tf.constant(train.images)
            targets = tf.constant(keras.utils.to_categorical(train.labels, classes))
            self._order = tf.Variable(np.arange(samples), dtype=tf.int64)

        def batch(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            rows = self._order[start : start + batch_size]
            return tf.gather(images, rows), tf.gather(targets, rows)

        starts = tf.data.Dataset.range(0, samples, batch_size)
        options = tf.data.Options()
        options.autotune.enabled = False
        self.data = starts.map(batch).prefetch(1).with_options(options)

    def reorder(self, order: Integers) -> None:
        """Take the samples in this order from now on."""
        self._order.assign(order)


class Model(_keras.Model):
    """The network, which reads its batches from tf.data."""

    batches_type = GatheredBatches

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build and compile where nothing but the device is left to choose from."""
        only(device)
        tf.config.experimental.enable_tensor_float_32_execution(workload.precision == "tf32")
        super().__init__(workload, parameters, train, device)


def versions() -> dict[str, str | None]:
    """Return the versions of Keras, TensorFlow and what it was built with."""
    build = tf.sysconfig.get_build_info()
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
    }
