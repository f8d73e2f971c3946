"""The memory of this process."""

from bench.trial.memory import peak_memory_bytes


def test_peak_memory_is_that_of_this_process() -> None:
    peak = peak_memory_bytes()
    assert peak is None or peak > 10_000_000  # NumPy is loaded
