"""The floor of a device: the matrix products of one epoch alone, and one large product.

No backend can train faster than its matrix products, so what it takes beyond them is the tax of
the framework. Measured inside a child with the library at hand: NumPy's BLAS on the CPU; on an
accelerator PyTorch, CuPy or JAX, whichever is there. On NVIDIA PyTorch replays a step as a CUDA
graph, so that the floor holds no launches from Python.
"""

import importlib
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bench.records import Floor
from bench.workload import Workload

EPOCH_REPEATS = 5
PEAK_SECONDS = 1.0  # spent on large products at least; the fastest of them counts
PEAK_REPEATS = 5
LARGE = {"cpu": 2048}  # rows and columns of the large product
LARGE_ELSEWHERE = 8192

Array = Any  # of the library


class Products(NamedTuple):
    """What is needed of a library: upload an array, multiply, wait for the device."""

    name: str
    upload: Callable[[np.ndarray[Any, Any]], Array]
    multiply: Callable[[Array, Array], Array]
    wait: Callable[[], object]
    repeated: Callable[[Callable[[], None]], Callable[[], None]] = lambda step: step


class NoLibrary(Exception):
    """None of the libraries that could measure the floor of a device is installed."""


def measure(workload: Workload, device: str) -> Floor:
    """Return the floor of a workload on a device; raise NoLibrary if nothing can measure it."""
    library = library_for(device)
    full = library.repeated(step(library, workload, workload.batch_size))
    count, rest = divmod(workload.train_samples, workload.batch_size)
    short = library.repeated(step(library, workload, rest)) if rest else None
    seconds = [_epoch_seconds(library, full, count, short) for _ in range(EPOCH_REPEATS + 1)]
    images = np.ones((workload.train_samples, workload.widths[0]), np.float32)
    return Floor(
        library=library.name,
        epoch_seconds=median(seconds[1:]),  # the first one warms up
        peak_flop_per_second=_peak(library, LARGE.get(device, LARGE_ELSEWHERE)),
        upload_seconds=None if device == "cpu" else _timed(library, lambda: library.upload(images)),
    )


def step(library: Products, workload: Workload, rows: int) -> Callable[[], None]:
    """Return what does the matrix products of one training step on a batch of so many rows."""
    generator = np.random.default_rng(0)

    def array(*shape: int) -> Array:
        return library.upload(generator.random(shape, np.float32))

    layers = list(pairwise(workload.widths))
    inputs = [array(rows, width) for width, _ in layers]
    weights = [array(*shape) for shape in layers]
    errors = [array(rows, width) for _, width in layers]

    def products() -> None:
        for index, (values, weight, error) in enumerate(zip(inputs, weights, errors, strict=True)):
            library.multiply(values, weight)  # forward: (rows, in) @ (in, out)
            library.multiply(values.T, error)  # gradient of the weight: (in, rows) @ (rows, out)
            if index:
                library.multiply(error, weight.T)  # of the input: (rows, out) @ (out, in)

    return products


def _epoch_seconds(
    library: Products, full: Callable[[], None], count: int, short: Callable[[], None] | None
) -> float:
    def epoch() -> None:
        for _ in range(count):
            full()
        if short is not None:
            short()

    return _timed(library, epoch)


def _peak(library: Products, width: int) -> float:
    """Return the rate of the fastest of several products of two square matrices, in FLOP/s."""
    matrix = library.upload(np.random.default_rng(0).random((width, width), np.float32))
    library.multiply(matrix, matrix)
    seconds: list[float] = []
    while len(seconds) < PEAK_REPEATS or sum(seconds) < PEAK_SECONDS:
        seconds.append(_timed(library, lambda: library.multiply(matrix, matrix)))
    return 2 * width**3 / min(seconds)


def _timed(library: Products, work: Callable[[], object]) -> float:
    library.wait()
    begun = time.perf_counter()
    work()
    library.wait()
    return time.perf_counter() - begun


def library_for(device: str) -> Products:
    """Return the first library that is installed and computes on the device."""
    if device == "cpu":
        return _numpy()
    for library in _accelerated(device):
        return library
    raise NoLibrary(
        f"no library here can multiply matrices on {device}; expected PyTorch, CuPy or JAX: "
        "install one of them to have the floor measured"
    )


def _numpy() -> Products:
    buffers: dict[tuple[int, int], Array] = {}

    def multiply(left: Array, right: Array) -> Array:
        shape = (left.shape[0], right.shape[1])
        if shape not in buffers:
            buffers[shape] = np.empty(shape, np.float32)
        return np.matmul(left, right, out=buffers[shape])

    return Products(f"NumPy {np.__version__}", np.asarray, multiply, lambda: None)


def _accelerated(device: str) -> Iterator[Products]:
    makers = {"torch": _torch, "cupy": _cupy, "jax": _jax, "mlx.core": _mlx}
    for name, make in makers.items():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if library := make(module, device):
            yield library


def _torch(torch: Any, device: str) -> Products | None:
    if torch.accelerator.current_accelerator() is None:
        return None
    torch.set_float32_matmul_precision("highest")

    def graphed(work: Callable[[], None]) -> Callable[[], None]:
        if not device.startswith("cuda"):
            return work
        side = torch.cuda.Stream()  # a capture wants to be warmed up on a stream of its own
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
        replay: Callable[[], None] = graph.replay
        return replay

    return Products(
        f"PyTorch {torch.__version__}",
        lambda array: torch.tensor(array, device=device),
        torch.mm,
        torch.accelerator.synchronize,
        graphed,
    )


def _cupy(cupy: Any, device: str) -> Products | None:
    if not device.startswith("cuda"):
        return None
    wait = cupy.cuda.get_current_stream().synchronize
    return Products(f"CuPy {cupy.__version__}", cupy.asarray, cupy.matmul, wait)


def _jax(jax: Any, device: str) -> Products | None:
    if jax.default_backend() == "cpu":
        return None
    latest: list[Any] = []

    def multiply(left: Array, right: Array) -> Array:
        latest[:] = [jax.numpy.matmul(left, right, precision="highest")]
        return latest[0]

    def wait() -> None:
        for array in latest:
            array.block_until_ready()

    return Products(f"JAX {jax.__version__}", jax.device_put, multiply, wait)


def _mlx(mx: Any, device: str) -> Products | None:
    if device != "metal":
        return None
    queued: list[Any] = []

    def multiply(left: Array, right: Array) -> Array:
        queued.append(left @ right)
        return queued[-1]

    def wait() -> None:
        mx.eval(queued)
        queued.clear()

    return Products(f"MLX {mx.__version__}", mx.array, multiply, wait)
