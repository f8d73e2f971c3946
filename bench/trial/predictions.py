"""Do predictions follow from the parameters? A plain forward pass tells."""

from collections.abc import Iterator

import numpy as np

from bench.trial.failure import BrokenContract
from bench.workload import Workload
from bench.workload.contract import Floats, Integers, Parameters

CLEAR_MARGIN = 1e-3  # of the best logit over the second: no rounding turns such a prediction
# Of the largest logit, if that is more; of 5,000 images bfloat16 turned none beyond 0.008.
CLEAR_SHARE = {"float32": 1e-4, "tf32": 0.004, "bfloat16": 0.03}


def layer_sums(images: Floats, parameters: Parameters, activation: str) -> Iterator[Floats]:
    """Yield the input of each layer's activation (samples, out), dropout off; last the logits."""
    values = images  # (samples, 784)
    for weight, bias in parameters:
        sums = values @ weight + bias
        yield sums
        values = np.maximum(sums, 0) if activation == "relu" else 1 / (1 + np.exp(-sums))


def class_indices(predicted: Integers, samples: int) -> Integers:
    """Return what predict returned if it is one class index a sample; else raise BrokenContract."""
    classes = np.asarray(predicted)
    if classes.shape != (samples,) or not np.issubdtype(classes.dtype, np.integer):
        raise BrokenContract(
            f"predict returned {classes.dtype} of shape {classes.shape}; expected class indices, "
            f"integers of shape {(samples,)}: see bench/workload/contract.py"
        )
    return classes


def wrong_predictions(
    predicted: Integers, images: Floats, parameters: Parameters, workload: Workload
) -> str | None:
    """Return in words how many clear predictions differ from what the parameters say."""
    classes = class_indices(predicted, len(images))
    *_, logits = layer_sums(images, parameters, workload.activation)
    best = np.sort(logits, axis=1)
    share = CLEAR_SHARE[workload.precision]
    margin = np.maximum(CLEAR_MARGIN, share * np.abs(logits).max(axis=1))
    clear = best[:, -1] - best[:, -2] > margin
    wrong = int(np.sum(classes[clear] != logits.argmax(axis=1)[clear]))
    if not wrong:
        return None
    return f"{wrong} of {int(clear.sum())} clear ones are not those of the parameters"
