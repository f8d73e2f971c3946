"""The GEMM bound: exactly the workload's matrix products, by the fastest library at hand."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest

from bench.results.records import GemmBound
from bench.trial import gemm_bound
from bench.trial.gemm_libraries import Library
from bench.workload import CPU, VARIANTS, Device

SMALL = msgspec.structs.replace(VARIANTS["relu"], hidden=(6, 5), train_samples=300)


class Counting:
    """Libraries that count floating-point operations; a time passes as they multiply."""

    def __init__(self) -> None:
        self.flop = 0
        self.now = 0.0
        self.asked: list[tuple[Device, str | None]] = []

    def library(self, name: str = "counting", flop_per_second: float = 1e9) -> Library:
        """Return a library of that speed; its products are empty."""

        def multiply(left: Any, right: Any) -> Any:
            flop = 2 * left.shape[0] * left.shape[1] * right.shape[1]
            self.flop += flop
            self.now += flop / flop_per_second
            return np.empty((left.shape[0], right.shape[1]), np.float32)

        return Library(name, np.asarray, multiply, lambda result: None)

    def measure(self, *libraries: Library) -> Callable[..., GemmBound]:
        """Return what measures with these libraries."""

        def find(device: Device, name: str | None, precision: str) -> list[Library]:
            self.asked.append((device, name))
            return list(libraries)

        return partial(gemm_bound.measure, find=find, clock=lambda: self.now)


@pytest.mark.parametrize("rows", [128, 44])
def test_a_step_multiplies_what_training_multiplies(rows: int) -> None:
    counting = Counting()
    gemm_bound.step(counting.library(), SMALL, rows)()
    assert counting.flop == SMALL.train_flop * rows


@pytest.mark.parametrize("samples", [300, 256, 100])
def test_an_epoch_multiplies_what_training_multiplies(samples: int) -> None:
    counting = Counting()
    workload = msgspec.structs.replace(SMALL, train_samples=samples)
    gemm_bound.epoch_of(counting.library(), workload)()
    assert counting.flop == workload.epoch_flop


def test_the_fastest_library_is_timed_in_every_turn() -> None:
    counting, turns = Counting(), list[float]()
    measure = counting.measure(counting.library("slow", 1e8), counting.library("fast", 1e9))
    found = measure(SMALL, CPU, 4, wait_for_turn=lambda: turns.append(counting.now))
    assert found.library == "fast"
    assert found.epoch_seconds == pytest.approx([SMALL.epoch_flop / 1e9] * 4)
    assert found.peak_flop_per_second == pytest.approx(1e9)
    assert len(turns) == 4


@pytest.mark.parametrize(("device", "is_known"), [("cpu", False), ("cuda:0", True)])
def test_an_upload_is_timed_where_there_is_one(device: str, is_known: bool) -> None:
    counting = Counting()
    found = counting.measure(counting.library())(SMALL, Device.named(device), 1)
    assert (found.upload_seconds is not None) == is_known


@pytest.mark.parametrize(("flop_per_second", "largest"), [(1e9, 1024), (1e13, 8192)])
def test_a_slow_accelerator_is_not_given_a_product_that_takes_minutes(
    flop_per_second: float, largest: int
) -> None:
    counting, widths = Counting(), set[int]()
    library = counting.library(flop_per_second=flop_per_second)

    def upload(array: Any) -> Any:
        widths.update([len(array)] if array.shape[0] == array.shape[1] else [])
        return np.broadcast_to(np.float32(0), array.shape)

    found = counting.measure(library._replace(upload=upload))(SMALL, Device("opencl", 0), 1)
    assert max(widths) == largest
    assert found.peak_flop_per_second == pytest.approx(flop_per_second)


def test_a_library_that_is_alone_is_not_tried_out() -> None:
    counting = Counting()
    counting.measure(counting.library())(SMALL, Device("opencl", 0), 1)
    epochs = 1 + 1  # that warms up, and that is timed
    squares = 4 * 2 * 1024**3
    assert counting.flop == epochs * SMALL.epoch_flop + squares


def test_a_library_can_be_named() -> None:
    counting = Counting()
    counting.measure(counting.library())(SMALL, CPU, 1, "NumPy 2.4.6")
    assert counting.asked == [(CPU, "NumPy 2.4.6")]
