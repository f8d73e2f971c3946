"""The most memory that a process has used."""

import sys

import pytest

from bench.trial.memory import peak_memory_bytes, reset_peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets the peak")
def test_a_peak_is_forgotten_when_a_process_goes_on_with_something_else() -> None:
    large = bytearray(200_000_000)
    peak = peak_memory_bytes()
    del large
    reset_peak_memory()
    after = peak_memory_bytes()
    assert peak is not None and after is not None
    assert after < peak - 100_000_000
