"""What is computed: the workload and its variants, the inputs, what a backend promises."""

from bench.workload.device import CPU, Device
from bench.workload.workload import SGD, VARIANTS, RMSprop, Workload, workload_for

__all__ = ["CPU", "SGD", "VARIANTS", "Device", "RMSprop", "Workload", "workload_for"]
