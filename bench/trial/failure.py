"""How the work of a child fails, and what is recorded of it. Imports no NumPy."""

import traceback
from contextlib import suppress
from typing import Literal

from bench.results.jobs import LINE
from bench.results.records import Failed

NO_EXECUTION = "the temporary folder forbids execution; name another one in TMPDIR: "


class BrokenContract(Exception):
    """A backend did not do what bench.workload.contract asks of it."""


class NotFinite(Exception):
    """A loss or a parameter is infinite or not a number."""


class NoLibrary(Exception):
    """None of the libraries that could measure the GEMM bound of a device is installed."""


def failed_by(error: BaseException) -> Failed:
    """Print the traceback of an error, whatever it is, and return the record of the failure."""
    with suppress(Exception):  # the backend may have closed stderr, or the message may raise
        traceback.print_exception(error)
    kind: Literal["broken contract", "not finite", "no library", "raised"] = "raised"
    if isinstance(error, BrokenContract):
        kind = "broken contract"
    elif isinstance(error, NotFinite):
        kind = "not finite"
    elif isinstance(error, NoLibrary):
        kind = "no library"
    name = f"{type(error).__name__}: " if kind == "raised" else ""
    hint = ""
    with suppress(Exception):
        hint = NO_EXECUTION if "failed to map segment" in str(error) else ""
    return Failed(kind=kind, reason=hint + name + _first_line(error))


def _first_line(error: BaseException) -> str:
    """Return the first line of a message, which may be endless, empty, or raise an error."""
    try:
        lines = str(error).strip().splitlines() or ["without a message"]
    except Exception:
        lines = ["with a message that cannot be read"]
    return lines[0][:LINE].encode(errors="replace").decode()
