"""The libraries that measure a GEMM bound: they multiply rightly, and wait for what they queued."""

from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bench.trial.gemm_libraries import MAKERS, Library, NoLibrary, libraries_for
from bench.workload import CPU, Device

LEFT, RIGHT = np.ones((2, 3), np.float32), np.full((3, 4), 2, np.float32)


@pytest.fixture(params=MAKERS)
def library(request: pytest.FixtureRequest) -> Library:
    """Every library that is installed."""
    try:
        (found,) = libraries_for(CPU, request.param)
    except NoLibrary as error:
        pytest.skip(str(error))
    return found


def test_the_cpu_has_numpy_first() -> None:
    """It is always there; what else is installed comes after it."""
    assert libraries_for(CPU)[0].name.startswith("NumPy")


def test_a_library_multiplies(library: Library) -> None:
    """What it uploads it can multiply, and the product is right."""
    result = library.multiply(library.upload(LEFT), library.upload(RIGHT))
    library.wait(result)
    assert (np.asarray(result) == 6).all()


def test_a_step_is_carried_out_every_time(library: Library) -> None:
    """Compiled or not, its products are those of the arrays it was made for."""
    arrays = (library.upload(LEFT), library.upload(RIGHT), library.upload(LEFT))
    run = library.repeated(lambda layers: [library.multiply(layers[0][0], layers[0][1])], [arrays])
    for _ in range(2):
        result = run()
        library.wait(result)
        assert isinstance(result, list)
        assert (np.asarray(result[0]) == 6).all()


@pytest.mark.parametrize("name", ["PyTorch", "JAX"])
def test_in_bfloat16_operands_are_of_it(name: str) -> None:
    pytest.importorskip(MAKERS[name][0])
    (library,) = libraries_for(CPU, name, precision="bfloat16")
    assert "bfloat16" in str(library.upload(LEFT).dtype)


def test_numpy_has_no_bfloat16() -> None:
    with pytest.raises(NoLibrary):
        libraries_for(CPU, "NumPy", precision="bfloat16")


def test_nothing_to_wait_for_is_no_mistake(library: Library) -> None:
    """The device is waited for before anything was queued, too."""
    library.wait(None)


def test_a_library_is_found_by_its_name(library: Library) -> None:
    """Alone, whatever else is installed; its version may have changed since."""
    for wanted in (library.name, f"{library.name}.1"):
        assert [one.name for one in libraries_for(CPU, wanted)] == [library.name]


def test_a_library_that_is_gone_is_named() -> None:
    with pytest.raises(NoLibrary, match=r"cpu; expected Gone 1\.0: install"):
        list(libraries_for(CPU, "Gone 1.0"))


def test_an_accelerator_without_a_library_says_what_to_install() -> None:
    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    with pytest.raises(NoLibrary, match=r"cuda:0.*PyTorch, CuPy, JAX or tinygrad.*install"):
        libraries_for(Device.named("cuda:0"), load=absent)


def test_an_accelerator_is_measured_by_who_computes_there() -> None:
    """PyTorch's is another one; MLX, like NumPy and CuPy, is for one kind only."""
    torch = SimpleNamespace(accelerator=SimpleNamespace(
        current_accelerator=lambda: SimpleNamespace(type="xpu")
    ))  # fmt: skip
    torch.__version__, torch.set_float32_matmul_precision = "2.13", lambda precision: None
    torch.tensor = torch.mm = print
    torch.float32 = "float32"

    def load(name: str) -> object:
        if name in ("jax", "tinygrad"):
            raise ImportError(name)
        return torch

    (found,) = libraries_for(Device.named("xpu:0"), load=load)
    assert found.name == "PyTorch 2.13"
    for other in ("mps", "opencl:0"):
        with pytest.raises(NoLibrary):
            libraries_for(Device.named(other), load=load)


def test_on_opencl_tinygrad_multiplies(opencl: Device) -> None:
    """No other library is imported in vain, and a step is the same when it is replayed."""
    (library,) = libraries_for(opencl)
    assert library.name.startswith("tinygrad")
    arrays = (library.upload(LEFT), library.upload(LEFT), library.upload(LEFT))
    run = library.repeated(
        lambda layers: [library.multiply(layers[0][0], layers[0][1].T)], [arrays]
    )
    for _ in range(4):  # eager, captured, replayed
        (result,) = run()
        library.wait(result)
        assert (result.numpy() == 3).all()


def test_a_library_that_cannot_be_loaded_is_left_out() -> None:
    def broken(name: str) -> ModuleType:
        if name == "numpy":
            return np
        raise OSError("libtorch.so: cannot open shared object file")

    assert [one.name for one in libraries_for(CPU, load=broken)] == [f"NumPy {np.__version__}"]
