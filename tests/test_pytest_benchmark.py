"""Sessions of pytest-benchmark: which benchmarks there are, and that their times are the child's.

The backends here are toys whose clock is scripted, so that every time is known to the last bit.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench import discovery, idx, lock
from bench.workload import workload_for

pytest.importorskip("pytest_benchmark")

ROOT = Path(__file__).parent.parent
COMPARED = ("--benchmark-compare", "--benchmark-compare-fail=median:5%")
SIZES = {"train_samples": 1_100, "test_samples": 500}  # the default ones take a minute
COMPILING, STEADY = 4.0, [0.25, 0.5, 0.375, 0.25, 0.5, 0.375, 0.25, 0.5, 0.375]

# One thread does for toys: two that wait for each other are slow where others compute as well.
HEADER = """
# /// script
# [tool.bench]
# environment = { OPENBLAS_NUM_THREADS = "1", OMP_NUM_THREADS = "1" }
# ///
"""
# Honest, but that in a trial it turns the clock's hands.
TOY = f"""
import os

from backends.numpy import Model as Honest
from backends.numpy import devices, versions

FACTOR = float(os.environ.get("TOY_FACTOR", 1))
SECONDS = {[COMPILING, *STEADY]}


class Model(Honest):
    def __init__(self, workload, parameters, train, device):
        super().__init__(workload, parameters, train, device)
        self.in_trial = workload.train_samples > 1000

    def train(self, orders, epoch_done):
        if not self.in_trial:
            return super().train(orders, epoch_done)
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
    saved: dict[str, Any] | None


