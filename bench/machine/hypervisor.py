"""Whether the machine is virtual, and the name of its hypervisor, by the traces that it leaves."""

import re

from bench.machine import cpu
from bench.machine.sources import Source

# What a hypervisor leaves in the firmware's tables, as a pattern of whole words -> its name.
TRACES = {
    "qemu|dummy-virt": "QEMU",
    "kvm|kubevirt|openstack|google compute engine|hetzner vserver|digitalocean": "KVM",
    r"z/vm": "z/VM",
    r"vmware[\d,]*": "VMware",
    "virtualbox": "VirtualBox",
    "microsoft corporation virtual machine": "Hyper-V",
    "xen": "Xen",
    "parallels": "Parallels",
    "apple virtualization": "Apple Virtualization",
    "bhyve": "bhyve",
    r"^(?!.*\.metal).*amazon ec2": "Nitro",
}
CLOCKS = {"kvm-clock": "KVM", "xen": "Xen", "hyperv_clocksource": "Hyper-V"}
CLOCK_SOURCES = "sys/devices/system/clocksource/clocksource0/available_clocksource"
FIRMWARE = (
    *(f"sys/class/dmi/id/{name}" for name in ("sys_vendor", "product_name", "chassis_vendor")),
    "sys/hypervisor/type",
    *(f"proc/device-tree/{name}compatible" for name in ("hypervisor/", "")),
)


def is_virtual(source: Source) -> bool | None:
    """Return whether the processor is virtual; None where nothing tells."""
    if (flag := _flag(source)) is not None:
        return flag
    return any(map(cpu.hides_its_part, source.cpuinfo())) or name(source) is not None or None


def name(source: Source) -> str | None:
    """Return the name of the hypervisor."""
    if _flag(source) is False:  # what is called so may be a machine to itself: Google's, Amazon's
        return None
    clocks = source.read(CLOCK_SOURCES) or ""
    by_clock = (name for trace, name in CLOCKS.items() if trace in clocks)
    program = re.search(r"^VM00 Control Program:.*", source.read("proc/sysinfo") or "", re.M)
    traces = [*map(source.read, FIRMWARE), program and program[0]]
    return next(by_clock, None) or by_traces(" ".join(filter(None, traces)))


def _flag(source: Source) -> bool | None:
    """Return what an x86 processor says itself: it has a flag for that."""
    flags = cpu.first(source, "flags")
    return None if flags is None else "hypervisor" in flags.split()


def by_traces(text: str) -> str | None:
    """Return the name of the hypervisor that leaves such traces: maker, product …"""
    found = (name for trace, name in TRACES.items()
             if re.search(rf"(?<![\w-])(?:{trace})(?![\w])", text.lower()))  # fmt: skip
    return next(found, None)
