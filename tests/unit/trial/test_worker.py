"""The child's side: what a backend does becomes a result, whatever it is."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from toys import HONEST, write_toy

from bench.results.jobs import INFERENCE_TURNS, Job
from bench.results.records import Described, Trained
from bench.trial.failure import BrokenContract
from bench.trial.worker import describe, load_backend, perform
from bench.workload import CPU, Device, workload_for


@pytest.fixture(autouse=True)
def forget_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no toy among the modules, and no folder of one in the package."""
    import backends

    monkeypatch.setattr(backends, "__path__", [*backends.__path__])
    for name in [name for name in sys.modules if name.startswith("backends.")]:
        monkeypatch.setitem(sys.modules, name, sys.modules[name])
    before = set(sys.modules)
    yield
    for name in [name for name in set(sys.modules) - before if name.startswith("backends.")]:
        del sys.modules[name]


def job(source: str, folder: Path, task: Any = "describe") -> Job:
    """Return a job of a backend with this source, on a few samples."""
    path = str(write_toy(folder, "toy", source))
    workload = workload_for("relu", CPU, epochs=2, train_samples=256, test_samples=50)
    return Job(task, "toy", path, workloads=(workload,))


def test_a_backend_without_a_model_cannot_train(tmp_path: Path) -> None:
    with pytest.raises(AttributeError, match="'Model'"):
        list(perform(job("def devices(): ...", tmp_path, "train")))


def test_training_waits_for_its_turn_before_every_epoch_and_for_inference(tmp_path: Path) -> None:
    turns: list[int] = []
    (trained,) = perform(job(HONEST, tmp_path, "train"), 0.5, lambda: turns.append(len(turns)))
    assert isinstance(trained, Trained)
    assert (len(trained.epochs), trained.start_seconds) == (2, 0.5)
    assert len(turns) == 2 + INFERENCE_TURNS


def test_a_clock_that_was_set_back_makes_no_negative_time(tmp_path: Path) -> None:
    (trained,) = perform(job(HONEST, tmp_path, "train"), -3.0)
    assert isinstance(trained, Trained) and trained.start_seconds == 0


@pytest.mark.parametrize("seen", [[], ["cuda:0"], ["cpu:0", "cpu:1"]])
def test_a_child_that_sees_other_devices_than_its_own_is_refused(
    seen: list[str], tmp_path: Path
) -> None:
    source = f"{HONEST}\ndef devices(): return {seen}"
    with pytest.raises(BrokenContract, match="expected cpu alone: another variable"):
        list(perform(job(source, tmp_path, "verify")))


def test_shared_code_lies_beside_the_backend_or_with_the_shipped_ones(tmp_path: Path) -> None:
    """A backend from another folder finds both with a relative import."""
    write_toy(tmp_path, "_own", "NAME = 'own'\n")
    source = "from ._own import NAME\nfrom ._mlp import Network\n"
    module = load_backend("toy", write_toy(tmp_path, "toy", source))
    assert (module.NAME, module.Network.__module__) == ("own", "backends._mlp")


def test_a_framework_beside_it_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a backend hides is as if not installed, however it is looked for."""
    write_toy(tmp_path, "neighbour", "")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "neighbour", None)  # taken away afterwards
    del sys.modules["neighbour"]
    source = """
from importlib.util import find_spec
FOUND = find_spec("neighbour")
try:
    import neighbour
except ImportError as error:
    REASON = str(error)
"""
    module = load_backend("toy", write_toy(tmp_path, "toy", source), ["neighbour"])
    assert module.FOUND is None
    assert "neighbour" in module.REASON


def test_versions_are_told_as_text() -> None:
    """A framework's own version type becomes text; what it does not know stays None."""
    module = ModuleType("toy")
    module.devices = lambda: ["cpu"]  # type: ignore[attr-defined]
    module.versions = lambda: {"toy": (1, 2), "cuda": None}  # type: ignore[attr-defined]
    described = describe(module)
    assert described.versions == {"toy": "(1, 2)", "cuda": None}


@pytest.mark.parametrize("names", [(), ("cpu",), ["cpu", "cuda:0", "cuda:11"]])
def test_devices_are_records(names: Sequence[str]) -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: names, dict  # type: ignore[attr-defined]
    assert describe(module).devices == tuple(map(Device.named, names))


@pytest.mark.parametrize(
    "found", [None, 3, "cpu", [0], [""], ["cuda:x"], ["cpu\n"], ["../cpu"], ["cuda:0:1"]]
)
def test_devices_that_make_no_rows_are_refused(found: object) -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: found, dict  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="expected a list of names like 'cuda:0'"):
        describe(module)


def test_a_device_that_is_named_twice_is_refused() -> None:
    module = ModuleType("toy")
    module.devices, module.versions = lambda: ["cpu", "cpu"], dict  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="expected every name once"):
        describe(module)


def test_thread_pools_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter of a backend's own need not have threadpoolctl."""
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    module = ModuleType("toy")
    module.devices = list  # type: ignore[attr-defined]
    module.versions = dict  # type: ignore[attr-defined]
    assert describe(module) == Described((), {}, sys.version.split()[0])
