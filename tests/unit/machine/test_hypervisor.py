"""Whether a machine is virtual, by the traces that its hypervisor leaves."""

import pytest
from unit.machine.fakes import Plant

from bench.machine import hypervisor

CLOCKS = hypervisor.CLOCK_SOURCES
DMI, TREE = "sys/class/dmi/id", "proc/device-tree"
X86, X86_GUEST = {"proc/cpuinfo": "flags : fpu avx\n"}, {"proc/cpuinfo": "flags : hypervisor\n"}


def firmware(maker: str, product: str) -> dict[str, str]:
    """Return the files of the firmware's tables."""
    return {f"{DMI}/sys_vendor": maker, f"{DMI}/product_name": product}


def arm(implementer: str, part: str) -> dict[str, str]:
    """Return the cpuinfo of an Arm processor."""
    return {"proc/cpuinfo": f"CPU implementer : {implementer}\nCPU part : {part}\n"}


@pytest.mark.parametrize(
    ("files", "virtual", "name"),
    [
        ({}, None, None),
        (X86, False, None),
        (X86_GUEST, True, None),
        (X86_GUEST | {CLOCKS: "tsc kvm-clock acpi_pm"}, True, "KVM"),
        (X86_GUEST | firmware("Microsoft Corporation", "Virtual Machine"), True, "Hyper-V"),
        (X86_GUEST | firmware("VMware, Inc.", "VMware7,1"), True, "VMware"),
        (X86 | firmware("Google", "Google Compute Engine"), False, None),
        (X86 | firmware("Amazon EC2", "m5.metal"), False, None),
        ({CLOCKS: "arch_sys_counter"}, None, None),
        (firmware("QEMU", "Standard PC"), True, "QEMU"),
        (firmware("Microsoft Corporation", "Surface Pro"), None, None),
        (firmware("Amazon EC2", "c7g.large"), True, "Nitro"),
        (firmware("Amazon EC2", "c7g.metal"), None, None),
        (firmware("Amazon EC2", "m7g.metal-48xl") | {f"{DMI}/chassis_vendor": "Amazon EC2"},
         None, None),
        (firmware("Hewlett", "XENIA 15"), None, None),
        (firmware("Hewlett", "Qemuville"), None, None),
        (firmware("Xen", "HVM domU"), True, "Xen"),
        (firmware("Hetzner", "vServer"), True, "KVM"),
        ({f"{TREE}/compatible": "linux,dummy-virt\0"}, True, "QEMU"),
        ({f"{TREE}/hypervisor/compatible": "xen,xen-4.17\0xen,xen\0"}, True, "Xen"),
        ({f"{TREE}/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0"}, None, None),
        ({"proc/sysinfo": "VM00 Name: xen\nVM00 Control Program: z/VM    6.1.0\n"}, True, "z/VM"),
        ({"proc/sysinfo": "LPAR Name: KVM\n"}, None, None),
        (arm("0x00", "0x000"), True, None),
        (arm("0x61", "0x000"), True, None),
        (arm("0x50", "0x000"), None, None),
        (arm("0x41", "0xd0c"), None, None),
    ],
)  # fmt: skip
def test_virtual_machines_are_known_by_their_traces(
    plant: Plant, files: dict[str, str], virtual: bool | None, name: str | None
) -> None:
    """On x86 the processor's own flag decides; elsewhere whole words of the firmware tell."""
    source = plant(files)
    assert (hypervisor.is_virtual(source), hypervisor.name(source)) == (virtual, name)
