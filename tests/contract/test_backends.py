"""Every backend keeps the contract on every device here, in a process each (contract_checks).

That is on the CPU, or with --accelerators on all others.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from contract.contract_checks import PROMISES

from bench.run.backends import Backend, discover
from bench.run.environment import environment
from bench.workload import CPU, Device

AT_ONCE = 2  # processes: most of the time goes into importing and compiling
TIMEOUT = 600  # seconds: tinygrad compiles some 200 kernels for OpenCL
TESTS = Path(__file__).parent

Outcomes = dict[str, dict[str, str | None]]  # device -> promise -> None or what is wrong


def asked_for(config: pytest.Config) -> list[str]:
    """Return the backends named with --backend; [] if none is."""
    names = [name for value in config.getoption("backend") for name in value.split(",")]
    return [] if "all" in names else names


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of every promise for every backend; a name that no backend has fails."""
    if "backend" in metafunc.fixturenames:
        names = asked_for(metafunc.config) or [
            name for name, backend in discover().items() if backend.is_default
        ]
        metafunc.parametrize("backend", names, scope="module")


def run_checks(backend: Backend, folder: Path, accelerators: bool) -> Outcomes:
    """Run all checks of a backend on the CPU, or on every accelerator that it sees here."""
    asked = [CPU]
    if accelerators:
        devices = map(Device.named, child(backend, folder, None))
        asked = [device for device in devices if not device.is_cpu]
    found = {str(device): child(backend, folder, device) for device in asked}
    return {device: of_one for device, of_one in found.items() if of_one}


def child(backend: Backend, folder: Path, device: Device | None) -> Any:
    """Return what a child found on a device, {} if it sees no such; None: which there are.

    Raises RuntimeError with its last words if it dies.
    """
    result = folder / f"{backend.name}-{device}.json"
    command = [sys.executable, "contract_checks.py", backend.name, str(backend.path), str(result)]
    process = subprocess.run(
        [*command, *([str(device.in_child)] if device else [])],
        cwd=TESTS,
        env=environment(backend.environment, device, threads=1),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if not result.exists():
        raise RuntimeError(f"exit status {process.returncode}: {process.stderr[-2_000:]}")
    return json.loads(result.read_text())


@pytest.fixture(scope="module")
def checks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Outcomes]]]:
    """The checks of all installed backends, under way: two at once."""
    folder = tmp_path_factory.mktemp("contract")
    wanted = {item.callspec.params["backend"] for item in request.session.items
              if item.module is request.module}  # fmt: skip
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: pool.submit(run_checks, backend, folder, request.config.getoption("accelerators"))
            for name, backend in discover().items()
            if name in wanted and not backend.problem
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def outcomes(
    backend: str, checks: dict[str, Future[Outcomes]], request: pytest.FixtureRequest
) -> Outcomes:
    """What the checks of a backend found; one that is not installed is skipped with its reason."""
    refuse: Callable[[str], None] = pytest.fail if asked_for(request.config) else pytest.skip
    if backend not in discover():
        refuse(f"there is no backend {backend!r}; there are: {', '.join(discover())}")
    if backend not in checks:
        refuse(f"{backend}: {discover()[backend].problem}")
    found = checks[backend].result()
    if not found:
        purpose = discover()[backend].purpose  # it says what a backend needs to see one
        refuse(f"{backend}: it sees no such device here ({purpose})")
    return found


@pytest.mark.parametrize("promise", PROMISES)
def test_a_backend_keeps_its_promise(promise: str, outcomes: Outcomes) -> None:
    broken = {device: found[promise] for device, found in outcomes.items() if found[promise]}
    assert not broken, broken
