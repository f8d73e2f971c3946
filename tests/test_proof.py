"""The proof: every wrong model is caught by a check that names it, honest ones never are."""

import re
from functools import cache

import msgspec
import numpy as np
import pytest
from wrong import batches, manners, network, precision, updates, waiting
from wrong import trial as cheating
from wrong.judge import models, of_proof, of_trial
from wrong.plain import Plain

from backends import _mlp
from backends.numpy import Model as NumPyModel
from bench import inputs, proof, trial
from bench.inputs import start_parameters
from bench.workload import VARIANTS, Workload

SMALL = (64, 64)  # hidden widths: mistakes stand out as much as with 684
GATE_MARGIN = 2.5e-6  # of pre-activations from 0; float32 moves small ones by less

CHEATING = models(cheating) | models(waiting)
WRONG = models(batches) | models(network) | models(precision) | models(updates)
LOSS, PARAMETERS = "loss .* off", "parameters .* off"
STEP = {  # mistakes that show in an epoch's loss
    "SoftmaxTwice", "SummedGradient", "Momentum", "Nesterov", "Adam", "HalfPrecision",
    "BrainFloat", "TensorFloat", "TensorFloatBackward", "HalfParameters", "RateOff",
    "DecayByEpoch", "Warmup", "ShortBatchDropped", "ShortBatchPadded", "MeanOverFullBatch",
    "OtherBatchSize", "OrderIgnored", "Reshuffled", "BatchesShuffled", "PreviousOrder",
    "FirstOrderForever", "LabelsShifted", "LabelsSmoothed", "NoBiases", "BiasesFrozen",
    "LastBiasFrozen", "LastLayerFrozen", "FirstLayerFrozen", "Clipped", "Accumulated", "Leaky",
    "Tanh", "OwnScaling", "EvaluationTrains", "SecondUpdateSkipped", "WeightsTied",
}  # fmt: skip
REPORT = {"LossOfLastBatch", "MeanOfBatches", "SumOfLosses", "LossAfterwards", "LossWithEvaluation"}
RMSPROP = {"EpsilonOutside", "OtherRho", "SquaresStartAtOne"}
CAUGHT_BY = {
    **dict.fromkeys(STEP | RMSPROP, LOSS),
    **dict.fromkeys(REPORT, LOSS),
    "WeightDecay": PARAMETERS,
    "DoublePrecision": "computes in float64",
}
MANNERS = {
    "OwnStart": "starts from other parameters than the given ones",
    "Transposed": r"the parameters are .*; expected weights \(in, out\)",
    "DoubleParameters": "the parameters are .*float64",
    "Views": "parameters are views, which change while it trains",
    "Stale": PARAMETERS,
    "NotANumber": "NotFinite",
    "WritesImages": "writes into arrays that it was given",
    "WritesParameters": "writes into arrays that it was given",
    "Probabilities": "predict returned float32 of shape .*; expected class indices",
    "OneHot": r"predict returned int64 of shape \(300, 10\); expected class indices",
    "FloatClasses": r"predict returned float32 of shape \(300,\); expected class indices",
    "ShuffledPredictions": "predicts .* clear test images otherwise",
    "LastPredictionsLost": "predicts .* clear test images otherwise",
    "WorstClass": "predicts 300 of 300 clear test images otherwise",
    "DoneTwice": "epoch_done was called without an epoch under way",
    "NeverDone": "the next order was asked for before epoch_done",
    "DoneAtTheEnd": "the next order was asked for before epoch_done",
    "OrderAhead": "the next order was asked for before epoch_done",
    "OneEpochShort": "train returned after 1 epochs",
    "NoLoss": "NotFinite",
    "OutOfMemory": "MemoryError",
}
AGAIN = "BrokenContract: the last epoch, trained again, brings "
OTHER_WORK = "trained again|predicts|starts from|loss"
CHEATS = {
    "FirstBatches": AGAIN + ".*layer 1 changed by",
    "MiddleSkimped": r"BrokenContract: epoch \d, trained again, brings .*layer 1 changed by",
    "SmallerNetwork": AGAIN + ".*layer 1 changed by",
    "FewerUpdates": AGAIN + ".*layer 1 changed by",
    "LateDecay": AGAIN + ".*layer 1 changed by",
    "BatchTwice": AGAIN + ".*layer . changed by",
    "NoTraining": AGAIN + ".*layer 1 changed by 0;",
    "NoisyTraining": AGAIN + ".*layer 2 changed by",
    "OwnOrder": AGAIN + ".*the parameters changed otherwise",
    "CannedPredictions": "predicts .* clear test images otherwise",
    "PartlyCannedPredictions": "predicts .* clear test images otherwise",
    "CannedLoss": AGAIN + "the loss",
    "OwnStart": "the model starts from other parameters",
    "Asynchronous": f"clock stopped early|{AGAIN}the loss",
    "AsynchronousTail": "clock stopped early: the device worked on for",
    "AsynchronousStale": "predicts .* clear test images otherwise",
    "WorksInPredict": AGAIN + "|predicts .* clear test images otherwise",
    "WorksInCopies": "clock stopped early|" + AGAIN + "the loss",
    "WorksBetween": "ms pass between two epochs, off the clock",
}
HIDDEN = {  # in these variants
    "OwnOrder": ("relu-dropout", "keras-example"),  # dropout's masks move a trial as much
    "MiddleSkimped": ("keras-example",),  # RMSprop has enough to remember in the last epoch only
}


