"""The floor: it multiplies exactly the workload's shapes, with whatever library is at hand."""

from typing import Any

import msgspec
import numpy as np
import pytest

from bench import floor
from bench.workload import VARIANTS

SMALL = msgspec.structs.replace(VARIANTS["relu"], hidden=(6, 5), train_samples=300)


class Counting:
    """A library that counts floating-point operations instead of being fast."""

    def __init__(self) -> None:
        self.flop = 0

    def multiply(self, left: Any, right: Any) -> Any:
        self.flop += 2 * left.shape[0] * left.shape[1] * right.shape[1]
        return left @ right

    def products(self) -> floor.Products:
        return floor.Products("counting", np.asarray, self.multiply, lambda: None)


@pytest.mark.parametrize("rows", [128, 44])
def test_a_step_multiplies_what_training_multiplies(rows: int) -> None:
    """The products of one step add up to the workload's FLOP for so many samples."""
    library = Counting()
    floor.step(library.products(), SMALL, rows)()
    assert library.flop == SMALL.train_flop * rows


def test_an_epoch_includes_the_short_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring multiplies whole epochs: as many FLOP as the workload has, once a repeat."""
    library = Counting()
    monkeypatch.setattr(floor, "library_for", lambda device: library.products())
    monkeypatch.setattr(floor, "_peak", lambda library, width: 1e9)
    result = floor.measure(SMALL, "cpu")
    assert library.flop == (floor.EPOCH_REPEATS + 1) * SMALL.epoch_flop
    assert result.library == "counting"
    assert result.epoch_seconds > 0
    assert result.upload_seconds is None


def test_the_cpu_is_measured_with_numpy() -> None:
    """On the CPU NumPy's BLAS is the library at hand, and it multiplies rightly."""
    library = floor.library_for("cpu")
    left, right = np.ones((2, 3), np.float32), np.full((3, 4), 2, np.float32)
    assert library.name.startswith("NumPy")
    assert (library.multiply(left, right) == 6).all()


def test_an_accelerator_without_a_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where nothing can multiply on a device, the message names what could."""
    monkeypatch.setattr(floor, "_accelerated", lambda device: iter(()))
    with pytest.raises(floor.NoLibrary, match=r"cuda:0.*PyTorch, CuPy or JAX.*install"):
        floor.library_for("cuda:0")
