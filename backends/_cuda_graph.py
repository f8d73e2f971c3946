"""A training step that runs as a CUDA graph from its second call on."""

from collections.abc import Callable

import torch


class CapturedStep:
    """Calls a step eagerly once, to warm up, then captures it, then only replays it.

    The warm-up is a real step, so nothing has to be undone. Capturing records and computes
    nothing. See "CUDA Graphs" in the CUDA semantics notes of PyTorch.
    """

    def __init__(self, step: Callable[[], None], stream: torch.cuda.Stream) -> None:
        """Take a step that reads and writes fixed addresses and never waits for the device."""
        self._step = step
        self._stream = stream
        self._warm = False
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do one step on the stream, which must be the current one."""
        if not self._warm:
            self._warm = True
            self._step()
            return
        if self._graph is None:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=self._stream):
                self._step()
        self._graph.replay()
