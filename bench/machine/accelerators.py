"""The accelerators that no driver's library names: there the frameworks that compute on them do.

Of ROCm, oneAPI, OpenCL or WebGPU nothing else tells, nor of a Jetson, whose NVML tells half; and of
a slice of a GPU (MIG) a container's NVML may tell only what it is a slice of.
"""

from collections.abc import Iterable, Sequence

import msgspec

from bench.results.hardware import Gpu, Machine

SLICE = " MIG "  # in the name of one, after that of its GPU: "NVIDIA A100 MIG 1g.10gb"


def with_accelerators(machine: Machine, told: Iterable[Sequence[Gpu]]) -> Machine:
    """Return the machine with what frameworks tell of its accelerators.

    `told` are, for each framework and kind of device, all that it computes on. Two frameworks, or
    two kinds, may mean the same one: it has the same name.
    """
    gpus = list(machine.gpus)
    for some in told:
        _merge(gpus, some)
    return msgspec.structs.replace(machine, gpus=tuple(gpus))


def is_slice(gpu: Gpu) -> bool:
    """Return whether it is a part of a GPU, whose other parts may be somebody else's."""
    return SLICE in gpu.name


def _merge(gpus: list[Gpu], some: Sequence[Gpu]) -> None:
    """Put each of some accelerators, which are all different, in its place among those known."""
    places = set(range(len(gpus)))  # of those that none of `some` is, so far
    for gpu in some:
        place = next((place for place in sorted(places) if _is_same(gpus[place], gpu)), None)
        if place is None:
            gpus.append(gpu)
            continue
        places.remove(place)
        known = gpus[place]
        if is_slice(gpu) and not is_slice(known):
            gpus[place] = gpu
        elif known.memory_bytes is None:
            gpus[place] = msgspec.structs.replace(known, memory_bytes=gpu.memory_bytes)


def _is_same(known: Gpu, gpu: Gpu) -> bool:
    """Return whether both mean the same: a driver may say more, and of a slice less."""
    names_more = known.name.startswith(gpu.name) or gpu.name.startswith(known.name + SLICE)
    return names_more or known.device == gpu.device
