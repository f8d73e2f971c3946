"""Keras on JAX, as its users train: compile and one fit."""

# /// script
# requires-python = ">=3.11"
# dependencies = ["keras==3.15.1", "jax==0.10.2"]
#
# [tool.bench]
# purpose = "Keras on JAX, compile and fit"
# measures_bound = true
# environment = { KERAS_BACKEND = "jax" }
# precisions = { tf32 = {}, bfloat16 = {} }
# ///

import jax
import jaxlib
import keras

from bench.workload import Workload
from bench.workload.contract import Parameters, Samples

from . import _keras
from ._jax import PRESETS, device_facts, device_memory_bytes, devices, place

__all__ = ["Model", "device_facts", "device_memory_bytes", "devices", "versions"]


def versions() -> dict[str, str | None]:
    """Return the versions of Keras and JAX."""
    return {"keras": keras.__version__, "jax": jax.__version__, "jaxlib": jaxlib.__version__}


class Model(_keras.Model):
    """Keras's model on a chosen device: JAX may see others of its kind."""

    def __init__(
        self, workload: Workload, parameters: Parameters, train: Samples, device: str
    ) -> None:
        """Build and compile on the device; where JAX sees only the CPU there is no choice."""
        if device != "cpu":
            jax.config.update("jax_default_device", place(device))
        jax.config.update("jax_default_matmul_precision", PRESETS[workload.precision])
        super().__init__(workload, parameters, train, device)
