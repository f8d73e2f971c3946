"""The environment of a child: it is made, not inherited.

A variable that is left over in somebody's shell (GOMP_CPU_AFFINITY=0, XLA_FLAGS, LD_PRELOAD …) can
make one framework thirty times slower than the others. So a child gets what a process needs to
live, what selects drivers and devices, and what the harness sets: threads, precision, the one
device that it may see, the backend's own variables. All of it has to be there before a framework is
first imported, hence before the child starts.
"""

import getpass
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from bench import ROOT
from bench.machine.nvidia import visible_gpu
from bench.workload import Device, Precision, mnist

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
# Whatever computes below a framework: no product of float32 is rounded to TF32 or bfloat16.
STRICT_FLOAT32 = {
    "NVIDIA_TF32_OVERRIDE": "0",  # cuBLAS and cuDNN
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
}
NO_GPU = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "ROCR_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
}
# What a process needs to live, and what selects drivers, compilers and devices; "*" ends a prefix.
PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "TEMP", "TMP",
    "XDG_*", "LD_LIBRARY_PATH", "DYLD_*LIBRARY_PATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA",
    "PROGRAMDATA", "PROGRAMFILES*", "USERPROFILE", "CC", "CXX", "CUDA_HOME", "CUDA_PATH*",
    "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES", "ROCM_*",
    "HIP_PATH", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION",
    "ZE_AFFINITY_MASK", "ONEAPI_*", "TPU_*", "OCL_ICD_*", "OPENCL_*", "POCL_*", "MLP_BENCH_*",
)  # fmt: skip
# What changes how fast or how precisely libraries compute, if it reaches them.
CHANGES_SPEED = (
    "OMP_*", "GOMP_*", "KMP_*", "LIBOMP_*", "MKL_*", "OPENBLAS_*", "GOTO_*", "BLIS_*", "VECLIB_*",
    "NUMEXPR_*", "NPY_*", "NUMPY_*", "TF_NUM_*", "TF_ENABLE_*", "TF_DISABLE_*", "TF_XLA_*",
    "TF_GPU_*", "TF_CUDNN_*", "TF_USE_*", "TF_FORCE_*", "TF_DETERMINISTIC_OPS", "XLA_*", "JAX_*",
    "TORCH*", "PYTORCH_*", "ATEN_*", "KERAS_*", "ONEDNN_*", "DNNL_*", "CUDA_*", "CUBLAS_*",
    "CUDNN_*", "NVIDIA_*", "NCCL_*", "HIP_*", "HSA_*", "ROCBLAS_*", "TRITON_*", "MLX_*", "CUPY_*",
    "TBB_*", "MALLOC_*", "JEMALLOC_*", "TCMALLOC_*", "GLIBC_TUNABLES", "LD_PRELOAD", "LD_BIND_NOW",
    "DYLD_INSERT_LIBRARIES", "PYTHONMALLOC", "PYTHONDEVMODE", "PYTHONOPTIMIZE",
)  # fmt: skip
Transfer = Callable[[Path, Path], object]

# JAX takes 75 % of a GPU's memory when it starts and TensorFlow all of it.
SHARED_MEMORY = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def environment(
    variables: Mapping[str, str],
    device: Device | None,
    threads: int,
    *,
    kept: Mapping[str, str] = {},
    precision: Precision = "float32",
    shares_device: bool = False,
    inherited: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Return the environment of a child that computes on the device; None: it may see all.

    `variables` are the backend's own; `kept` are passed on besides, whatever they do.
    """
    # The child works in another folder.
    data = {mnist.VARIABLE: str(mnist.data_folder())} if mnist.VARIABLE in inherited else {}
    return {
        **{name: value for name, value in inherited.items() if _matches(name, PASSED_ON)},
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), inherited.get("PYTHONPATH")])),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash in native code leaves its place in the log
        **(STRICT_FLOAT32 if precision == "float32" else {}),
        **(SHARED_MEMORY if shares_device else {}),
        **variables,
        **kept,
        **_visibility(device, inherited),
        **data,
    }


def dropped(keep: Collection[str], inherited: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the variables that would change the speed and are not passed on."""
    return sorted(
        name
        for name in inherited
        if _matches(name, CHANGES_SPEED) and not _matches(name, PASSED_ON) and name not in keep
    )


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.upper(), pattern) for pattern in patterns)


def _visibility(device: Device | None, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a child sees this device and no other accelerator.

    AMD's libraries heed HIP_VISIBLE_DEVICES before CUDA_VISIBLE_DEVICES.
    """
    if device is None or not (device.is_cpu or device.index is not None):
        return {}
    if device.is_cpu:
        return NO_GPU
    # One that nobody has set says the same as the first.
    heeded = {name: name if inherited.get(name) else device.selectors[0]
              for name in device.selectors}  # fmt: skip
    return {name: visible_gpu(device, inherited, other) for name, other in heeded.items()}


def hand_over(patterns: Iterable[str], source: Path, target: Path, how: Transfer) -> None:
    """Give one temporary folder the files of another that a framework makes once a machine.

    `patterns` are of paths within the folder, `{user}` standing for the user's name. Where the
    system has no links, a child makes its own files, which takes it longer.
    """
    for pattern in patterns:
        with suppress(OSError, KeyError):  # no links, no room, nobody's name
            for file in source.glob(pattern.format(user=getpass.getuser())):
                if file.is_file() and not file.is_symlink():
                    place = target / file.relative_to(source)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    how(file, place)
