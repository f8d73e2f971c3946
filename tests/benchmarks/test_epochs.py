"""Sessions of pytest-benchmark: one benchmark a case, one round an epoch, timed by a child."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bench.results.records import Case, Failed, Trained, Verification
from bench.results.validity import device_idle, falling_loss
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
@pytest.mark.filterwarnings("ignore:Benchmark fixture was not used")  # by cases that failed before
def test_epochs(
    benchmark: "BenchmarkFixture", harness: Harness, case: Case, request: pytest.FixtureRequest
) -> None:
    """The epochs of one trial after the first, in which frameworks compile."""
    asked = [item.callspec.params.get("case") for item in request.session.items
             if isinstance(item, pytest.Function) and hasattr(item, "callspec")]  # fmt: skip
    asked = [one for one in asked if one is not None]
    verification = harness.verify(case, asked)
    if isinstance(verification.result, Failed):
        pytest.fail(f"verification failed: {verification.result}", pytrace=False)
    if verification.result.flags:
        pytest.fail("; ".join(map(str, verification.result.flags)), pytrace=False)
    result = harness.train(case, asked).result
    if isinstance(result, Failed):
        pytest.fail(str(result), pytrace=False)
    seconds = [epoch.seconds for epoch in result.epochs[1:]]
    RECORDED.load(seconds)
    _, device, variant = harness.names(case)
    benchmark.group = f"{variant} on {device}"
    benchmark.extra_info.update(extra_info(harness, verification, result))
    benchmark.pedantic(lambda: None, rounds=len(seconds))


def extra_info(harness: Harness, verification: Verification, trained: Trained) -> dict[str, Any]:
    """Return what else is known of a case and its trial."""
    case = verification.case
    described, epochs = harness.planned.backends[case.backend], trained.epochs
    judged = (device_idle([epochs], case.device), falling_loss(epochs))
    return {
        **dict(zip(("backend", "device", "variant"), harness.names(case), strict=True)),
        "fingerprint": case.workload,
        "inputs": trained.inputs,
        "accuracy": epochs[-1].accuracy,
        "loss": epochs[-1].loss,
        "verification": msgspec.to_builtins(verification.result),
        "flags": list(map(str, (*trained.flags, *filter(None, judged)))),
        "first_epoch_seconds": epochs[0].seconds,
        "versions": described.versions,
        "threads": harness.session.threads,
        "thread_pools": msgspec.to_builtins(described.thread_pools),
    }
