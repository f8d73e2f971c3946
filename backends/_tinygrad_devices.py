"""tinygrad's devices: every one that it opens here, and what their drivers say of them."""

import ctypes

from tinygrad import Device
from tinygrad.helpers import GlobalCounters

from bench.workload.contract import DeviceFacts

THEIRS = {"opencl": "CL"}  # our kind of device -> tinygrad's, where not only the case differs
ALONE = ("CPU", "METAL", "WEBGPU", "QCOM", "DSP")  # of which tinygrad opens one


def devices() -> list[str]:
    """Return every device that tinygrad opens; for the CPU it needs a compiler, clang."""
    ours = {theirs: kind for kind, theirs in THEIRS.items()}
    found = []
    for name in Device.get_available_devices():
        kind = ours.get(name, name.lower())
        numbers = range(Device[name].count())
        found += [kind] if name in ALONE else [f"{kind}:{number}" for number in numbers]
    return sorted(found, key=lambda name: name != "cpu")


def place(device: str) -> str:
    """Return tinygrad's name of a device."""
    kind, colon, index = device.partition(":")
    return f"{THEIRS.get(kind, kind.upper())}{colon}{index}"


def device_memory_bytes(device: str) -> int | None:
    """Return what tinygrad took from the device; what it kept for later use it gives back now."""
    name = Device.canonicalize(place(device))
    allocator = Device[name].allocator
    kept = getattr(allocator, "cache", None)
    if kept is None:  # an allocator that gives memory back: nobody counts the most
        return None
    unused = sum(size * len(buffers) for (size, _), buffers in kept.items())
    allocator.free_cache()
    return GlobalCounters.mem_used_per_device[name] + unused


def device_facts(device: str) -> DeviceFacts | None:
    """Return name and memory of a device; None where tinygrad does not ask for its name."""
    opened, kind = Device[place(device)], device.partition(":")[0]
    if kind in ("amd", "qcom"):
        return DeviceFacts(f"{kind.upper()} {opened.arch}")  # "AMD gfx1100"
    tell = {"opencl": _opencl, "cuda": _cuda, "metal": _metal, "webgpu": _webgpu}.get(kind)
    return tell(opened) if tell else None


def _opencl(opened: Device) -> DeviceFacts:
    from tinygrad.runtime.autogen import opencl

    size = ctypes.c_uint64()
    wanted = opencl.CL_DEVICE_GLOBAL_MEM_SIZE
    opencl.clGetDeviceInfo(opened.cl_dev, wanted, 8, ctypes.byref(size), None)
    return DeviceFacts(opened.device_name, size.value)


def _cuda(opened: Device) -> DeviceFacts:
    from tinygrad.runtime.autogen import cuda

    name, size = ctypes.create_string_buffer(256), ctypes.c_size_t()
    cuda.cuDeviceGetName(name, len(name), opened.cu_device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(size), opened.cu_device)
    return DeviceFacts(name.value.decode(), size.value)


def _metal(opened: Device) -> DeviceFacts:
    from tinygrad.runtime.ops_metal import from_ns_str

    return DeviceFacts(from_ns_str(opened.sysdevice.name()))  # its memory is the machine's


def _webgpu(opened: Device) -> DeviceFacts:
    from tinygrad.runtime.ops_webgpu import from_wgpu_str, webgpu

    webgpu.wgpuDeviceGetAdapterInfo(opened.device_res, info := webgpu.WGPUAdapterInfo())
    return DeviceFacts(from_wgpu_str(info.device) or from_wgpu_str(info.description))
