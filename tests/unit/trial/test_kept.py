"""Results that children share: computed once, whole or not there, waited for but not forever."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from toys import until

from bench.results.jobs import REFERENCES
from bench.trial import kept as module
from bench.trial.kept import Arrays, kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the variable names."""
    monkeypatch.setenv(REFERENCES, str(tmp_path))
    return tmp_path


@pytest.fixture
def computed() -> list[int]:
    """The calls of `compute`."""
    return []


@pytest.fixture
def compute(computed: list[int]) -> Callable[[], Arrays]:
    """Return what computes arrays and notes it."""

    def compute() -> Arrays:
        computed.append(len(computed))
        return {"numbers": np.arange(3) + computed[-1]}

    return compute


def test_a_result_is_computed_once(
    folder: Path, compute: Callable[[], Arrays], computed: list[int]
) -> None:
    assert [kept("one", compute)["numbers"].tolist() for _ in range(2)] == [[0, 1, 2]] * 2
    assert kept("other", compute)["numbers"].tolist() == [1, 2, 3]
    assert computed == [0, 1]


def test_without_a_folder_everything_is_computed(
    monkeypatch: pytest.MonkeyPatch, compute: Callable[[], Arrays], computed: list[int]
) -> None:
    monkeypatch.delenv(REFERENCES, raising=False)
    kept("one", compute), kept("one", compute)
    assert computed == [0, 1]


def test_a_second_child_waits_for_the_first(folder: Path, compute: Callable[[], Arrays]) -> None:
    def slow() -> Arrays:
        waiting.start()
        waiting.join(0.2)  # long enough to compute it twice
        assert waiting.is_alive()
        return compute()

    found: list[Arrays] = []
    waiting = Thread(target=lambda: found.append(kept("one", compute)))
    assert kept("one", slow)["numbers"].tolist() == [0, 1, 2]
    waiting.join()
    assert found[0]["numbers"].tolist() == [0, 1, 2]


def _die_holding(name: str, begun: Path) -> None:
    def compute() -> Arrays:
        begun.touch()
        signal.pause()
        return {}

    kept(name, compute)


def test_a_child_that_dies_blocks_nobody(folder: Path, compute: Callable[[], Arrays]) -> None:
    begun = folder / "begun"
    child = multiprocessing.get_context("spawn").Process(target=_die_holding, args=("one", begun))
    child.start()
    until(begun.exists, "begun")
    child.kill()
    child.join()
    assert kept("one", compute)["numbers"].tolist() == [0, 1, 2]


def test_a_lock_that_is_never_released_is_not_waited_for_forever(
    folder: Path, compute: Callable[[], Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    inner: list[Arrays] = []

    def stuck() -> Arrays:
        thread = Thread(target=lambda: inner.append(kept("one", compute)))
        thread.start()
        thread.join()
        return compute()

    kept("one", stuck)
    assert inner[0]["numbers"].tolist() == [0, 1, 2]


def test_what_is_too_large_is_not_stored(
    folder: Path, compute: Callable[[], Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 10)
    kept("one", compute)
    assert not list(folder.glob("*.npz"))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no more"])
def test_a_damaged_file_is_no_obstacle(
    folder: Path, compute: Callable[[], Arrays], damage: bytes
) -> None:
    (folder / "one.npz").write_bytes(damage)
    assert kept("one", compute)["numbers"].tolist() == [0, 1, 2]


def test_a_folder_that_is_gone_is_no_obstacle(
    folder: Path, compute: Callable[[], Arrays], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REFERENCES, str(folder / "gone"))
    assert kept("one", compute)["numbers"].tolist() == [0, 1, 2]
    assert os.listdir(folder) == []


def test_an_error_is_the_callers(folder: Path) -> None:
    def fails() -> Arrays:
        raise OSError("no such images")

    with pytest.raises(OSError, match="no such images"):
        kept("one", fails)
