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
    monkeypatch.setattr(floor, "libraries_for", lambda device, name: [library.products()])
    monkeypatch.setattr(floor, "_peak", lambda library, width: 1e9)
    result = floor.measure(SMALL, "cpu")
    assert library.flop == (floor.EPOCH_REPEATS + 1) * SMALL.epoch_flop
    assert result.library == "counting"
    assert result.epoch_seconds > 0
    assert result.upload_seconds is None


def test_the_fastest_library_is_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its epoch and its name count, though disturbed; the peak is the best that any reached."""
    slow, fast = (Counting().products()._replace(name=name) for name in ("slow", "fast"))
    seconds = {slow: [0.20, 0.21, 0.22], fast: [0.1, 0.23, 0.5]}
    peaks = {slow: 3e11, fast: 2e11}
    monkeypatch.setattr(floor, "libraries_for", lambda device, name: seconds)
    monkeypatch.setattr(floor, "_epochs", lambda library, workload: seconds[library])
    monkeypatch.setattr(floor, "_peak", lambda library, width: peaks[library])
    assert floor.measure(SMALL, "cpu") == Floor("fast", 0.23, 3e11)


def test_a_library_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it alone is measured, as after the first round of a run."""
    asked = []

    def libraries_for(device: str, name: str | None) -> list[Products]:
        asked.append((device, name))
        return [Counting().products()]

    monkeypatch.setattr(floor, "libraries_for", libraries_for)
    monkeypatch.setattr(floor, "_peak", lambda library, width: 1e9)
    floor.measure(SMALL, "cpu", "NumPy 2.4.6")
    assert asked == [("cpu", "NumPy 2.4.6")]
