"""Published figures for this work, to be shown beside ours and never ranked with them.

Seconds were published as whole numbers, so they are good to half a second. `same_work` says
whether the figure is for exactly one of our variants at 6,000 images, evaluation not included;
only then may one of ours be divided by it.
"""

from typing import NamedTuple

NOTEBOOK = "notebook “Deep Learning with MNIST”"
CELERON = "Intel Celeron N2840, 2.16 GHz"


class Published(NamedTuple):
    """One published figure."""

    source: str
    machine: str
    variant: str  # of ours: the nearest
    what: str
    figure: str
    same_work: bool = False
    seconds: float | None = None


FIGURES = (
    Published(NOTEBOOK, CELERON, "sigmoid", "s per epoch of 6,000 images", "16", True, 16.0),
    Published(NOTEBOOK, CELERON, "relu", "s per epoch of 6,000 images", "14", True, 14.0),
    Published(NOTEBOOK, CELERON, "relu",
              "s per epoch of 6,000 images, evaluation on 5,000 included", "20"),
    Published(NOTEBOOK + ", printed output", "not named", "sigmoid",
              "s per epoch of 6,000 images, evaluation on 5,000 included", "26"),
    Published(NOTEBOOK + ", printed output", "–", "sigmoid",
              "after 1 epoch of 6,000: loss, accuracy as it trained, validation loss and accuracy",
              "2.2948, 0.1468, 2.2567, 0.1412"),
    Published("Keras example mnist_mlp", "GRID K520", "keras-example",
              "s per epoch of 60,000 images, evaluation on 10,000 included", "2"),
    Published("Keras example mnist_mlp", "–", "keras-example",
              "test accuracy after 20 epochs of 60,000 images", "0.984"),
)  # fmt: skip


def seconds_of_same_work(variant: str, train_samples: int) -> float | None:
    """Return the published seconds per epoch of exactly this work; None if nobody published it."""
    if train_samples != 6_000:
        return None
    figures = (figure for figure in FIGURES if figure.same_work and figure.variant == variant)
    return next((figure.seconds for figure in figures), None)