@pytest.fixture(autouse=True)
def images_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unpack the images once for all tests: it takes longer than a small proof."""
    monkeypatch.setattr(proof, "read_raw", read_once)
    monkeypatch.setattr(trial, "read_raw", read_once)


def read_once(workload: Workload) -> inputs.Raw:
    """Return the raw images; the seed of a workload makes no difference."""
    return read_sizes(workload.train_samples, workload.test_samples)


@cache
def read_sizes(train_samples: int, test_samples: int) -> inputs.Raw:
    """Return the raw images of so many samples."""
    sizes = {"train_samples": train_samples, "test_samples": test_samples}
    return inputs.read_raw(msgspec.structs.replace(VARIANTS["relu"], **sizes))


def small(variant: str, **changes: object) -> Workload:
    """Return a variant with narrow hidden layers and, unless told otherwise, no dropout."""
    return msgspec.structs.replace(
        VARIANTS[variant], **{"hidden": SMALL, "dropout": 0.0, **changes}
    )


def short(variant: str) -> Workload:
    """Return a variant, dropout included, for a trial of a second."""
    dropout = VARIANTS[variant].dropout
    return small(variant, dropout=dropout, epochs=5, train_samples=900, test_samples=300)


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_honest_model_is_proved(variant: str) -> None:
    """A model written independently of the NumPy backend passes at the variant's full size."""
    assert of_proof(Plain, VARIANTS[variant]) is None


@pytest.mark.parametrize("variant", ["sigmoid", "relu", "keras-example"])
def test_no_honest_model_is_flagged_in_twenty_repeats(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the seed, start and orders: the limits leave room."""
    for seed in range(20):
        monkeypatch.setattr(proof, "SEED", seed)
        assert of_proof((NumPyModel, Plain)[seed % 2], small(variant)) is None


@pytest.mark.parametrize(("name", "model"), WRONG.items())
def test_a_mistake_in_the_network_is_caught(name: str, model: type[Plain]) -> None:
    """Each shows in the figure that it spoils."""
    variant = "keras-example" if name in RMSPROP else "relu"
    assert re.search(CAUGHT_BY[name], of_proof(model, small(variant)) or "not caught")


@pytest.mark.parametrize("variant", ["sigmoid", "keras-example"])
@pytest.mark.parametrize("name", ["TensorFloat", "TensorFloatBackward", "RateOff", "WeightDecay",
                                  "MeanOverFullBatch", "NoBiases", "DoublePrecision"])  # fmt: skip
def test_the_slightest_mistakes_are_caught_in_the_other_variants(name: str, variant: str) -> None:
    """Those that stand out least stand out with the sigmoid and with RMSprop, too."""
    assert of_proof(WRONG[name], small(variant)) is not None


@pytest.mark.parametrize(("name", "model"), models(manners).items())
def test_bad_manners_are_caught(name: str, model: type[Plain]) -> None:
    """A breach of the contract fails the proof and is named."""
    assert re.search(MANNERS[name], of_proof(model, small("relu")) or "not caught")


@pytest.mark.parametrize("variant", ["relu", "relu-dropout", "keras-example"])
@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_that_passes_the_proof_is_caught_in_the_trial(name: str, variant: str) -> None:
    """It is named in every trial, also where it runs alone."""
    if variant in HIDDEN.get(name, ()):
        pytest.skip("a trial of this size cannot show it")
    found = of_trial(CHEATING[name], short(variant))
    assert re.search(CHEATS[name], found or "not caught")


def test_less_precision_in_the_trial_is_caught_where_no_gates_flip() -> None:
    """With ReLU rounding moves an epoch as much as float16 does; with the sigmoid it does not."""
    assert not re.search(OTHER_WORK, of_trial(cheating.HalfWhenMeasured, short("relu")) or "")
    found = of_trial(cheating.HalfWhenMeasured, short("sigmoid"))
    assert re.search(AGAIN + ".*the parameters changed otherwise", found or "not caught")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("model", [NumPyModel, Plain])
def test_an_honest_trial_is_believed(model: type[Plain], variant: str) -> None:
    """The last epoch, trained again, agrees, whatever masks there are."""
    found = of_trial(model, short(variant))  # its seconds are those of a machine at test
    assert not re.search(OTHER_WORK, found or "")


@pytest.mark.parametrize("name", CHEATING)
def test_the_cheats_do_pass_the_proof(name: str) -> None:
    """They know it by its size."""
    assert of_proof(CHEATING[name], small("relu")) is None


@pytest.mark.parametrize("variant", ["relu", "keras-example"])
def test_no_gate_of_the_reference_lies_near_zero(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rounding flips no ReLU in the proof: no pre-activation of its 8 steps is that small."""
    margins: list[float] = []

    def watched(self: _mlp.Network, values: np.ndarray) -> None:
        margins.append(float(np.abs(values).min()))
        np.maximum(values, 0, out=values)

    monkeypatch.setattr(_mlp.Network, "_activate", watched)
    workload = proof.proof_workload(VARIANTS[variant])
    train, _ = inputs.scale(read_once(workload), workload)
    start = [
        layer._make(a.astype(np.float64) for a in layer) for layer in start_parameters(workload)
    ]
    model = NumPyModel(workload, start, train._replace(images=train.images.astype(float)), "cpu")
    model.train(inputs.epoch_orders(workload), lambda loss: None)
    assert len(margins) == 8 * len(workload.hidden)
    assert min(margins) > GATE_MARGIN
