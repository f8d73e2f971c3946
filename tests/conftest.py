"""What all tests share: a lock folder of their own, the shipped images, one thread.

Tests that start runs neither wait for a run on this machine nor refuse one.
"""

from pathlib import Path

import numpy  # noqa: F401  # its BLAS is to be there when its threads are limited
import pytest
import threadpoolctl
from hypothesis import HealthCheck, settings

from bench.run import lock
from bench.workload import Device, mnist
from bench.workload.axes import FIELDS, THREADS, THREADS_FIELD

settings.register_profile(
    "bench",
    max_examples=60,
    deadline=None,  # no test depends on how fast the machine is
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("bench")

# Of several processes of tests: threads of a BLAS wait for each other busily, for minutes if the
# cores are taken. Children set their own.
threadpoolctl.threadpool_limits(1)

pytest_plugins = ["tests.benchmarks.machine_info"]  # before any folder of tests is read


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what narrows down tests of backends and benchmarks, as for `python -m bench run`."""
    group = parser.getgroup("bench")
    for name, default in (("backend", "all"), ("device", "all"), ("variant", "relu")):
        group.addoption(
            f"--{name}", action="append", default=[], metavar="NAME[,NAME…]",
            help=f"{name}s to take, or all; of the benchmarks by default: {default}",
        )  # fmt: skip
    group.addoption(
        "--accelerators", action="store_true",
        help="Test on the accelerators at hand what is else tested on the CPU: it takes minutes.",
    )  # fmt: skip
    for name, field in {**FIELDS, THREADS: THREADS_FIELD}.items():
        flag = f"--{name.replace('_', '-')}"
        group.addoption(flag, action="append", default=[], metavar="VALUE[,…]", help=field.help)


@pytest.fixture(scope="session")
def opencl(pytestconfig: pytest.Config) -> Device:
    """Return the first OpenCL device; where there is none, or no tinygrad, skip."""
    if not pytestconfig.getoption("accelerators"):
        pytest.skip("accelerators are tested with --accelerators")
    pytest.importorskip("tinygrad", reason="tinygrad is not installed, which opens OpenCL devices")
    from backends._tinygrad_devices import devices

    if not {"cpu", "opencl:0"} <= set(devices()):
        packages = "pocl-opencl-icd, ocl-icd-libopencl1 and clang"
        pytest.skip(f"tinygrad opens no OpenCL device here, or not the CPU: install {packages}")
    return Device("opencl", 0)


@pytest.fixture(autouse=True)
def own_lock(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a lock folder of its own and the shipped images; return the folder."""
    folder = tmp_path_factory.mktemp("lock")
    monkeypatch.setenv(lock.VARIABLE, str(folder))
    monkeypatch.delenv(mnist.VARIABLE, raising=False)
    return folder
