"""Sessions of pytest-benchmark: one benchmark a row, one round an epoch, timed by a child."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bench import checks
from bench.planning import in_words
from bench.records import Proof, Trained
from tests.benchmarks.harness import Harness

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytest.importorskip("pytest_benchmark")


class Recorded:
    """A timer that tells what was recorded: 0 when a round begins, its seconds when it ends.

    pytest-benchmark times a function that it calls in its own process; here the work has been
    done and timed, in a child, by the clock of `bench run`. It is not done again: pytest-benchmark
    times a function that does nothing with this timer, which its mark takes by design, and so
    comes to the child's seconds, to the last bit (x - 0.0 is x).
    """

    __name__ = "recorded_by_the_child"  # what pytest-benchmark writes down as its timer

    def __init__(self) -> None:
        self._readings: Iterator[float] = iter(())

    def load(self, seconds: Sequence[float]) -> None:
        """Be ready for one round for each of these."""
        self._readings = iter([reading for each in seconds for reading in (0.0, each)])

    def __call__(self) -> float:
        """Return the next reading."""
        return next(self._readings)


RECORDED = Recorded()


@pytest.mark.benchmark(timer=RECORDED)
@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")  # by rows that failed before
def test_epochs(
    benchmark: "BenchmarkFixture", harness: Harness, backend: str, device: str, variant: str
) -> None:
    """The epochs of one trial after the first, in which frameworks compile."""
    cell = harness.cell(backend, device, variant)
    proof = harness.prove(cell)
    if mistake := checks.proof_mistake(proof):
        pytest.fail(mistake, pytrace=False)
    result = harness.train(cell)
    if not isinstance(result, Trained):
        pytest.fail(in_words(result), pytrace=False)
    seconds = [epoch.seconds for epoch in result.epochs[1:]]
    RECORDED.load(seconds)
    benchmark.group = f"{variant} on {device}"
    benchmark.extra_info.update(extra_info(harness, proof, result))
    benchmark.pedantic(lambda: None, rounds=len(seconds))


def extra_info(harness: Harness, proof: Proof, trained: Trained) -> dict[str, Any]:
    """Return what else is known of a row and its trial."""
    cell, described = proof.cell, harness.planned.described[proof.cell.backend]
    last = trained.epochs[-1]
    return {
        "backend": cell.backend,
        "device": cell.device,
        "variant": cell.variant,
        "fingerprint": cell.workload,
        "inputs": trained.inputs,
        "accuracy": last.accuracy,
        "loss": last.loss,
        "proof": {**msgspec.to_builtins(proof.result), "holds": True},
        "mistakes": checks.trial_mistakes(trained, cell.device == "cpu"),
        "first_epoch_seconds": trained.epochs[0].seconds,
        "versions": described.versions,
        "threads": harness.session.threads,
        "thread_pools": msgspec.to_builtins(described.thread_pools),
    }
