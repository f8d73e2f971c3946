"""Facts of the hardware and the system; the front of all that the harness knows of a machine.

Each fact is one small function that stays silent when it does not know. Neither the machine's
name nor its user's is ever asked for.
"""

import platform
import re
import sys
from collections import Counter

import psutil

from bench import nvidia
from bench.cores import logical_cores, physical_cores, pinned, usable_cores, usable_count
from bench.moment import Watch
from bench.processor import caches, cpu_model, frequency_range_mhz, instruction_sets
from bench.records import Gpu, Machine
from bench.sources import attempt, cpuinfo, output, read, registry, sysctl

__all__ = ["Watch", "facts", "physical_cores", "pinned", "slug", "usable_cores"]

SLUG_LETTERS = 80
# What a hypervisor leaves in the firmware's tables, "maker product", as a pattern -> its name.
HYPERVISORS = {
    "qemu": "QEMU",
    "kvm": "KVM",
    "vmware": "VMware",
    "virtualbox": "VirtualBox",
    "microsoft corporation virtual machine": "Hyper-V",
    "xen": "Xen",
    "parallels": "Parallels",
    "apple virtualization": "Apple Virtualization",
    "bhyve": "bhyve",
    "google compute engine": "KVM",
    r"amazon ec2 (?!.*\.metal)": "Nitro",
}
CLOCKS = {"kvm-clock": "KVM", "xen": "Xen", "hyperv_clocksource": "Hyper-V"}


def facts() -> Machine:
    """Return what is known of this machine; what is not known is None or empty."""
    model, virtual = cpu_model(), hypervisor()
    return Machine(
        cpu_model=model,
        physical_cores=attempt(lambda: psutil.cpu_count(logical=False)),
        logical_cores=logical_cores(),
        usable_cores=usable_count(),
        frequency_range_mhz=frequency_range_mhz(),
        instruction_sets=instruction_sets(),
        caches=caches(),
        ram_bytes=attempt(lambda: int(psutil.virtual_memory().total)),
        os=operating_system(),
        kernel=kernel(),
        architecture=platform.machine() or None,
        virtual_machine=True if virtual else virtual_machine(),
        hypervisor=virtual,
        python=platform.python_version(),
        gpus=nvidia.gpus() + apple_gpus(),
    )


def operating_system() -> str | None:
    """Return the system's name and version as people write them: "Debian GNU/Linux 12"."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}".strip()
    release = read("etc/os-release") or read("usr/lib/os-release") or ""
    named = re.search(r"^PRETTY_NAME=([\"']?)([^\"'\n]+)\1$", release, re.MULTILINE)
    return named[2] if named else f"{platform.system()} {platform.release()}".strip() or None


def kernel() -> str | None:
    """Return the kernel's release; on Windows, where the release is the system's, its version."""
    return (platform.version() if sys.platform == "win32" else platform.release()) or None


def virtual_machine() -> bool | None:
    """Return whether the processor is virtual, where it says so: on x86 and on macOS."""
    if (present := sysctl().get("kern.hv_vmm_present")) in ("0", "1"):
        return present == "1"
    flags = next((block["flags"] for block in cpuinfo() if block.get("flags")), None)
    return None if flags is None else "hypervisor" in flags.split()


def hypervisor() -> str | None:
    """Return the name of the hypervisor, by the traces that it leaves."""
    clocks = read("sys/devices/system/clocksource/clocksource0/available_clocksource") or ""
    bios = r"HARDWARE\DESCRIPTION\System\BIOS"
    firmware = (
        read("sys/class/dmi/id/sys_vendor") or registry(bios, "SystemManufacturer"),
        read("sys/class/dmi/id/product_name") or registry(bios, "SystemProductName"),
    )
    traces = " ".join(filter(None, firmware)).lower()
    by_clock = (name for trace, name in CLOCKS.items() if trace in clocks)
    by_firmware = (name for trace, name in HYPERVISORS.items() if re.search(trace, traces))
    return next(by_clock, None) or next(by_firmware, None)


def apple_gpus() -> tuple[Gpu, ...]:
    """Return the GPU of an Apple chip; its memory is the machine's."""
    if sys.platform != "darwin":
        return ()
    described = output("ioreg", "-r", "-d", "1", "-c", "AGXAccelerator")
    model = re.search(r'"model" = "([^"]+)"', described)
    cores = re.search(r'"gpu-core-count" = (\d+)', described)
    if model is None:
        return ()
    return (Gpu(name=f"{model[1]} {cores[1]}-core GPU" if cores else model[1]),)


def slug(machine: Machine) -> str:
    """Return a file name for the machine, of a-z, 0-9 and "-": CPU model, cores, GPUs.

    The cores are those that can be used: half a machine in a container is another machine.
    """
    cpu = _words(_short(machine.cpu_model or "")) or "unknown-cpu"
    counts = [count for count in (machine.physical_cores, machine.usable_cores) if count]
    cores = f"{min(counts)}-cores" if counts else "unknown-cores"
    parts = [cpu[: SLUG_LETTERS // 2].strip("-"), cores]
    for name, count in Counter(_words(gpu.name) for gpu in machine.gpus).items():
        parts.append((f"{count}x-" if count > 1 else "") + name.removeprefix(f"{cpu}-"))
    return "-".join(filter(None, parts))[:SLUG_LETTERS].strip("-")


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _short(model: str) -> str:
    """Return the model without what says nothing: marks, generation, cores, clock, graphics."""
    marks = r"\((R|TM|C)\)|\d+th Gen|\d+-Core|@.*|\bw(ith|/) Radeon.*|\b(CPU|Processor)\b"
    return re.sub(marks, " ", model, flags=re.IGNORECASE)
