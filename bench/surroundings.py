"""The environment of a child: threads, precision, visible GPUs, the backend's own variables.

All of it has to be there before a framework is first imported, hence before the child starts.
"""

import getpass
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from bench import idx

ROOT = Path(__file__).parent.parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)
STRICT_FLOAT32 = {  # whatever computes below a framework: no product is rounded to TF32 or bfloat16
    "NVIDIA_TF32_OVERRIDE": "0",  # cuBLAS and cuDNN
    "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
}
NO_GPU = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "HIP_VISIBLE_DEVICES": "-1",
    "ROCR_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
}


def environment(variables: dict[str, str], device: str | None, threads: int) -> dict[str, str]:
    """Return the environment of a child that computes on the device; None: it may see all.

    `variables` are the backend's own. CPU children see no GPU; a child on `cuda:1` sees that one
    only (of those that are visible here, in the order of the PCI bus).
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    result = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, str(threads)),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash in native code leaves its place in the log
        **STRICT_FLOAT32,
        **variables,
    }
    if idx.VARIABLE in os.environ:
        result[idx.VARIABLE] = str(idx.data_folder())  # the child works in another folder
    if device == "cpu":
        result.update(NO_GPU)
    elif device is not None and device.startswith("cuda:"):
        visible = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
        index = int(device.removeprefix("cuda:"))
        result["CUDA_VISIBLE_DEVICES"] = visible[index] if index < len(visible) else str(index)
    return result


def device_in_child(device: str) -> str:
    """Return the device's name inside a child that sees no other GPU."""
    return "cuda:0" if device.startswith("cuda:") else device


def link_once_a_machine(patterns: Iterable[str], folder: Path) -> None:
    """Give a child's temporary folder the files that a framework makes once a machine.

    `patterns` are of paths within the temporary folder, `{user}` standing for the user's name. The
    files of the real one are linked, as every user of the framework finds them. Where the system
    has no links, the child makes its own, which takes it longer.
    """
    _hand_over(patterns, Path(tempfile.gettempdir()), folder, os.symlink)


def keep_once_a_machine(patterns: Iterable[str], folder: Path) -> None:
    """Move what a child made of these files from its temporary folder, for the next one."""
    _hand_over(patterns, folder, Path(tempfile.gettempdir()), os.replace)


def _hand_over(
    patterns: Iterable[str], source: Path, target: Path, how: Callable[[Path, Path], object]
) -> None:
    for pattern in patterns:
        with suppress(OSError, KeyError):  # no links, no room, nobody's name
            for file in source.glob(pattern.format(user=getpass.getuser())):
                if file.is_file() and not file.is_symlink():
                    place = target / file.relative_to(source)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    how(file, place)
