"""Which check catches which wrong model: the one table of all of them."""

import inspect
from typing import NamedTuple

from wrong import batches, dropping, manners, network, precision, sizes, updates, waiting
from wrong.plain import Plain

MODULES = (batches, dropping, manners, network, precision, sizes, updates, waiting)
BASES = (sizes.Large, updates.OtherOptimizer, waiting.Background)
MODELS = {
    f"{module.__name__.removeprefix('wrong.')}.{name}": model
    for module in MODULES
    for name, model in vars(module).items()
    if inspect.isclass(model) and model.__module__ == module.__name__ and model not in BASES
}


class Mistake(NamedTuple):
    """A wrong model and what catches it."""

    name: str
    where: str  # "verification", "trial", or "round": beside other backends
    check: str  # "check: what was found", or "kind: reason" of a failure, starts with this
    variant: str

    @property
    def model(self) -> type[Plain]:
        """The model itself."""
        return MODELS[self.name]


def _caught(check: str, names: str, where: str = "verification", variant: str = "relu"):
    return [Mistake(name, where, check, variant) for name in names.split()]


def _masks(drawn: str, names: str):
    check = f"dropout masks: not drawn anew for every {drawn}"
    return _caught(check, names, variant="relu-dropout")


def _dropout(check: str, names: str):
    return _caught(check, names, variant="relu-dropout")


PARAMETERS = "broken contract: the parameters are [["
CLASSES = "broken contract: predict returned "
NEXT_ORDER = "broken contract: the next order was asked for before epoch_done"

MISTAKES = [
    *_caught("loss: ", """
        batches.ShortBatchDropped batches.ShortBatchPadded batches.OtherBatchSize
        batches.OrderIgnored batches.BatchesShuffled batches.PreviousOrder
        batches.FirstOrderForever batches.LabelsShifted batches.LabelsSmoothed batches.OwnScaling
        network.SoftmaxTwice network.NoBiases network.LastBiasFrozen
        network.LastLayerFrozen network.FirstLayerFrozen network.Leaky network.Tanh
        network.LossOfLastBatch network.MeanOfBatches network.SumOfLosses network.LossAfterwards
        network.LossWithEvaluation network.EvaluationTrains
        updates.SummedGradient updates.Momentum updates.Adam updates.RateOff
        updates.DecayByEpoch updates.Warmup updates.MeanOverFullBatch updates.Clipped
        updates.Accumulated updates.SecondUpdateSkipped updates.WeightsTied
        precision.HalfPrecision precision.BrainFloat precision.TensorFloat
        precision.TensorFloatBackward precision.HalfParameters
        waiting.WholeEpochLater"""),
    *_caught("loss: ", "updates.EpsilonOutside updates.OtherRho updates.SquaresStartAtOne",
             variant="keras-example"),
    *_caught("loss: ", """
        updates.SmallEpsilon updates.LargeEpsilon updates.EpsilonCorrected updates.Uncorrected
        updates.FastSquares updates.SlowMeans updates.StepsOfEpochs updates.MeanOnly""",
             variant="adam"),
    *_caught("parameters: ", "updates.WeightDecay manners.Stale waiting.LastUpdateUnjoined"),
    *_caught("biases: ", "precision.HalfImages"),
    *_caught("float64: ", "precision.DoublePrecision"),
    *_caught("start parameters: ", "manners.OwnStart sizes.OwnStartWhenLarge"),
    *_caught("copies: ", "manners.Views"),
    *_caught("given arrays: ", "manners.WritesImages manners.WritesParameters"),
    *_caught("predictions: ", """
        manners.ShuffledPredictions manners.LastPredictionsLost manners.WorstClass
        sizes.EveryTenthWrong"""),
    *_caught(PARAMETERS, "manners.Transposed manners.DoubleParameters"),
    *_caught(CLASSES, "manners.Probabilities "),
    *_caught(NEXT_ORDER, "manners.NeverDone manners.OrderAhead"),
    *_caught("broken contract: epoch_done was called without", "manners.DoneTwice"),
    *_caught("broken contract: train returned after 1 epochs", "manners.OneEpochShort"),
    *_caught("not finite: the mean loss", "manners.NoLoss"),
    *_caught("not finite: a parameter", "manners.NotANumber"),
    *_caught("raised: MemoryError: no room", "manners.OutOfMemory"),
    *_caught("loss at full size: ", """
        sizes.FirstBatches sizes.HalfSkipped sizes.SmallerNetwork sizes.FewerUpdates
        sizes.BatchTwice sizes.LossOfHalf sizes.CannedLoss"""),
    *_caught("parameters at full size: ", """
        sizes.FirstBatches sizes.HalfSkipped sizes.SmallerNetwork sizes.FewerUpdates
        sizes.BatchTwice sizes.OwnOrder"""),
    *_caught("parameters at full size: ", "sizes.HalfWhenLarge"),
    *_caught("parameters at full size: ", "sizes.HalfWhenLarge", variant="sigmoid"),
    *_caught("parameters at full size: ", "sizes.HalfWhenLarge", variant="keras-example"),
    *_dropout("dropout rate: ", """
        dropping.NoDropout dropping.OneLayerOnly dropping.SecondLayerOnly dropping.OtherRate
        dropping.KeepsTheRate dropping.ByteMasks dropping.OffAfterPrediction"""),
    *_dropout("dropout in the loss: ", """
        dropping.Unscaled dropping.ScaledInPrediction dropping.DropsLogits
        dropping.UnmaskedGradient dropping.StraightThrough"""),
    *_dropout("dropout in the gradients: ", "dropping.UnscaledGradient"),
    *_dropout("dropout in prediction: ", "dropping.OnInPrediction"),
    *_masks("unit", "dropping.BlocksOfUnits dropping.FixedNumber dropping.DropsPixels"),
    *_masks("image", "dropping.OneMaskForTheBatch dropping.PairsOfRows"),
    *_masks("step", """
        dropping.EverySecondStep dropping.SeedsOfNeighbours dropping.FixedMask
        """),
    *_masks("layer", "dropping.SameMaskForBothLayers"),
    *_caught("device idle: ", "waiting.LastUpdateLater waiting.DeviceBusy", where="trial"),
    *_caught("parameters: they change", """
        waiting.LastUpdateUnjoined network.EvaluationTrains""", where="trial"),
    *_caught("predictions: ", "sizes.EveryTenthWrong manners.WorstClass", where="trial"),
    *_caught("broken contract: the model starts from other parameters", """
        manners.OwnStart sizes.OwnStartWhenLarge""", where="trial"),
    *_caught("losses: ", "sizes.LateDecay sizes.LateHalf", where="round"),
]  # fmt: skip
