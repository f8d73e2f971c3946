"""What a backend says of itself: its devices, their facts, and what it is made of."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import ModuleType

from bench.results.hardware import Gpu, ThreadPool
from bench.results.records import Described
from bench.workload import Device

LONGEST_NAME = 100  # of an accelerator, as a run file takes it


def describe(backend: ModuleType) -> Described:
    """Ask a backend where it can compute here and what it is made of."""
    found = devices(backend)
    return Described(
        devices=found,
        versions={
            name: None if version is None else str(version)
            for name, version in backend.versions().items()
        },
        python=sys.version.split()[0],
        thread_pools=_thread_pools(),
        accelerators=tuple(accelerators(backend, found)),
    )


def accelerators(backend: ModuleType, devices: Sequence[Device]) -> Iterator[Gpu]:
    """Yield what the framework says of accelerators; one of which it says nothing is left out."""
    tell = getattr(backend, "device_facts", lambda device: None)
    for device in devices:
        told = None
        if not device.is_cpu:
            with suppress(Exception):  # what its driver refuses to tell is no defect of the device
                told = tell(str(device))
        if told is not None and (name := " ".join(told.name.split())[:LONGEST_NAME]):
            yield Gpu(name, told.memory_bytes, device=device)


def devices(backend: ModuleType) -> tuple[Device, ...]:
    """Return its devices; raise TypeError for what would make no rows of a table."""
    found = backend.devices()
    try:
        devices = tuple(map(Device.named, found if isinstance(found, list | tuple) else [None]))
    except (TypeError, ValueError) as error:
        expected = "expected a list of names like 'cuda:0'"
        raise TypeError(f"devices() returned {found!r}; {expected}") from error
    if len(set(devices)) < len(devices):
        raise TypeError(f"devices() returned {found!r}; expected every name once")
    return devices


def _thread_pools() -> tuple[ThreadPool, ...]:
    """Return the thread pools of the libraries that are loaded; none if threadpoolctl is not."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ()
    return tuple(
        ThreadPool(
            library=pool["internal_api"], version=pool["version"], threads=pool["num_threads"]
        )
        for pool in threadpool_info()
    )
