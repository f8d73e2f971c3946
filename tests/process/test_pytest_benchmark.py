"""Sessions of pytest-benchmark: which benchmarks there are, and that their times are the child's.

The backends here are toys whose clock is scripted, so that every time is known to the last bit.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench import ROOT
from bench.run import backends, lock
from bench.workload import CPU, workload_for

pytest.importorskip("pytest_benchmark")

COMPARED = ("--benchmark-compare", "--benchmark-compare-fail=median:5%")
SIZES = {"train_samples": 500, "test_samples": 100}  # the default ones take a minute
COMPILING, STEADY = 4.0, [0.25, 0.5, 0.375, 0.25, 0.5, 0.375, 0.25, 0.5, 0.375]

# One thread does for toys: two that wait for each other are slow where others compute as well.
HEADER = """
# /// script
# [tool.bench]
# environment = { OPENBLAS_NUM_THREADS = "1", OMP_NUM_THREADS = "1" }
# ///
"""
# Honest, but that it turns the clock's hands.
TOY = f"""
import os

from backends.numpy import Model as Honest
from backends.numpy import devices, versions

FACTOR = float(os.environ.get("MLP_BENCH_TOY_FACTOR", 1))
SECONDS = {[COMPILING, *STEADY]}


class Model(Honest):
    def train(self, orders, epoch_done):
        now = 0.0
        orders._clock = lambda: now
        for number, order in enumerate(orders):
            losses = []
            super().train([order], losses.append)
            now += SECONDS[number] * FACTOR
            epoch_done(losses[-1])
"""
LIAR = """
from backends.numpy import Model as Honest
from backends.numpy import devices, versions


class Model(Honest):
    def train(self, orders, epoch_done):
        super().train(orders, lambda loss: epoch_done(1.01 * loss))
"""


class Session(NamedTuple):
    """How a session of pytest ended."""

    status: int
    output: str
    saved: dict[str, Any]

    @property
    def benchmarks(self) -> list[dict[str, Any]]:
        """The benchmarks that it saved."""
        assert self.saved, self.output
        return list(self.saved["benchmarks"])


class Folder(NamedTuple):
    """A folder with toy backends, an empty storage and a lock of its own."""

    path: Path

    def pytest(self, *options: str, **variables: str) -> Session:
        """Run a session on the benchmarks as a person does."""
        file = self.path / "session.json"
        file.unlink(missing_ok=True)
        fixed = [
            "tests/benchmarks", "-p", "no:cacheprovider", "-p", "_sizes",
            f"--benchmark-storage=file://{self.path / 'storage'}", f"--benchmark-json={file}",
        ]  # fmt: skip
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        own = dict.fromkeys((backends.FOLDER_VARIABLE, lock.VARIABLE, "PYTHONPATH"), str(self.path))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *fixed, *options], cwd=ROOT, text=True,
            env={**kept, **own, **variables}, capture_output=True, check=False,
        )  # fmt: skip
        saved = json.loads(file.read_text()) if file.exists() else {}
        return Session(done.returncode, done.stdout + done.stderr, saved)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Make the folder."""
    path = tmp_path_factory.mktemp("benchmarks")
    plugin = f"from bench.workload.device import CPU_SIZES\nCPU_SIZES.update({SIZES})\n"
    for name, source in (("_sizes", plugin), ("toy", HEADER + TOY), ("liar", HEADER + LIAR)):
        (path / f"{name}.py").write_text(source)
    return Folder(path)


@pytest.fixture(scope="module")
def first(folder: Folder) -> Session:
    """Run a first session, saved in the storage: one backend, two variants."""
    cases = ("--backend=toy", "--device=cpu", "--variant=relu,sigmoid")
    return folder.pytest("--benchmark-only", "--benchmark-autosave", *cases)


@pytest.fixture(scope="module")
def again(folder: Folder, first: Session) -> Session:
    """Run one of its cases again and compare it with the first session."""
    return folder.pytest("--benchmark-only", "--backend=toy", *COMPARED)


