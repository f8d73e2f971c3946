"""How far from the reference a correct backend may end, and the flags of one that is farther."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from bench.results.records import Flag
from bench.trial.deviations import MOST, Deviations
from bench.workload import Workload

# How many times as far from the reference as the coarse run of bench.trial.rounding a correct
# backend may end: in its losses, parameters and biases. Over 12 seeds of six workloads NumPy,
# PyTorch, JAX and Keras on JAX ended at most 1.3, 1.1 and 1.1 times as far. At points drawn at
# random one reached 8 in a loss and one about 3.5 in ten biases: a few numbers agree by chance more
# easily than many do.
FACTORS = (10.0, 3.0, 6.0)
# Of lower precisions the same, of a NumPy run that rounds as they do. Eight backends ended at most
# 2.4 times as far in parameters and 38 times in the ten last biases, whose gradients Keras on
# TensorFlow sums up in bfloat16; their losses, two numbers, are near by chance: see LOWER.
FACTORS_LOWER = (10.0, 4.0, 10.0)
CHAOS = 0.3  # so far off there is nothing to compare: rounding has made it another training


class Floors(NamedTuple):
    """What may deviate however little rounding brings, as sums are added up in other orders."""

    loss: float
    parameters: float
    biases: float

    def limits(
        self, rounding: Deviations, factors: tuple[float, float, float] = FACTORS
    ) -> Deviations:
        """Return how far each may be off; what is off in an epoch may be in later ones."""
        so_far = rounding._replace(loss=list(accumulate(rounding.loss, max)))
        return Deviations(*(
            [max(floor, factor * off) if off < CHAOS else MOST for off in offs]
            for floor, factor, offs in zip(self, factors, so_far, strict=True)
        ))  # fmt: skip


# Largest of correct backends, where nothing flips: 2e-7, 4e-6 and 6e-7.
SHARP = Floors(loss=2e-6, parameters=1e-5, biases=2e-6)
# The reference is float32: a gate may flip in it alone.
AT_FULL_SIZE = {
    "sigmoid": Floors(loss=1e-5, parameters=1e-4, biases=3e-5),
    "relu": Floors(loss=1e-5, parameters=1e-3, biases=1e-3),
}
# What a lower precision may bring beside the multiples of its emulation: a few times the rounding
# of one number for a loss, and for biases, whose gradients some sum up in it, that of a hundred.
LOWER = {
    "tf32": Floors(loss=2.0**-9, parameters=0.0, biases=0.02),
    "bfloat16": Floors(loss=2.0**-6, parameters=0.0, biases=0.2),
}
LEAST, MOST_OF_IT = 0.5, 2.0  # of the emulation's deviation; eight backends 0.8 to 1.5


def limits_of(workload: Workload, floors: Floors, rounding: Deviations) -> Deviations:
    """Return how far off a correct backend may be, given the floors of float32."""
    if workload.precision in LOWER:
        return LOWER[workload.precision].limits(rounding, FACTORS_LOWER)
    return floors.limits(rounding)


def judge(
    found: Deviations, limits: Deviations, *, when: str = "", size: str = ""
) -> Iterator[Flag]:
    """Yield of each kind of deviation the one that is farthest beyond its limit."""
    for check, offs, at_most in zip(Deviations._fields, found, limits, strict=True):
        place = worst(offs, at_most)
        if not offs[place] <= at_most[place]:
            number = place + (check != "parameters")  # whose first is that of all layers
            where = f" in {'epoch' if check == 'loss' else 'layer'} {number}" if number else ""
            words = f"{offs[place]:.1e} off{when}{where}, limit {at_most[place]:.0e}"
            yield Flag(f"{check}{size}", words)


def judge_rounding(
    workload: Workload, found: Deviations, rounding: Deviations, size: str = ""
) -> Iterator[Flag]:
    """Yield a flag if another precision than the workload's shows in the weights.

    Typically of a layer, they have to be off about as far as those of NumPy with operands rounded.
    """
    if workload.precision == "float32" or max(rounding.parameters) >= CHAOS:
        return
    _, *weights = np.divide(found.parameters, rounding.parameters)
    times = float(np.median(weights))
    if not LEAST <= times <= MOST_OF_IT:
        more = "less" if times < LEAST else "more"
        words = (
            f"weights are {times:.2g} times as far off as NumPy's with operands rounded to "
            f"{workload.precision}, expected {LEAST:g} to {MOST_OF_IT:g}: {more} is rounded away"
        )
        yield Flag(f"precision{size}", words)


def worst(offs: Sequence[float], limits: Sequence[float]) -> int:
    """Return the place of the deviation that is farthest beyond its limit, or nearest to it."""
    return int(np.argmax(np.divide(offs, limits)))
