"""The libraries that measure a floor: they multiply rightly, and wait for what they queued."""

from types import ModuleType

import numpy as np
import pytest

from bench import products

LEFT, RIGHT = np.ones((2, 3), np.float32), np.full((3, 4), 2, np.float32)
INSTALLED = {library.name: library for library in products.libraries_for("cpu")}


def test_the_cpu_has_numpy_first() -> None:
    """It is always there; what else is installed comes after it."""
    assert next(iter(INSTALLED)).startswith("NumPy")


@pytest.mark.parametrize("name", INSTALLED)
def test_a_library_multiplies(name: str) -> None:
    """What it uploads it can multiply, and the product is right."""
    library = INSTALLED[name]
    result = library.multiply(library.upload(LEFT), library.upload(RIGHT))
    library.wait(result)
    assert (np.asarray(result) == 6).all()


@pytest.mark.parametrize("name", INSTALLED)
def test_a_step_is_carried_out_every_time(name: str) -> None:
    """Compiled or not, its products are those of the arrays it was made for."""
    library = INSTALLED[name]
    arrays = (library.upload(LEFT), library.upload(RIGHT), library.upload(LEFT))
    run = library.repeated(lambda layers: [library.multiply(layers[0][0], layers[0][1])], [arrays])
    for _ in range(2):
        result = run()
        library.wait(result)
        assert isinstance(result, list)
        assert (np.asarray(result[0]) == 6).all()


def test_nothing_to_wait_for_is_no_mistake() -> None:
    """The device is waited for before anything was queued, too."""
    for library in INSTALLED.values():
        library.wait(None)


@pytest.mark.parametrize("name", INSTALLED)
def test_a_library_is_found_by_its_name(name: str) -> None:
    """Alone, whatever else is installed; its version may have changed since."""
    for wanted in (name, f"{name}.1"):
        assert [one.name for one in products.libraries_for("cpu", wanted)] == [name]


def test_a_library_that_is_gone_is_named() -> None:
    """Another one is not taken in its place: rounds would not be comparable."""
    with pytest.raises(products.NoLibrary, match=r"cpu; expected Gone 1\.0: install"):
        list(products.libraries_for("cpu", "Gone 1.0"))


def test_an_accelerator_without_a_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nothing can multiply on a device, the message names what could."""

    def absent(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(products.NoLibrary, match=r"cuda:0.*PyTorch, CuPy or JAX.*install"):
        list(products.libraries_for("cuda:0"))


def test_a_library_that_cannot_be_loaded_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation of one framework does not cost the floor."""

    def broken(name: str) -> ModuleType:
        if name == "numpy":
            return np
        raise OSError("libtorch.so: cannot open shared object file")

    monkeypatch.setattr("importlib.import_module", broken)
    assert [one.name for one in products.libraries_for("cpu")] == [f"NumPy {np.__version__}"]
