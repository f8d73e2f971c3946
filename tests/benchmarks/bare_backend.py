"""A bare loop as a backend: so that it can take turns with the backend that it is compared with."""

from collections.abc import Callable

import numpy as np

from bench.workload import Workload
from bench.workload.contract import EpochDone, Floats, Integers, Orders, Parameters, Samples

Loop = Callable[[Workload, Parameters, Samples, Orders], list[float]]


def devices() -> list[str]:
    """Return the CPU: bare loops are for it."""
    return ["cpu"]


def versions() -> dict[str, str | None]:
    """Return nothing: the backend beside it tells."""
    return {}


def model_of(loop: Loop) -> type:
    """Return a Model that trains with the loop and is never asked what it has learned."""

    class Model:
        def __init__(
            self, workload: Workload, parameters: Parameters, train: Samples, device: str
        ) -> None:
            self._given = workload, parameters, train

        def train(self, orders: Orders, epoch_done: EpochDone) -> None:
            """Run the loop; an epoch is done when it asks for the next order."""
            losses = iter(np.linspace(2, 1, self._given[0].epochs))  # they have to fall

            def handed_out() -> Orders:
                for order in orders:
                    yield order
                    epoch_done(next(losses))

            handing_out = handed_out()
            loop(*self._given, handing_out)
            next(handing_out, None)  # a loop that counts its epochs does not ask once more

        def predict(self, images: Floats) -> Integers:
            """Return classes that nobody scores."""
            return np.zeros(len(images), np.int64)

        def parameters(self) -> Parameters:
            """Return those that it started from."""
            return self._given[1]

    return Model
