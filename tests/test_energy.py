"""Energy: only from counters, absent where there is none or where one began anew."""

from pathlib import Path

import pytest

from bench import energy, nvidia, sources


def package(root: Path, number: int, name: str, microjoules: int) -> Path:
    folder = root / f"sys/class/powercap/intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder


def test_packages_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's energy is that of all packages, without what is part of a package."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    package(tmp_path, 0, "package-0", 2_000_000)
    package(tmp_path, 1, "package-1", 3_000_000)
    package(tmp_path, 2, "psys", 9_000_000)
    assert energy.counter("cpu")() == pytest.approx(5)


def test_without_a_counter_nothing_is_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no counter can be read the energy is absent."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    assert energy.counter("cpu")() is None
    assert energy.counter("mps")() is None


def test_an_nvidia_gpu_counts_millijoules(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML's millijoules become joules."""
    monkeypatch.setattr(nvidia, "device_handle", lambda device: object())
    monkeypatch.setattr(nvidia, "energy_millijoules", lambda handle: 2_500)
    assert energy.counter("cuda:0")() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(1.0, 3.5, 2.5), (None, 3.5, None), (1.0, None, None), (5.0, 1.0, None)],
)
def test_a_counter_that_began_anew_counts_nothing(
    before: float | None, after: float | None, expected: float | None
) -> None:
    """The energy spent is the difference, absent if a reading is or the counter wrapped."""
    assert energy.spent(before, after) == expected
