"""Facts of the hardware and the system, and the name that a machine gets from them.

Each fact is one small function that stays silent when it does not know. Neither the machine's
name nor its user's is ever asked for.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from bench.machine import cpu, hypervisor, platforms, topology
from bench.machine.nvidia import NVML
from bench.machine.sources import LIVE, Source
from bench.results.hardware import Machine

SLUG_LETTERS = 120
NAMELESS = re.compile(
    r"to be filled|o\.e\.m|default string|system (product|manufacturer)|^\W*$", re.I
)
MARKS = re.compile(r"\((R|TM|C)\)", re.I)
# What says nothing in the name of a processor: marks, generation, cores, clock, graphics.
DECORATION = re.compile(
    rf"{MARKS.pattern}|\d+th Gen|\d+-Core|@.*|\bw(ith|/) Radeon.*|\b(CPU|Processor)\b"
    r"|, altivec supported", re.I
)  # fmt: skip


def ram_bytes(source: Source) -> int | None:
    """Return the bytes of memory that the system can use."""
    total = re.search(r"^MemTotal:\s*(\d{1,15}) kB$", source.read("proc/meminfo") or "", re.M)
    return 1024 * int(total[1]) if total else getattr(source.ask("virtual_memory"), "total", None)


def operating_system(source: Source) -> str | None:
    """Return the system's name and version as people write them: "Debian GNU/Linux 12"."""
    release = source.first("etc/os-release", "usr/lib/os-release") or ""
    named = re.search(r"^PRETTY_NAME=([\"']?)([^\"'\n]+)\1$", release, re.MULTILINE)
    running = kernel(source)
    return named[2] if named else running and f"Linux {running}"


def kernel(source: Source) -> str | None:
    """Return the release of Linux."""
    version = re.match(r"Linux version (\S+)", source.read("proc/version") or "")
    return source.read("proc/sys/kernel/osrelease") or (version[1] if version else None)


def product(source: Source) -> str | None:
    """Return what the firmware calls the machine: maker and model."""
    files = ("sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_name")
    names = [name for name in map(source.read, files) if name and not NAMELESS.search(name)]
    if len(names) == 2 and names[1].startswith(names[0]):
        return names[1]
    return " ".join(names) or source.read("proc/device-tree/model")


FACTS: dict[str, Callable[[Source], Any]] = {
    "cpu_model": cpu.model,
    "physical_cores": topology.physical_count,
    "logical_cores": topology.logical_count,
    "usable_cores": topology.usable_count,
    "cpu_quota": topology.limiting_quota,
    "frequency_range_mhz": cpu.frequency_range_mhz,
    "instruction_sets": cpu.instruction_sets,
    "multiplies_bfloat16": cpu.multiplies_bfloat16,
    "caches": lambda source: cpu.caches(source, next(iter(topology.preferred(source)), 0)),
    "ram_bytes": ram_bytes,
    "os": operating_system,
    "kernel": kernel,
    "architecture": cpu.architecture,
    "native_architecture": cpu.native_architecture,
    "product": product,
    "virtual_machine": hypervisor.is_virtual,
    "hypervisor": hypervisor.name,
}


def describe(root: Path = Path("/")) -> Machine:
    """Return what is known of the machine whose /proc and /sys lie below `root`.

    What is not known is None or empty. Of another machine than this one only files tell.
    """
    source = LIVE if root == LIVE.root else Source(root)
    found = {name: read(source) for name, read in FACTS.items()}
    if source.is_live:
        told = platforms.facts()
        told["gpus"] = (*NVML.gpus(), *told.get("gpus", ()))
        found |= {name: fact for name, fact in told.items() if fact not in (None, "", (), {})}
    if cpu.family(found["native_architecture"]) == cpu.family(found["architecture"]):
        del found["native_architecture"]  # Windows always tells it
    machine = Machine(**_sound(found))
    return msgspec.structs.replace(machine, identity=_identity(source, machine))


def _sound(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that a run file may hold: a broken system may say anything."""
    types, sound = get_type_hints(Machine, include_extras=True), {}
    for name, fact in facts.items():
        tidy = " ".join(fact.split()) or None if isinstance(fact, str) else fact
        with suppress(msgspec.ValidationError):
            sound[name] = msgspec.convert(tidy, types[name])
    return sound


def _identity(source: Source, machine: Machine) -> str | None:
    """Return a hash of what tells the machine from others of the same name, None if nothing does.

    Neoverse N1 is Amazon's Graviton2 and Ampere's Altra. Nothing in it changes from day to day.
    """
    ram = machine.ram_bytes or 0
    step = 2 ** max(0, ram.bit_length() - 3)  # Linux keeps some per cent, a release more or less
    names = ("architecture", "native_architecture", "product", "physical_cores", "logical_cores",
             "caches", "instruction_sets")  # fmt: skip
    facts = [*(getattr(machine, name) for name in names), -(-ram // step) * step]
    found = [*facts, cpu.distinctions(source)]
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()[:6] if any(found) else None


def slug(machine: Machine) -> str:
    """Return a file name for the machine, of a-z, 0-9 and "-": CPU model, cores, GPUs, identity.

    The cores are those that can be used: half a machine in a container is another machine.
    """
    cpu = _words(DECORATION.sub(" ", machine.cpu_model or "")) or "unknown-cpu"
    counts = [count for count in (machine.physical_cores, machine.usable_cores) if count]
    parts = [cpu, f"{min(counts)}-cores" if counts else "unknown-cores"]
    if machine.native_architecture:
        parts.append(_words(f"{machine.architecture} on {machine.native_architecture}"))
    names = (_words(MARKS.sub(" ", gpu.name)) for gpu in machine.gpus)
    for name, count in Counter(names).items():
        parts.append((f"{count}x-" if count > 1 else "") + name.removeprefix(f"{cpu}-"))
    name = "-".join(filter(None, [*parts, machine.identity])).strip("-")
    if len(name) <= SLUG_LETTERS:
        return name
    return f"{name[: SLUG_LETTERS - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
