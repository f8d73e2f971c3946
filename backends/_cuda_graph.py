"""A training step that runs as a CUDA graph from its second call on."""

import gc
from collections.abc import Callable

import torch


class CapturedStep:
    """Calls a step eagerly once, which warms it up, then captures it; from then on it is replayed.

    The warm-up is a real step, so nothing has to be undone. Capturing records and computes
    nothing. See "CUDA Graphs" in the CUDA semantics notes of PyTorch.
    """

    def __init__(self, stream: torch.cuda.Stream) -> None:
        """Capture nothing yet; `stream` has to be the current one of every call."""
        self._stream = stream
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, step: Callable[[], None]) -> None:
        """Do a step, always the same: it uses fixed addresses and never waits for the device."""
        if self._graph is not None:
            self._graph.replay()
            return
        step()
        gc.collect()  # a graph of an earlier model that died during the capture would break it
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, stream=self._stream):
            step()
