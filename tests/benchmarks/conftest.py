"""Which benchmarks there are: one for each backend × device × point asked for.

    pytest tests/benchmarks --benchmark-only [--backend NAME] [--device NAME] [--variant NAME]
        [--batch-size 8,128] [--width 64] …

The options are in tests/conftest.py, where pytest finds them whatever is on the command line.
"""

import pytest

from tests.benchmarks.harness import HARNESS, Harness, harness_of

HOW = "takes minutes; start it with: pytest tests/benchmarks --benchmark-only"


def pytest_collection(session: pytest.Session) -> None:
    """Plan before anything is collected: a refusal is then a message without a traceback."""
    if session.config.getoption("benchmark_only", False):
        harness_of(session.config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Plan the cases as `bench run` does; nothing is started without --benchmark-only."""
    if "case" not in metafunc.fixturenames:
        return
    if not metafunc.config.getoption("benchmark_only", False):
        metafunc.parametrize("case", [pytest.param(None, marks=pytest.mark.skip(reason=HOW))])
        return
    harness = harness_of(metafunc.config)
    cases = harness.planned.cases
    metafunc.parametrize("case", cases, ids=list(map(harness.id, cases)))


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say which backends are left out of `all`, and why."""
    harness = config.stash.get(HARNESS, None)
    skipped = harness.planned.skipped if harness else {}
    return [f"skipped {name}: {reason}" for name, reason in skipped.items()]


@pytest.fixture(scope="session")
def harness(pytestconfig: pytest.Config) -> Harness:
    """Return the children and cases of this session of pytest."""
    return harness_of(pytestconfig)


@pytest.fixture
def own_lock() -> None:
    """Leave everything as it is: benchmarks hold this machine's lock and take the user's images."""
