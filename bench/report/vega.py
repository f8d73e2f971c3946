"""Vega-Lite to SVG by vl-convert, offline and the same every time.

A drawing takes 60 ms and the library 120 MB, so many are drawn by two processes, which import
nothing but this, and a report in which nothing has changed draws nothing.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

PROCESSES = 2
MANY = 24  # charts that are worth starting processes for, which takes a second


def drawn(spec: dict[str, Any]) -> str:
    """Return a Vega-Lite chart as SVG."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(spec))


def all_drawn(specs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Return each chart as SVG, in their order; many are begun before they are asked for."""
    if len(specs) < MANY:
        return map(drawn, specs)
    pool = ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"))
    drawings = pool.map(drawn, specs, chunksize=4)
    pool.shutdown(wait=False)  # it ends when all is drawn
    return drawings
