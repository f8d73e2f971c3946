"""The step that becomes a CUDA graph, with a torch whose graphs only say what happens to them."""

import gc
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bench.run.backends import SHIPPED


class Graphs:
    """A fake `torch.cuda` that notes what is done, and which graph dies during a capture."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.capturing = False
        device = self

        class CUDAGraph:
            def replay(self) -> None:
                device.done.append("replay")

            def __del__(self) -> None:
                device.done.append("breaks the capture" if device.capturing else "dies")

        self.CUDAGraph = CUDAGraph

    @contextmanager
    def graph(self, graph: object, stream: object) -> Iterator[None]:
        """Capture; the collector may run at any moment, so here it does."""
        self.capturing = True
        gc.collect()
        yield
        self.capturing = False


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Graphs:
    """Return what the steps of backends/_cuda_graph.py are captured by."""
    graphs = Graphs()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=graphs))
    return graphs


@pytest.fixture
def captured(graphs: Graphs, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Callable[..., None]]:
    """Return what makes a step that nobody has called yet."""
    graphs.Stream = object  # type: ignore[attr-defined]
    spec = importlib.util.spec_from_file_location("backends._fake", SHIPPED / "_cuda_graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda: module.CapturedStep(object())


def test_a_step_is_done_once_captured_once_and_then_replayed(
    graphs: Graphs, captured: Callable[[], Callable[..., None]]
) -> None:
    def work() -> None:
        graphs.done.append("recorded" if graphs.capturing else "computed")

    step = captured()
    for _ in range(3):
        step(work)
    assert graphs.done == ["computed", "recorded", "replay", "replay"]


def test_no_graph_of_an_earlier_model_dies_during_a_capture(
    graphs: Graphs, captured: Callable[[], Callable[..., None]]
) -> None:
    model: dict[str, Any] = {"step": captured()}
    model["itself"] = model  # so that only the collector ends it
    model["step"](lambda: None)
    del model
    captured()(lambda: None)
    assert graphs.done[0] == "dies" and "breaks the capture" not in graphs.done
