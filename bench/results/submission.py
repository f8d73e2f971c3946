"""Whether a run file that somebody sends can be published: complete, verified, without a flag.

Whoever sends one measured honestly. What could still be wrong is the work (another workload, other
images), or that the machine was too restless to tell anything.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product
from statistics import median
from typing import NamedTuple

from bench.results.cases import Row, rows_of
from bench.results.comparison import narrowed
from bench.results.records import Failed, GemmBound, Run
from bench.workload import CPU, Device, Workload, mnist, workload_for
from bench.workload.axes import FIELDS, placed

ROUNDS = 3  # at least, for an interval worth having
HALF_WIDTH = 0.25  # of a typical row's interval (see `narrowed`): more rounds narrow it
# An epoch's rate over that of one large product, at most. On the CPU neighbours may have disturbed
# the product, and a backend may bring a library that multiplies faster than those at hand (XLA,
# OpenBLAS: 1.45 times).
PEAK_TOLERANCE_ON_CPU, PEAK_TOLERANCE = 2.0, 1.1


class Standard(NamedTuple):
    """What a workload is given, and where a variant with the default sizes ends."""

    inputs: str  # hash, of the shipped MNIST
    # After the last epoch; wider than the seeds and backends seen. None: elsewhere in a sweep.
    accuracy: tuple[float, float] | None


STANDARDS = {
    CPU: {
        "sigmoid": Standard("27aea593bc00", (0.55, 0.75)),  # 0.62 to 0.68
        "relu": Standard("27aea593bc00", (0.870, 0.905)),  # 0.885 to 0.890
        "relu-dropout": Standard("27aea593bc00", (0.865, 0.905)),  # 0.882 to 0.888
        "keras-example": Standard("35f7a8b339cb", (0.90, 0.955)),  # 0.9144 to 0.9404
    },
    Device("cuda", 0): {
        "sigmoid": Standard("1f083825272a", (0.90, 0.93)),  # 0.9135 to 0.9150
        "relu": Standard("1f083825272a", (0.968, 0.980)),  # 0.9743 to 0.9757
        "relu-dropout": Standard("1f083825272a", (0.968, 0.980)),  # 0.9741 to 0.9746
        "keras-example": Standard("7c72cc562966", (0.980, 0.989)),  # 0.9835 to 0.9870
    },
}
ORIGINS = {workload_for(variant, device): standard for device, variants in STANDARDS.items()
           for variant, standard in variants.items()}  # fmt: skip


def findings(run: Run) -> list[str]:
    """Return what speaks against publishing a run, in words; [] if nothing does."""
    rows = rows_of(run)
    found = [*_plan(run), *_missing(run), *_width(rows)]
    for row in rows:
        name = f"{row.case.backend} on {row.case.device}, {row.workload.variant}"
        found += [f"{name}: {finding}" for finding in _row(row, run)]
    return found


def standard_for(workload: Workload) -> Standard | None:
    """Return what a workload must be given and end in, at a point of a sweep, too; else None."""
    if workload in ORIGINS:
        return ORIGINS[workload]
    point = {name: field.read(workload) for name, field in FIELDS.items()}
    if any(placed(origin, point) == workload for origin in ORIGINS):
        return Standard(_inputs(workload), None)
    return None


@cache
def _inputs(workload: Workload) -> str:
    from bench.workload.inputs import inputs_hash, read_raw  # NumPy takes its time

    return inputs_hash(read_raw(workload, mnist.SHIPPED), workload)


def _plan(run: Run) -> Iterator[str]:
    if not run.cases:
        yield "it has no rows; expected at least one backend"
    if run.rounds < ROUNDS:
        yield f"rounds: {run.rounds}; expected {ROUNDS} or more, for a confidence interval"
    for fingerprint, workload in run.workloads.items():
        if standard_for(workload) is None:
            yield (
                f"the workload {fingerprint} ({workload.variant}, {workload.epochs} epochs) is no "
                "variant, nor a point of a sweep from one; expected the default epochs, test "
                "images and seed: leave out the options that change them"
            )


def _missing(run: Run) -> Iterator[str]:
    """Yield what was planned and has no outcome, and failed bounds, which judge no rate."""
    rounds = range(run.rounds)
    bounded = {(case.device, case.workload, case.threads, number)
               for case in run.cases for number in rounds}  # fmt: skip
    bounded -= {(one.device, one.workload, one.threads, one.round) for one in run.gemm_bounds}
    trials = {*product(run.cases, rounds)} - {(trial.case, trial.round) for trial in run.trials}
    verifications = {*run.cases} - {verification.case for verification in run.verifications}
    counts = {"verifications": len(verifications), "trials": len(trials),
              "GEMM bounds": len(bounded)}  # fmt: skip
    for what, missing in counts.items():
        if missing:
            yield f"missing {what}: {missing}; expected none: finish the run with `run --resume`"
    for bound in run.gemm_bounds:
        if isinstance(bound.result, Failed) and bound.result.kind != "no library":
            number = bound.round + 1
            yield f"GEMM bound of {bound.device} failed in round {number}: {bound.result}"


def _row(row: Row, run: Run) -> Iterator[str]:
    yield from map(str, row.flags)
    for number, failed in row.failures.items():
        yield f"round {number + 1} failed: {failed}"
    if standard := standard_for(row.workload):
        yield from _unlike(row, standard)
    yield from _rate(row, run)


def _unlike(row: Row, standard: Standard) -> Iterator[str]:
    """Yield where a row had other inputs, or ended elsewhere, than its workload does."""
    for found in sorted(row.inputs - {standard.inputs}):
        yield f"inputs {found}; expected {standard.inputs}, those of the shipped images"
    if standard.accuracy is None:
        return
    low, high = standard.accuracy
    for number, trained in sorted(row.trials.items()):
        accuracy = trained.epochs[-1].accuracy
        if not low <= accuracy <= high:
            yield f"accuracy {accuracy:.4f} in round {number + 1}; expected {low} to {high}"


def _rate(row: Row, run: Run) -> Iterator[str]:
    """Yield the rounds with an epoch at a rate that the device cannot reach."""
    case = row.case
    peaks = [
        bound.result.peak_flop_per_second
        for bound in run.gemm_bounds
        if (bound.device, bound.workload, bound.threads)
        == (case.device, case.workload, case.threads)
        and isinstance(bound.result, GemmBound)
    ]
    tolerance = PEAK_TOLERANCE_ON_CPU if case.device.is_cpu else PEAK_TOLERANCE
    limit = tolerance * max(peaks, default=float("inf"))
    for number, trained in sorted(row.trials.items()):
        rate = row.workload.epoch_flop / min(epoch.seconds for epoch in trained.epochs)
        if rate > limit:
            yield (
                f"an epoch of round {number + 1} ran at {rate / 1e9:,.0f} GFLOP/s; expected at "
                f"most {limit / 1e9:,.0f}, {tolerance} times the rate of one large product on this "
                "device: the timing must be wrong"
            )


def _width(rows: Sequence[Row]) -> Iterator[str]:
    """Yield that most rows are hardly known; one that is erratic shows that itself."""
    widths = [one.half_width for one in narrowed(rows) if one.half_width is not None]
    if widths and (width := median(widths)) > HALF_WIDTH:
        yield (
            f"half of the rows are known to within ± {100 * width:,.0f} % or worse; expected "
            f"± {100 * HALF_WIDTH:.0f} % or better: find out what disturbed the trials with "
            "`python -m bench doctor`, or run more rounds with --until"
        )
