"""The libraries that can multiply matrices on a device, each behind the same few functions.

On the CPU all that are installed: which of NumPy's BLAS, PyTorch's and JAX's is the fastest differs
from machine to machine. On an accelerator all call the vendor's library, so the first will do; on
NVIDIA PyTorch replays a step as a CUDA graph, so that no launches from Python are measured.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from bench.trial.failure import NoLibrary
from bench.workload import Device, Precision

Array = Any  # of the library
Layers = list[tuple[Array, Array, Array]]  # values (rows, in), weight (in, out), error (rows, out)
Step = Callable[[Layers], list[Array]]


class Library(NamedTuple):
    """What is needed of a library: upload an array, multiply, wait for the device."""

    name: str
    upload: Callable[[np.ndarray[Any, Any]], Array]
    multiply: Callable[[Array, Array], Array]
    wait: Callable[[object], object]  # until this result, and all that was queued before, is there
    repeated: Callable[[Step, Layers], Callable[[], object]] = partial


def libraries_for(
    device: Device,
    name: str | None = None,
    precision: Precision = "float32",
    load: Callable[[str], Any] = importlib.import_module,
) -> list[Library]:
    """Return all installed libraries for the CPU, the first one for an accelerator.

    With a `name`, as a library's, only that library. In a lower precision they take operands of it.
    Raises NoLibrary if there is none.
    """
    installed = _installed(device, name, precision, load)
    found = list(installed) if device.is_cpu else list(islice(installed, 1))
    if not found:
        expected = name or "one of PyTorch, CuPy, JAX or tinygrad"
        raise NoLibrary(
            f"no library here can multiply matrices on {device}; expected {expected}: install "
            "it to have the GEMM bound measured"
        )
    return found


def _installed(
    device: Device, wanted: str | None, precision: Precision, load: Callable[[str], Any]
) -> Iterator[Library]:
    """Yield the libraries that can be imported and compute on the device."""
    makers = list(MAKERS.items())
    if device.kind not in WIDELY_KNOWN:  # whoever opens what few do comes last there
        makers.reverse()
    for name, (module_name, make) in makers:
        if wanted and wanted.partition(" ")[0] != name:
            continue
        if precision != "float32" and name not in IN_ANY_PRECISION:
            continue
        try:
            module = load(module_name)
        except (ImportError, OSError):  # OSError: of a shared library
            continue
        if library := make(module, device, precision):
            yield library


def _numpy(numpy: Any, device: Device, precision: Precision) -> Library | None:
    if not device.is_cpu:
        return None
    buffers: dict[tuple[int, int], Array] = {}

    def multiply(left: Array, right: Array) -> Array:
        shape = (left.shape[0], right.shape[1])
        if shape not in buffers:
            buffers[shape] = numpy.empty(shape, numpy.float32)
        return numpy.matmul(left, right, out=buffers[shape])

    return Library(f"NumPy {numpy.__version__}", numpy.asarray, multiply, lambda result: None)


def _torch(torch: Any, device: Device, precision: Precision) -> Library | None:
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    upload = partial(torch.tensor, dtype=dtype, device=str(device))
    if device.is_cpu:
        return Library(f"PyTorch {torch.__version__}", upload, torch.mm, lambda result: None)
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is None or accelerator.type != device.kind:
        return None
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")

    def graphed(step: Step, layers: Layers) -> Callable[[], object]:
        work = partial(step, layers)
        if device.kind != "cuda":
            return work
        side = torch.cuda.Stream()  # a capture wants to be warmed up on a stream of its own
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        replay: Callable[[], object] = graph.replay
        return replay

    return Library(
        f"PyTorch {torch.__version__}",
        upload,
        torch.mm,
        lambda result: torch.accelerator.synchronize(str(device)),
        graphed,
    )


def _cupy(cupy: Any, device: Device, precision: Precision) -> Library | None:
    if device.kind != "cuda":
        return None
    stream = cupy.cuda.get_current_stream()
    return Library(
        f"CuPy {cupy.__version__}", cupy.asarray, cupy.matmul, lambda result: stream.synchronize()
    )


def _jax(jax: Any, device: Device, precision: Precision) -> Library | None:
    try:
        found = jax.devices({"cuda": "gpu", "metal": "METAL"}.get(device.kind, device.kind))
    except RuntimeError:  # it has no such platform
        return None
    dtype = jax.numpy.bfloat16 if precision == "bfloat16" else jax.numpy.float32
    preset = "tensorfloat32" if precision == "tf32" else "highest"
    multiply = jax.jit(partial(jax.numpy.matmul, precision=preset))

    def upload(array: np.ndarray[Any, Any]) -> Array:
        return jax.device_put(array.astype(dtype), device=found[device.index or 0])

    def compiled(step: Step, layers: Layers) -> Callable[[], object]:
        work = partial(jax.jit(step), layers)
        if not device.is_cpu:
            return work
        return lambda: jax.block_until_ready(work())  # results that queue all need fresh memory

    return Library(f"JAX {jax.__version__}", upload, multiply, jax.block_until_ready, compiled)


def _mlx(mx: Any, device: Device, precision: Precision) -> Library | None:
    if device.kind != "metal":
        return None

    def started(step: Step, layers: Layers) -> Callable[[], object]:
        def run() -> list[Array]:
            results = step(layers)
            mx.async_eval(results)  # MLX is lazy: nothing that is not asked for is computed
            return results

        return run

    return Library(f"MLX {mx.__version__}", mx.array, mx.matmul, mx.eval, started)


def _tinygrad(tinygrad: Any, device: Device, precision: Precision) -> Library | None:
    theirs = importlib.import_module("backends._tinygrad_devices")
    # On a processor its kernels take many times as long as a BLAS.
    if device.is_cpu or str(device) not in theirs.devices():
        return None
    name = theirs.place(str(device))

    def captured(step: Step, layers: Layers) -> Callable[[], object]:
        work: Callable[[], object] = tinygrad.TinyJit(partial(step, layers))
        return work

    return Library(
        f"tinygrad {importlib.metadata.version('tinygrad')}",
        lambda array: tinygrad.Tensor(array, device=name).realize(),
        lambda left, right: left.matmul(right).realize(),  # it is lazy
        lambda result: tinygrad.Device[name].synchronize(),
        captured,
    )


IN_ANY_PRECISION = ("PyTorch", "JAX")
WIDELY_KNOWN = ("cpu", "cuda", "mps", "metal", "xpu", "tpu")
MAKERS: dict[
    str, tuple[str, Callable[[Any, Device, Precision], Library | None]]
] = {  # by the start of a name
    "NumPy": ("numpy", _numpy),
    "PyTorch": ("torch", _torch),
    "CuPy": ("cupy", _cupy),
    "JAX": ("jax", _jax),
    "MLX": ("mlx.core", _mlx),
    "tinygrad": ("tinygrad", _tinygrad),
}
