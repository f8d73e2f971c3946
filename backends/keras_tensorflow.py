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
# hides = ["jax"] # which takes half a second and 100 MB
# ///

import keras
import tensorflow as tf

from ._keras import Model
from ._tensorflow import device_memory_bytes, devices

__all__ = ["Model", "device_memory_bytes", "devices", "versions"]

keras.config.set_dtype_policy("float32")
tf.config.experimental.enable_tensor_float_32_execution(False)


def versions() -> dict[str, str | None]:
    """Return the versions of Keras, TensorFlow and what it was built with."""
    build = tf.sysconfig.get_build_info()
    return {
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "cuda": build.get("cuda_version"),
        "cudnn": build.get("cudnn_version"),
    }