def test_there_is_a_benchmark_for_each_case_grouped_by_its_work(
    first: Session, again: Session
) -> None:
    assert [(one["name"], one["group"]) for one in first.benchmarks] == [
        ("test_epochs[toy-cpu-sigmoid]", "sigmoid on cpu"),
        ("test_epochs[toy-cpu-relu]", "relu on cpu"),
    ]
    assert [one["group"] for one in again.benchmarks] == ["relu on cpu"], "unless told otherwise"


def test_axes_are_in_the_names(folder: Folder) -> None:
    axes = ("--batch-size=64,500", "--width=16")
    session = folder.pytest("--benchmark-only", "--backend=toy", "--device=cpu", *axes)
    assert [(one["name"], one["group"]) for one in session.benchmarks] == [
        (
            "test_epochs[toy-cpu-relu-batch_size=64-width=16]",
            "relu, width 16, batch size 64 on cpu",
        ),
        (
            "test_epochs[toy-cpu-relu-batch_size=500-width=16]",
            "relu, width 16, batch size 500 on cpu",
        ),
    ]
    assert folder.pytest("--benchmark-only", "--backend=toy", "--width=0").status == 2


def test_the_rounds_are_the_epochs_that_the_child_timed_but_the_first(first: Session) -> None:
    stats = first.benchmarks[0]["stats"]
    assert (stats["data"], stats["iterations"], stats["median"]) == (STEADY, 1, 0.375)
    assert first.benchmarks[0]["extra_info"]["first_epoch_seconds"] == COMPILING


def test_extra_info_says_what_was_done_and_how_well(first: Session) -> None:
    info = first.benchmarks[0]["extra_info"]
    assert (info["backend"], info["device"], info["variant"]) == ("toy", "cpu", "sigmoid")
    assert info["fingerprint"] == workload_for("sigmoid", CPU, **SIZES).fingerprint
    assert info["loss"] > 1 and 0 < info["accuracy"] < 0.5  # after ten short epochs
    assert info["verification"]["loss_deviation"] < 2e-6 and "flags" not in info["verification"]
    assert "numpy" in info["versions"] and info["inputs"] and info["threads"] > 0
    assert info["flags"] == []


def test_a_backend_that_is_not_verified_fails_with_the_reason(folder: Folder) -> None:
    session = folder.pytest("--benchmark-only", "--backend", "liar")
    assert (session.status, session.saved) == (1, {})
    assert "loss: 1.0e-02 off after eight steps" in session.output
    assert "1 failed in" in session.output, "that its rounds are missing is no warning"


def test_machine_info_has_the_facts_that_stay_and_names_nobody(first: Session) -> None:
    machine = first.saved["machine_info"]
    facts = machine["bench"]
    assert facts["python"] and facts["architecture"] and "blas" in facts
    text = json.dumps(machine)
    assert not [name for name in ("frequency", "hz_", "load", "ram_bytes") if name in text]
    assert "node" not in machine
    assert set(first.saved["commit_info"]) == {"id", "time", "dirty", "project"}


def test_an_equal_session_compares_without_a_warning(again: Session) -> None:
    assert again.status == 0, again.output
    assert "Comparing against benchmarks from" in again.output
    assert "warning" not in again.output.lower()
    assert "toy-cpu-relu] (NOW)" in again.output


def test_a_slower_session_fails_the_comparison(folder: Folder, first: Session) -> None:
    slower = folder.pytest("--benchmark-only", "--backend=toy", *COMPARED, MLP_BENCH_TOY_FACTOR="2")
    assert slower.status == 1
    assert "Performance has regressed" in slower.output
    assert "100.000000000 > 5.000000000" in slower.output


def test_an_unknown_name_is_answered_as_on_the_command_line(folder: Folder) -> None:
    refused = folder.pytest("--benchmark-only", "--variant=reelu")
    assert refused.status == 2
    assert "there is no variant 'reelu'. Did you mean 'relu'? There are: sigmoid" in refused.output
    assert "Traceback" not in refused.output and "conftest.py" not in refused.output


def test_without_benchmark_only_nothing_is_measured(folder: Folder) -> None:
    plain = folder.pytest()
    assert plain.status == 0 and "1 skipped" in plain.output
    assert "pytest tests/benchmarks --benchmark-only" in plain.output
