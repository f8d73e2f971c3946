"""The machine's facts in pytest-benchmark's files: those that stay, and nobody's name.

tests/conftest.py loads this, because pytest-benchmark asks for the facts of this machine before
any folder of tests is read: when it compares them with those of an earlier session. It warns
where they differ in anything, so what differs by itself is left out: frequencies, and the last
bytes of the memory, which are another number after every start of the system.
"""

from typing import Any

import msgspec
import pytest

from bench import machine
from tests.benchmarks.harness import numpy_of

GIGABYTE = 10**9
LASTING = ("id", "time", "dirty")  # of a commit; its branch may carry a name


@pytest.hookimpl(optionalhook=True)  # pytest-benchmark need not be there
def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Add what `bench run` records of a machine and its BLAS; take out the host's name."""
    machine_info.pop("node", None)
    cpu = machine_info.get("cpu") or {}
    machine_info["cpu"] = {name: value for name, value in cpu.items() if not name.startswith("hz_")}
    found = numpy_of(config)
    blas = msgspec.to_builtins(found.thread_pools) if found else None
    machine_info["bench"] = {**lasting_facts(), "blas": blas}


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_commit_info(commit_info: dict[str, Any]) -> None:
    """Leave of the commit what identifies it: git's messages, for one, hold paths."""
    kept = {name: commit_info.get(name) for name in LASTING}
    commit_info.clear()
    commit_info.update(kept, project="mlp-bench")


def lasting_facts() -> dict[str, Any]:
    """Return the facts of this machine that are the same in every session."""
    facts: dict[str, Any] = msgspec.to_builtins(machine.describe())
    facts.pop("frequency_range_mhz", None)
    if ram_bytes := facts.pop("ram_bytes", None):
        facts["ram_gigabytes"] = round(ram_bytes / GIGABYTE)
    return facts
