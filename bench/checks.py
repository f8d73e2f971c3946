"""The self-checks of a run: which rows nobody should believe, and why.

A row without a valid proof is struck through. Every other violation marks its row, by name.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from statistics import median

from bench import agreement
from bench.agreement import TEST_SAMPLES, trained
from bench.clock import TELLING_EPOCHS
from bench.records import Cell, Failed, Floor, Proof, Proved, Run, Trained, Trial

# By how much a first copy may take longer than an idle one: seconds, or a share of an epoch. True:
# where the CPU computes and the epochs are enough to tell. There it was 0.0006 s at most for honest
# backends and 0.0022 to 0.0049 s for one that left the last update for later, in epochs of 0.2 to
# 0.3 s. Of accelerators nothing is known, and some frameworks copy from them only once.
SETTLE_SECONDS = {True: 0.002, False: 0.005}
SETTLE_SHARE = {True: 0.005, False: 0.05}
RUNAWAY = 3.0  # slowest epoch over the median, the first (which compiles) left out
RUNAWAY_SECONDS = 0.02  # below that a single interruption by the system is enough
PHASES_SHARE = 0.95  # of a child's time that the recorded phases must account for
UNACCOUNTED_SECONDS = 0.2  # that may be missing all the same: a process takes time to end
# Seconds to evaluate over those of an epoch, in units of the same share of their products: on the
# CPU nine backends took 0.4 to 1.5. Small sizes are mostly overhead; nothing is known of GPUs.
EVALUATION_RATIO = 3.0
EVALUATION_SECONDS = 0.05
# Of the rate of one large product. On the CPU neighbours may have disturbed its measurement, and a
# backend may bring a library that multiplies faster than those at hand (XLA, OpenBLAS: 1.45 times).
PEAK_TOLERANCE = {True: 2.0, False: 1.1}


def proof_mistake(proof: Proof | None) -> str | None:
    """Return why a row counts as unproven; None if its proof holds."""
    if proof is None:
        return "not proved: the run ended before its proof"
    result = proof.result
    if isinstance(result, Failed):
        return f"not proved: {result.kind}: {result.reason}"
    if result.holds:
        return None
    return f"not proved: it computes another network ({'; '.join(deviations(result))})"


def deviations(result: Proved) -> list[str]:
    """Return what a proof found wrong, in words."""
    found = []
    if not result.loss_deviation <= result.loss_limit:
        found.append(f"loss {result.loss_deviation:.1e} off, limit {result.loss_limit:.0e}")
    if not result.parameter_deviation <= result.parameter_limit:
        found.append(
            f"parameters {result.parameter_deviation:.1e} off, limit {result.parameter_limit:.0e}"
        )
    return [*found, *result.mistakes]


def trial_mistakes(trained: Trained, on_cpu: bool) -> list[str]:
    """Return the violations of one trial, each starting with its name."""
    found = [
        _settle(trained, on_cpu),
        _learning(trained),
        _runaway([epoch.seconds for epoch in trained.epochs[1:]]),
        _unaccounted(trained),
    ]
    return [mistake for mistake in found if mistake]


def _settle(trained: Trained, on_cpu: bool) -> str | None:
    waited = trained.settle_seconds - trained.idle_copy_seconds
    close = on_cpu and len(trained.epochs) >= TELLING_EPOCHS
    share = SETTLE_SHARE[close] * median(epoch.seconds for epoch in trained.epochs)
    if waited <= max(share, SETTLE_SECONDS[close]):
        return None
    return (
        f"clock stopped early: the device worked on for {1000 * waited:.2g} ms "
        "after the last epoch was reported as done"
    )


def _learning(trained: Trained) -> str | None:
    first, last = trained.epochs[0].loss, trained.epochs[-1].loss
    if len(trained.epochs) == 1 or last < first:
        return None
    return f"loss did not fall: {first:.4g} in the first epoch, {last:.4g} in the last"


def _runaway(seconds: Sequence[float]) -> str | None:
    if not seconds or max(seconds) <= max(RUNAWAY * median(seconds), RUNAWAY_SECONDS):
        return None
    return f"epochs ran away: {max(seconds):.3g} s the slowest, {median(seconds):.3g} s the median"


def _unaccounted(trained: Trained) -> str | None:
    missing = trained.total_seconds - accounted_seconds(trained)
    if missing <= max((1 - PHASES_SHARE) * trained.total_seconds, UNACCOUNTED_SECONDS):
        return None
    return (
        f"time unaccounted for: {missing:.3g} s of {trained.total_seconds:.3g} s were spent "
        "outside every recorded phase"
    )


def accounted_seconds(trained: Trained) -> float:
    """Return the sum of the recorded phases of a trial, in seconds."""
    return (
        trained.start_seconds
        + trained.import_seconds
        + trained.data_seconds
        + trained.build_seconds
        + sum(epoch.seconds + epoch.evaluation_seconds for epoch in trained.epochs)
        + (trained.between_seconds or 0.0)
        + trained.check_seconds
    )


def _above_peak(run: Run, trial: Trial) -> str | None:
    """Return a mark if an epoch was faster than the device can multiply."""
    peaks = [
        floor.result.peak_flop_per_second
        for floor in run.floors
        if floor.device == trial.cell.device and isinstance(floor.result, Floor)
    ]
    flop = run.workloads[trial.cell.workload].epoch_flop
    rate = flop / min(epoch.seconds for epoch in trained(trial).epochs)
    if not peaks or rate <= PEAK_TOLERANCE[trial.cell.device == "cpu"] * max(peaks):
        return None
    return (
        f"faster than the device: {rate / 1e9:,.0f} GFLOP/s in an epoch, one large product "
        f"reaches {max(peaks) / 1e9:,.0f}; no clock is that honest"
    )


def _long_evaluation(run: Run, trial: Trial) -> str | None:
    """Return a mark if evaluating took so long that training may be hidden in it."""
    workload, epochs = run.workloads[trial.cell.workload], trained(trial).epochs
    share = workload.predict_flop * workload.test_samples / workload.epoch_flop
    seconds = median(epoch.seconds for epoch in epochs)
    found = median(epoch.evaluation_seconds for epoch in epochs)
    limit = max(EVALUATION_RATIO * share * seconds, EVALUATION_SECONDS)
    small = workload.test_samples < TEST_SAMPLES
    if small or trial.cell.device != "cpu" or found <= limit:
        return None
    return (
        f"work off the clock: to evaluate took {found:.3g} s, {found / seconds:.2g} of an epoch; "
        f"its products are {share:.2g} of an epoch's"
    )


def marks(run: Run) -> Mapping[Cell, list[str]]:
    """Return every violation of every row, each said once; rows without any are absent."""
    found: dict[Cell, dict[str, None]] = {}
    for trial in run.trials:
        if isinstance(trial.result, Trained):
            of_run = [_above_peak(run, trial), _long_evaluation(run, trial)]
            of_trial = trial_mistakes(trial.result, trial.cell.device == "cpu")
            for mistake in [*of_trial, *filter(None, of_run)]:
                found.setdefault(trial.cell, {})[f"{mistake} (round {trial.round + 1})"] = None
    proved = {proof.cell for proof in run.proofs if proof_mistake(proof) is None}
    compared = [agreement.round_mistakes(run, proved), agreement.other_inputs(run)]
    for cell, mistakes in chain.from_iterable(one.items() for one in compared):
        found.setdefault(cell, {}).update(dict.fromkeys(mistakes))
    return {cell: list(mistakes) for cell, mistakes in found.items()}
