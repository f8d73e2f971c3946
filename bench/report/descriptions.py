"""Machines, workloads and software in words."""

from collections.abc import Iterable, Sequence

from bench.report import numbers
from bench.results.hardware import Gpu, Machine
from bench.results.quantities import counted
from bench.results.records import Run
from bench.workload import Workload


def title(machine: Machine) -> str:
    """Return a machine in a few words."""
    cores = machine.physical_cores and f"{machine.physical_cores} cores"
    gpus = [gpu.name for gpu in machine.gpus]
    return _listed([machine.cpu_model or "unknown processor", cores, *gpus])


def titles(machines: Sequence[Machine]) -> list[str]:
    """Return the titles of machines, with the product where a title alone means several."""
    named = [(title(machine), machine.product) for machine in machines]
    products: dict[str, set[str | None]] = {}
    for name, product in named:
        products.setdefault(name, set()).add(product)
    return [_listed([name, len(products[name]) > 1 and product]) for name, product in named]


def rounds(run: Run) -> str:
    """Return how many rounds a run has, and had planned if it is not finished."""
    done = len({trial.round for trial in run.trials})
    unfinished = "" if done >= run.rounds else f" (unfinished: {run.rounds} were planned)"
    return counted(done, "round") + unfinished


def facts(machine: Machine) -> dict[str, str]:
    """Return what is known of a machine, by subject."""
    clock = machine.frequency_range_mhz
    host = f" ({machine.hypervisor})" if machine.hypervisor else ""
    virtual = {True: f"virtual machine{host}", False: "not a virtual machine", None: None}
    native = machine.native_architecture
    lines = {
        "Product": machine.product or "",
        "Processor": _listed([
            machine.cpu_model,
            machine.physical_cores and f"{machine.physical_cores} physical cores",
            machine.logical_cores and f"{machine.logical_cores} logical",
            machine.usable_cores and f"{machine.usable_cores} usable",
            clock and f"{clock[0]:,.0f}–{clock[1]:,.0f} MHz",
        ]),
        "Instruction sets": ", ".join(machine.instruction_sets),
        "Caches": _listed(f"{name} {size // 1024:,} KiB" for name, size in machine.caches.items()),
        "Memory": numbers.size(machine.ram_bytes),
        "System": _listed([
            machine.os,
            machine.kernel,
            machine.architecture,
            native and f"translated for a processor of {native}",
            virtual[machine.virtual_machine],
            machine.python and f"Python {machine.python}",
        ]),
    }  # fmt: skip
    lines |= {str(gpu.device or f"GPU {number}"): _gpu(gpu)
              for number, gpu in enumerate(machine.gpus)}  # fmt: skip
    return {name: line for name, line in lines.items() if line}


def _gpu(gpu: Gpu) -> str:
    watts = gpu.power_limit_watts and f"{gpu.power_limit_watts:.0f} W"
    driver = gpu.driver and f"driver {gpu.driver}"
    return _listed([gpu.name, numbers.size(gpu.memory_bytes), driver, watts])


def workload(work: Workload) -> str:
    """Return what was trained, in one line."""
    return _listed([
        " → ".join(map(str, work.widths)),
        work.activation,
        work.dropout and f"dropout {work.dropout:g}",
        f"{type(work.optimizer).__name__} {work.optimizer.learning_rate:g}",
        f"batch {work.batch_size}",
        f"{work.epochs} epochs",
        f"{work.test_samples:,} test images",
    ])  # fmt: skip


def versions(run: Run, backend: str) -> str:
    """Return the versions of a framework and of what it stands on, in one line."""
    described = run.backends.get(backend)
    parts = described.versions.items() if described else ()
    return _listed(version and f"{name} {version}" for name, version in parts)


def software(run: Run, backend: str) -> str:
    """Return all that a backend stands on, in one line."""
    described = run.backends.get(backend)
    if described is None:
        return ""
    pools = (" ".join(filter(None, [pool.library, pool.version, f"with {pool.threads} threads"]))
             for pool in described.thread_pools)  # fmt: skip
    return _listed([versions(run, backend), f"Python {described.python}", *dict.fromkeys(pools)])


def _listed(parts: Iterable[object]) -> str:
    return ", ".join(str(part) for part in parts if part)