class Surroundings(NamedTuple):
    """A folder with toy backends, an empty storage and a lock of its own."""

    folder: Path

    def pytest(self, *options: str, **variables: str) -> Session:
        """Run a session on the benchmarks as a person does."""
        file = self.folder / "session.json"
        file.unlink(missing_ok=True)
        storage = f"--benchmark-storage=file://{self.folder / 'storage'}"
        fixed = [
            "tests/benchmarks",
            "-p",
            "no:cacheprovider",
            "-p",
            "small_sizes",
            storage,
            f"--benchmark-json={file}",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *fixed, *options],
            env={**self._environment(), **variables}, cwd=ROOT, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        saved = json.loads(file.read_text()) if file.exists() else None
        return Session(done.returncode, done.stdout + done.stderr, saved)

    def _environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items()
                if name != idx.VARIABLE and not name.startswith("PYTEST_")}  # fmt: skip
        own = {discovery.FOLDER_VARIABLE: "backends", lock.VARIABLE: "lock", "PYTHONPATH": "plugin"}
        return kept | {name: str(self.folder / folder) for name, folder in own.items()}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    """Make the folder."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for name in ("backends", "lock", "plugin"):
        (folder / name).mkdir()
    (folder / "plugin" / "small_sizes.py").write_text(
        f"from bench import workload\nworkload.CPU_SIZES.update({SIZES})\n"
    )
    (folder / "backends" / "toy.py").write_text(HEADER + TOY)
    (folder / "backends" / "liar.py").write_text(HEADER + LIAR)
    return Surroundings(folder)


@pytest.fixture(scope="module")
def first(surroundings: Surroundings) -> Session:
    """Run a first session, saved in the storage: one backend, two variants."""
    rows = ("--backend=toy", "--device=cpu", "--variant=relu,sigmoid")
    return surroundings.pytest("--benchmark-only", "--benchmark-autosave", *rows)


@pytest.fixture(scope="module")
def again(surroundings: Surroundings, first: Session) -> Session:
    """Run one row again and compare it with the first session."""
    has_pygal = importlib.util.find_spec("pygal") is not None
    drawn = [f"--benchmark-histogram={surroundings.folder / 'histogram' / 'of'}"] * has_pygal
    return surroundings.pytest("--benchmark-only", "--backend=toy", *COMPARED, *drawn)


def benchmarks(session: Session) -> list[dict[str, Any]]:
    """Return the benchmarks that a session saved."""
    assert session.saved is not None, session.output
    return list(session.saved["benchmarks"])


def test_there_is_a_benchmark_for_each_row_asked_for(first: Session, again: Session) -> None:
    """One backend with two variants makes two; the variant is `relu` unless told otherwise."""
    names = [one["name"] for one in benchmarks(first)]
    assert names == ["test_epochs[toy-cpu-sigmoid]", "test_epochs[toy-cpu-relu]"]
    assert [one["name"] for one in benchmarks(again)] == names[1:]


def test_variant_and_device_make_a_group(first: Session) -> None:
    """Only backends doing the same work on the same device stand in one table."""
    assert [one["group"] for one in benchmarks(first)] == ["sigmoid on cpu", "relu on cpu"]


def test_the_rounds_are_the_epochs_that_the_child_timed(first: Session) -> None:
    """Every epoch but the first, in its order, to the last bit."""
    stats = benchmarks(first)[0]["stats"]
    assert stats["data"] == STEADY
    assert (stats["rounds"], stats["iterations"], stats["median"]) == (len(STEADY), 1, 0.375)


def test_compiling_is_outside_the_rounds(first: Session) -> None:
    """The first epoch is told beside them."""
    assert benchmarks(first)[0]["extra_info"]["first_epoch_seconds"] == COMPILING


def test_extra_info_says_what_was_done_and_how_well(first: Session) -> None:
    """Row, workload, quality, proof and versions are in the file."""
    info = benchmarks(first)[0]["extra_info"]
    assert (info["backend"], info["device"], info["variant"]) == ("toy", "cpu", "sigmoid")
    assert info["fingerprint"] == workload_for("sigmoid", "cpu", **SIZES).fingerprint
    assert info["loss"] > 1 and 0.1 < info["accuracy"] < 0.5  # after ten short epochs
    assert info["proof"]["holds"] and info["proof"]["loss_deviation"] < 2e-6
    assert "numpy" in info["versions"] and info["inputs"] and info["threads"] > 0


def test_an_unproved_backend_fails_with_the_reason(surroundings: Surroundings) -> None:
    """A fast wrong answer is no benchmark, and that its rounds are missing is no warning."""
    session = surroundings.pytest("--benchmark-only", "--backend", "liar")
    assert session.status == 1 and session.saved is None
    assert "it computes another network (loss 1.0e-02 off" in session.output
    assert "1 failed in" in session.output


def test_machine_info_has_the_facts_that_stay(first: Session) -> None:
    """What `bench run` records is there with the BLAS; frequencies and loads are not."""
    assert first.saved is not None
    facts = first.saved["machine_info"]["bench"]
    assert facts["python"] and facts["architecture"] and "blas" in facts
    text = json.dumps(first.saved["machine_info"])
    assert not [name for name in ("frequency", "hz_", "load", "ram_bytes") if name in text]


def test_nobody_is_named(first: Session) -> None:
    """No host, no branch, no path: of the commit only what identifies it."""
    assert first.saved is not None
    assert "node" not in first.saved["machine_info"]
    assert set(first.saved["commit_info"]) == {"id", "time", "dirty", "project"}


def test_an_equal_session_compares_without_a_warning(again: Session) -> None:
    """On the same machine there is nothing to warn of, and nothing got slower."""
    assert again.status == 0, again.output
    assert "Comparing against benchmarks from" in again.output
    assert "warning" not in again.output.lower()
    assert "toy-cpu-relu] (NOW)" in again.output


def test_a_slower_session_fails_the_comparison(surroundings: Surroundings, first: Session) -> None:
    """Epochs of twice the seconds are a regression of the median."""
    asked = ("--benchmark-only", "--backend=toy", *COMPARED)
    slower = surroundings.pytest(*asked, TOY_FACTOR="2")
    assert slower.status == 1
    assert "Performance has regressed" in slower.output
    assert "100.000000000 > 5.000000000" in slower.output


def test_a_histogram_is_drawn_for_each_group(surroundings: Surroundings, again: Session) -> None:
    """With pygal, of pytest-benchmark[histogram]."""
    pytest.importorskip("pygal")
    names = [path.name for path in (surroundings.folder / "histogram").iterdir()]
    assert names == ["of-relu_on_cpu.svg"], again.output


def test_an_unknown_name_is_answered_as_on_the_command_line(surroundings: Surroundings) -> None:
    """The nearest name, all names, and exit status 2."""
    refused = surroundings.pytest("--benchmark-only", "--variant=reelu")
    assert refused.status == 2
    assert "there is no variant 'reelu': did you mean 'relu'? There are: sigmoid" in refused.output


def test_without_benchmark_only_nothing_is_measured(surroundings: Surroundings) -> None:
    """They are skipped, with the command that runs them, and no child is started."""
    plain = surroundings.pytest()
    assert plain.status == 0 and "1 skipped" in plain.output
    assert "pytest tests/benchmarks --benchmark-only" in plain.output
