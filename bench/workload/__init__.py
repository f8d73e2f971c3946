"""What is computed: the workload, its variants and axes, the inputs, what a backend promises."""

from bench.workload.axes import Axis
from bench.workload.device import CPU, Device
from bench.workload.workload import (
    SGD,
    VARIANTS,
    Adam,
    Precision,
    RMSprop,
    Workload,
    workload_for,
)

__all__ = [
    "CPU", "SGD", "VARIANTS", "Adam", "Axis", "Device", "Precision", "RMSprop", "Workload",
    "workload_for",
]  # fmt: skip
