"""The environment of a child: threads, visible GPUs, the backend's own variables."""

import os
from pathlib import Path

import pytest

from bench import idx
from bench.surroundings import NO_GPU, ROOT, THREAD_VARIABLES, device_in_child, environment


@pytest.fixture(autouse=True)
def no_gpu_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no choice of this machine's person into the tests."""
    for name in (*NO_GPU, *THREAD_VARIABLES, "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)


def test_every_library_gets_the_number_of_threads() -> None:
    """OpenMP, OpenBLAS, MKL and the others are told the same."""
    variables = environment({}, "cpu", 3)
    assert {variables[name] for name in THREAD_VARIABLES} == {"3"}


def test_threads_of_this_shell_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """--threads wins over what the environment says."""
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert environment({}, None, 2)["OMP_NUM_THREADS"] == "2"


def test_no_library_may_round_products() -> None:
    """TF32 and bfloat16 are off below every framework, unless a backend's header says otherwise."""
    variables = environment({}, None, 1)
    assert variables["NVIDIA_TF32_OVERRIDE"] == "0"
    assert variables["ONEDNN_DEFAULT_FPMATH_MODE"] == "STRICT"


def test_a_cpu_child_sees_no_gpu() -> None:
    """GPUs are hidden even from a backend that asks for them in its header."""
    variables = environment({"CUDA_VISIBLE_DEVICES": "0"}, "cpu", 1)
    assert {name: variables[name] for name in NO_GPU} == NO_GPU


def test_a_gpu_child_sees_one_gpu_only() -> None:
    """It is the only one, and so the first, in the child."""
    assert environment({}, "cuda:1", 1)["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment({}, "cuda:1", 1)["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert device_in_child("cuda:1") == "cuda:0"


def test_gpus_are_counted_among_the_visible_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a shared machine the second GPU is the second that we were given."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-2f4a")
    assert environment({}, "cuda:0", 1)["CUDA_VISIBLE_DEVICES"] == "5"
    assert environment({}, "cuda:1", 1)["CUDA_VISIBLE_DEVICES"] == "GPU-2f4a"


@pytest.mark.parametrize("device", [None, "mps", "xpu:0"])
def test_other_children_see_what_there_is(
    device: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is asked for its devices, or computes elsewhere, sees what we see."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert environment({}, device, 1)["CUDA_VISIBLE_DEVICES"] == "3"
    assert "JAX_PLATFORMS" not in environment({}, device, 1)


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu:1"])
def test_a_device_that_is_not_hidden_keeps_its_name(device: str) -> None:
    """Only the numbers of CUDA's GPUs change with what is visible."""
    assert device_in_child(device) == device


def test_the_backends_own_variables_win() -> None:
    """What its header sets is there, whatever this shell says."""
    variables = environment({"KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}, "cpu", 4)
    assert (variables["KERAS_BACKEND"], variables["OMP_NUM_THREADS"]) == ("jax", "1")


def test_the_harness_is_found_from_any_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project stands first on the path, what the person put there stays."""
    monkeypatch.setenv("PYTHONPATH", "/their/own")
    assert environment({}, None, 1)["PYTHONPATH"] == os.pathsep.join([str(ROOT), "/their/own"])


def test_a_relative_data_folder_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child works in another folder than the person."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(idx.VARIABLE, "images")
    assert environment({}, "cpu", 1)[idx.VARIABLE] == str(tmp_path.resolve() / "images")
