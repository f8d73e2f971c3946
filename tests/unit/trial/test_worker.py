"""The child's side: what a backend does becomes a result, whatever it is."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toys import HONEST, write_toy

from bench.results.jobs import INFERENCE_TURNS, Job
from bench.results.records import Trained, Verified
from bench.trial.failure import BrokenContract
from bench.trial.worker import load_backend, perform
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


@pytest.mark.parametrize(("name", "joules"), [("A100 MIG 1g.10gb", None), ("A100", 7.0)])
def test_a_slice_is_not_charged_what_its_whole_gpu_used(
    name: str, joules: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter(range(0, 7_000, 7))
    monkeypatch.setattr("bench.trial.training.counter", lambda device: counts.__next__)
    source = f"""{HONEST}
from bench.workload.contract import DeviceFacts
def device_facts(device): return DeviceFacts("{name}")
"""
    asked = msgspec.structs.replace(job(source, tmp_path, "train"), device=Device("cuda", 0))
    (trained,) = perform(asked)
    assert isinstance(trained, Trained)
    assert {epoch.joules for epoch in trained.epochs} == {joules}


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


@pytest.mark.parametrize(("device", "is_right"), [("opencl:1", True), ("cuda:1", False)])
def test_where_others_cannot_be_hidden_a_child_names_its_own(
    device: str, is_right: bool, tmp_path: Path
) -> None:
    source = f"{HONEST}\ndef devices(): return ['cpu', 'opencl:0', 'opencl:1', 'cuda:0', 'cuda:1']"
    asked = job(source, tmp_path, "verify")
    small = msgspec.structs.replace(asked.workloads[0], hidden=(8,))
    asked = msgspec.structs.replace(asked, device=Device.named(device), workloads=(small,))
    if is_right:
        (verified,) = perform(asked)
        assert isinstance(verified, Verified)
    else:
        with pytest.raises(BrokenContract, match="sees cuda:0, cuda:1; expected cuda:1 alone"):
            list(perform(asked))


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
