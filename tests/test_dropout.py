"""The check of dropout: every mistake is named, honest dropout never is."""

import re

import msgspec
import numpy as np
import pytest
from wrong import dropping
from wrong.judge import models, of_trial
from wrong.plain import Plain

from backends.numpy import Model as NumPyModel
from bench import dropout, proof, still
from bench.contract import Samples
from bench.inputs import read_raw, scale
from bench.workload import VARIANTS, Workload

PLACE = "another rate, scale or place"
SHARE = "another share of the units than its rate"
MASKS = "masks are not drawn anew"
UNITS = "masks are not drawn anew for every unit and sample"
BACK = "masks come back after some steps"
GRADIENTS = "dropout is not in the gradients"
CAUGHT_BY = {
    "NoDropout": SHARE,
    "OneLayerOnly": SHARE,
    "SecondLayerOnly": PLACE,
    "OtherRate": PLACE,
    "KeepsTheRate": SHARE,
    "ByteMasks": PLACE,
    "Unscaled": PLACE,
    "ScaledInPrediction": PLACE,
    "OneMaskForTheBatch": MASKS,
    "PairsOfRows": UNITS,
    "BlocksOfUnits": UNITS,
    "FixedNumber": UNITS,
    "EverySecondStep": BACK,
    "SeedsOfNeighbours": BACK,
    "FixedMask": MASKS,
    "MaskOfTheEpoch": MASKS,
    "SameMaskForBothLayers": PLACE,
    "DropsPixels": PLACE,
    "DropsLogits": PLACE,
    "OnInPrediction": "dropout is on in prediction",
    "OffAfterPrediction": SHARE,
    "UnscaledGradient": GRADIENTS,
    "UnmaskedGradient": GRADIENTS,
    "StraightThrough": "other units in the backward pass",
}

OTHER_MASKS = r"lies \d\.\d\d times as far from those under other dropout masks"
SEEN_IN_TRIALS = {  # the masks of the others are right one by one, but not together
    "relu-dropout": [
        "NoDropout", "OneLayerOnly", "SecondLayerOnly", "OtherRate", "KeepsTheRate",
        "OneMaskForTheBatch", "DropsPixels", "OffAfterPrediction", "UnmaskedGradient",
        "StraightThrough",
    ],
    "keras-example": ["NoDropout", "OneLayerOnly", "SecondLayerOnly", "OneMaskForTheBatch"],
}  # fmt: skip
IMAGES = {"relu-dropout": 600, "keras-example": 3_840}  # RMSprop needs steps to remember


@pytest.fixture(scope="module")
def workload() -> Workload:
    """The proof's workload with dropout, on a network of less than half the width."""
    plain = proof.proof_workload(VARIANTS["relu-dropout"])
    return msgspec.structs.replace(plain, dropout=0.2, hidden=(256, 256))


@pytest.fixture(scope="module")
def train(workload: Workload) -> Samples:
    """The proof's training samples."""
    return scale(read_raw(workload), workload)[0]


@pytest.mark.parametrize(("name", "model"), models(dropping).items())
def test_a_mistake_in_dropout_is_caught(
    name: str, model: type[Plain], workload: Workload, train: Samples
) -> None:
    """One of the checks names it."""
    found = "; ".join(dropout.mistakes(model, workload, train, "cpu"))
    assert re.search(CAUGHT_BY[name], found)


@pytest.mark.parametrize("model", [NumPyModel, Plain])
def test_no_honest_dropout_is_flagged_in_ten_repeats(
    model: type[Plain], workload: Workload, train: Samples
) -> None:
    """Whatever the masks: the limits leave room for chance."""
    for seed in range(5):
        seeded = msgspec.structs.replace(workload, seed=seed)
        assert dropout.mistakes(model, seeded, train, "cpu") == []


def test_the_still_network_says_what_its_loss_should_be(workload: Workload) -> None:
    """Without dropout bright images give class 1, dark ones class 0, and the loss to match."""
    seen = still.observe(Plain, msgspec.structs.replace(workload, dropout=0.0), "cpu")
    assert seen.missed == 0
    bright, dark = seen.losses[: still.BRIGHT_EPOCHS], seen.losses[still.BRIGHT_EPOCHS :]
    assert np.allclose(bright, still.loss(0.0))
    assert np.allclose(dark, still.loss(4.0))


@pytest.mark.parametrize(
    ("variant", "name"),
    [(variant, name) for variant, names in SEEN_IN_TRIALS.items() for name in names],
)
def test_a_mistake_that_the_proof_was_not_shown_is_caught_in_the_trial(
    variant: str, name: str
) -> None:
    """A backend may know that it is proved: what it drops when it is timed is looked at, too."""
    found = of_trial(models(dropping)[name], in_trial(variant))
    assert re.search(OTHER_MASKS, found or "not caught")


@pytest.mark.parametrize("variant", SEEN_IN_TRIALS)
@pytest.mark.parametrize("model", [NumPyModel, Plain])
def test_honest_dropout_is_believed_in_the_trial(model: type[Plain], variant: str) -> None:
    """Masks of its own are as far from others as those are from each other."""
    assert not re.search("masks", of_trial(model, in_trial(variant)) or "")


def in_trial(variant: str) -> Workload:
    """Return a variant at its full width, with as few images as show its dropout."""
    sizes = {"train_samples": IMAGES[variant], "test_samples": 100, "epochs": 3}
    return msgspec.structs.replace(VARIANTS[variant], **sizes)
