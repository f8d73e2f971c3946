"""Keras on JAX, as its users train: compile and one fit."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["keras==3.15.1", "jax==0.10.2"]
#
# [tool.bench]
# purpose = "Keras on JAX, compile and fit"
# environment = { KERAS_BACKEND = "jax" }
# ///

import jax
import jaxlib
import keras

from ._jax import device_memory_bytes, devices
from ._keras import Model

__all__ = ["Model", "device_memory_bytes", "devices", "versions"]

keras.config.set_dtype_policy("float32")
jax.config.update("jax_default_matmul_precision", "highest")  # no TF32, no bfloat16


def versions() -> dict[str, str | None]:
    """Return the versions of Keras and JAX."""
    return {"keras": keras.__version__, "jax": jax.__version__, "jaxlib": jaxlib.__version__}
