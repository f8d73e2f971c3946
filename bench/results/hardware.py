"""The records of a run file that tell of hardware: facts that stay, and conditions that do not."""

from typing import Annotated

import msgspec

from bench.results.quantities import Amount, Count, Name, Positive, Record, Share, Text
from bench.workload import Device


class Gpu(Record, frozen=True, omit_defaults=True):
    """Facts of one GPU, or other accelerator."""

    name: Name
    memory_bytes: Count | None = None
    driver: Text | None = None
    power_limit_watts: Amount | None = None
    device: Device | None = None  # as a framework calls it, where no driver's library names it


class Machine(Record, frozen=True, omit_defaults=True):
    """Facts of the hardware and the system that stay the same from run to run."""

    cpu_model: Text | None = None
    physical_cores: Positive | None = None
    logical_cores: Positive | None = None
    usable_cores: Positive | None = None  # logical cores that this process may run on
    cpu_quota: Amount | None = None  # cores' worth of time, if it is granted less than it may use
    frequency_range_mhz: tuple[Amount, Amount] | None = None
    instruction_sets: tuple[Text, ...] = ()
    multiplies_bfloat16: bool | None = None  # whether it has instructions for it
    caches: dict[Name, Count] = {}  # name ("L1d", "L2" …) -> bytes of one instance
    ram_bytes: Count | None = None
    os: Text | None = None
    kernel: Text | None = None
    architecture: Text | None = None  # that Python is built for
    native_architecture: Text | None = None  # of the processor, where it translates for Python
    product: Text | None = None  # what the firmware calls the machine: maker and model
    identity: Name | None = None  # hash of what tells it from machines of the same name
    virtual_machine: bool | None = None
    hypervisor: Text | None = None
    python: Text | None = None
    gpus: Annotated[tuple[Gpu, ...], msgspec.Meta(max_length=100)] = ()


class Conditions(Record, frozen=True, omit_defaults=True):
    """What the machine was like around one trial."""

    load: Amount | None = None  # cores busy with other work, just before the start
    frequency_mhz: tuple[Amount, Amount] | None = None  # lowest and highest seen during the trial
    governor: Text | None = None
    stolen: Share | None = None  # share of the time that the hypervisor gave to others
    on_battery: bool | None = None
    gpu_temperature_celsius: int | None = None  # highest seen
    gpu_clock_mhz: tuple[int, int] | None = None  # lowest and highest seen while busy
    gpu_throttle_reasons: tuple[Text, ...] = ()


class ThreadPool(Record, frozen=True):
    """A thread pool of a numerical library that is loaded in a child."""

    library: Text  # "openblas", "mkl", "openmp" …
    version: Text | None
    threads: int
