"""The gate for a result that somebody sends: is it complete, proved, and can it be true?

Trusts nothing that the file says of itself: limits, fingerprints and inputs are this program's own.
"""

from collections.abc import Iterable

from bench import checks, plausibility, runner
from bench.records import Proved, Run
from bench.rows import Row, rows_of
from bench.workload import VARIANTS, workload_for

LOSS_LIMIT = 2e-6  # as in bench.proof, which would import NumPy's generators and all
PARAMETER_LIMIT = 1e-4
HALF_WIDTH = 0.25  # of a row's 95 % interval, as a share of its centre: more rounds narrow it
INPUTS_HASHES = {  # of the shipped MNIST, by the workload's fingerprint
    "2b1e4393823d": "27aea593bc00",  # sigmoid, 6,000 images
    "3f4839208839": "1f083825272a",  # sigmoid, 60,000 images
    "02a9fd439884": "27aea593bc00",  # relu, 6,000 images
    "30ffdf5156dc": "1f083825272a",  # relu, 60,000 images
    "8c439cbe9582": "27aea593bc00",  # relu-dropout, 6,000 images
    "951ec7cf6c37": "1f083825272a",  # relu-dropout, 60,000 images
    "918c9d10bead": "35f7a8b339cb",  # keras-example, 6,000 images
    "80641ed9eaf2": "7c72cc562966",  # keras-example, 60,000 images
}
ACCURACY_BANDS = {  # after the last epoch, wider than the seeds and backends seen
    "2b1e4393823d": (0.55, 0.75),  # sigmoid, 6,000 images: 0.62 to 0.68
    "3f4839208839": (0.90, 0.93),  # sigmoid, 60,000 images: 0.9135 to 0.9150
    "02a9fd439884": (0.870, 0.905),  # relu, 6,000 images: 0.885 to 0.890
    "30ffdf5156dc": (0.968, 0.980),  # relu, 60,000 images: 0.9743 to 0.9757
    "8c439cbe9582": (0.865, 0.905),  # relu-dropout, 6,000 images: 0.882 to 0.888
    "951ec7cf6c37": (0.968, 0.980),  # relu-dropout, 60,000 images: 0.9741 to 0.9746
    "918c9d10bead": (0.90, 0.955),  # keras-example, 6,000 images: 0.9144 to 0.9404
    "80641ed9eaf2": (0.980, 0.989),  # keras-example, 60,000 images: 0.9835 to 0.9870
}
ROUNDS = 3  # at least, for an interval worth having


def findings(run: Run) -> list[str]:
    """Return what speaks against a run, in words; [] if nothing does."""
    found = [*_whole(run), *plausibility.of_run(run)]
    marks = checks.marks(run)
    for row in rows_of(run):
        name = f"{row.cell.backend} on {row.cell.device}, {row.cell.variant}"
        for finding in (*_row(row), *plausibility.of_row(row, run), *marks.get(row.cell, [])):
            found.append(f"{name}: {finding}")
    return found


def _whole(run: Run) -> Iterable[str]:
    """Yield what is wrong with the run as a whole."""
    if not run.cells:
        yield "it has no rows; expected at least one backend"
    if run.rounds < ROUNDS:
        yield f"{run.rounds} rounds; expected {ROUNDS} or more: an interval needs them"
    missing = len(runner.missing(run))
    if missing:
        yield f"{missing} floors, proofs and trials are missing; finish it with run --resume"
    cores = run.machine.logical_cores
    if cores and run.threads > cores:
        yield f"{run.threads} threads on {cores} logical cores; expected at most as many"
    for fingerprint, workload in run.workloads.items():
        if not _is_standard(workload.variant, fingerprint):
            yield (
                f"the workload {fingerprint} ({workload.variant}) is not one of the standard ones; "
                "expected the default epochs, samples and sizes: run without options for them"
            )


def _is_standard(variant: str, fingerprint: str) -> bool:
    if variant not in VARIANTS:
        return False
    return fingerprint in {workload_for(variant, device).fingerprint for device in ("cpu", "cuda")}


def _row(row: Row) -> Iterable[str]:
    """Yield what is wrong with one row."""
    yield from _proof(row)
    for number, failed in row.failures.items():
        yield f"round {number + 1} failed: {failed.kind}: {failed.reason}"
    if not row.trials:
        return
    expected = INPUTS_HASHES.get(row.cell.workload)
    if expected and row.inputs != {expected}:
        yield f"inputs {', '.join(sorted(row.inputs))}; expected {expected}: other images or orders"
    yield from _accuracy(row)
    yield from _times(row)


def _proof(row: Row) -> Iterable[str]:
    mistake = checks.proof_mistake(row.proof)
    if mistake:
        yield mistake
        return
    assert row.proof is not None and isinstance(row.proof.result, Proved), "it holds"
    result = row.proof.result
    if result.loss_deviation > LOSS_LIMIT or result.parameter_deviation > PARAMETER_LIMIT:
        yield (
            f"its proof is beyond this program's limits: loss {result.loss_deviation:.1e} of "
            f"{LOSS_LIMIT:.0e}, parameters {result.parameter_deviation:.1e} of "
            f"{PARAMETER_LIMIT:.0e}"
        )


def _accuracy(row: Row) -> Iterable[str]:
    band = ACCURACY_BANDS.get(row.cell.workload)
    if band is None:
        return
    low, high = band
    for number, trained in sorted(row.trials.items()):
        accuracy = trained.epochs[-1].accuracy
        if not low <= accuracy <= high:
            yield f"accuracy {accuracy:.4f} in round {number + 1}; expected {low} to {high}"
        elif (best := max(epoch.accuracy for epoch in trained.epochs)) > high:
            yield f"accuracy {best:.4f} on the way in round {number + 1}; expected {high} at most"


def _times(row: Row) -> Iterable[str]:
    for number, trained in sorted(row.trials.items()):
        accounted = checks.accounted_seconds(trained)
        if accounted > 1.02 * trained.total_seconds:
            yield (
                f"round {number + 1}: the phases take {accounted:.3g} s, more than the whole trial "
                f"with its {trained.total_seconds:.3g} s: a clock is wrong"
            )
    assert row.interval is not None, "a row with trials has one"
    width = row.interval.half_width
    if width is not None and width > HALF_WIDTH:
        yield (
            f"its seconds per epoch are known to ± {100 * width:,.0f} % only; expected "
            f"± {100 * HALF_WIDTH:.0f} % or better: find what disturbed the trials (`doctor`), or "
            "run more rounds (--until)"
        )
