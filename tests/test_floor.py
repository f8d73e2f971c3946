"""The floor: exactly the workload's matrix products, by the fastest library at hand."""

from typing import Any

import msgspec
import numpy as np
import pytest

from bench import floor
from bench.products import Products
from bench.records import Floor
from bench.workload import VARIANTS

SMALL = msgspec.structs.replace(VARIANTS["relu"], hidden=(6, 5), train_samples=300)


class Counting:
    """A library that counts floating-point operations instead of being fast."""

    def __init__(self) -> None:
        self.flop = 0

    def multiply(self, left: Any, right: Any) -> Any:
        self.flop += 2 * left.shape[0] * left.shape[1] * right.shape[1]
        return left @ right

    def products(self) -> Products:
        return Products("counting", np.asarray, self.multiply, lambda result: None)


@pytest.mark.parametrize("rows", [128, 44])
def test_a_step_multiplies_what_training_multiplies(rows: int) -> None:
    """The products of one step add up to the workload's FLOP for so many samples."""
    library = Counting()
    floor.step(library.products(), SMALL, rows)()
    assert library.flop == SMALL.train_flop * rows


def test_an_epoch_includes_the_short_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring multiplies whole epochs: as many FLOP as the workload has, once a repeat."""
    library = Counting()
    monkeypatch.setattr(floor, "libraries_for", lambda device: [library.products()])
    monkeypatch.setattr(floor, "_peak", lambda library, width: 1e9)
    result = floor.measure(SMALL, "cpu")
    assert library.flop == (floor.EPOCH_REPEATS + 1) * SMALL.epoch_flop
    assert result.library == "counting"
    assert result.epoch_seconds > 0
    assert result.upload_seconds is None


def test_the_fastest_library_is_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its epoch and its name count; the peak is the best that any of them reached."""
    floors = {"slow": Floor("slow", 0.2, 3e11), "fast": Floor("fast", 0.1, 2e11)}
    monkeypatch.setattr(floor, "libraries_for", lambda device: floors)
    monkeypatch.setattr(floor, "measure_with", lambda library, workload, device: floors[library])
    assert floor.measure(SMALL, "cpu") == Floor("fast", 0.1, 3e11)
