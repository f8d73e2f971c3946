"""Results that the children of a run share as files: each is computed once, and others wait for it.

The parent names a folder in the environment and removes it when the run ends.
"""

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.results.jobs import REFERENCES

MOST_BYTES = 500_000_000  # of a result; one that is larger is computed by every child
PATIENCE_SECONDS = 300.0  # then a child computes what another one seems to be stuck with

Arrays = dict[str, npt.NDArray[Any]]


def kept(name: str, compute: Callable[[], Arrays]) -> Arrays:
    """Return what `compute` returns, from the file of that name if another child has done it."""
    folder = os.environ.get(REFERENCES, "")
    if not os.path.isdir(folder):
        return compute()
    path = Path(folder, f"{name}.npz")
    if not path.exists():
        with _alone(path.with_suffix(".lock")):
            if not path.exists():
                arrays = compute()
                _write(path, arrays)
                return arrays
    try:
        with np.load(path) as file:
            return dict(file)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):  # somebody has cut it
        return compute()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, which the system takes from a process that ends; do without if there is none."""
    with ExitStack() as held:
        with suppress(ImportError, OSError, NotImplementedError):  # Timeout is an OSError
            from filelock import FileLock  # an interpreter of a backend's own need not have it

            held.enter_context(FileLock(path).acquire(timeout=PATIENCE_SECONDS))
        yield


def _write(path: Path, arrays: Arrays) -> None:
    """Write a file that is there as a whole or not at all."""
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        return
    new = path.with_suffix(f".{os.getpid()}")
    try:
        with new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        new.replace(path)
    except OSError:  # no room: the others compute it, too
        with suppress(OSError):
            new.unlink()
