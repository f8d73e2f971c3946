"""The environment of a child: threads, precision, visible GPUs, the backend's own variables."""

import os
from pathlib import Path

import pytest

from bench import ROOT
from bench.run.environment import (
    NO_GPU,
    SHARED_MEMORY,
    THREAD_VARIABLES,
    dropped,
    environment,
)
from bench.workload import CPU, Device, mnist

CUDA_1 = Device("cuda", 1)
SHELL = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C.UTF-8",
    "LD_LIBRARY_PATH": "/opt/cuda/lib64",
    "PYTHONPATH": "/their/own",
    "GOMP_CPU_AFFINITY": "0",
    "OMP_PROC_BIND": "close",
    "OMP_NUM_THREADS": "64",
    "XLA_FLAGS": "--xla_cpu_use_thunk_runtime=false",
    "TORCHDYNAMO_DISABLE": "1",
    "MALLOC_ARENA_MAX": "1",
    "LD_PRELOAD": "/lib/slow.so",
    "CUDA_LAUNCH_BLOCKING": "1",
    "MY_PASSWORD": "secret",
}
SLOWING = {"GOMP_CPU_AFFINITY", "OMP_PROC_BIND", "OMP_NUM_THREADS", "XLA_FLAGS",
           "TORCHDYNAMO_DISABLE", "MALLOC_ARENA_MAX", "LD_PRELOAD",
           "CUDA_LAUNCH_BLOCKING"}  # fmt: skip


def test_a_child_inherits_what_a_process_needs_to_live_and_nothing_else() -> None:
    made = environment({}, None, 2, inherited=SHELL)
    assert {name for name in SHELL if made.get(name) == SHELL[name]} == {
        "PATH", "HOME", "LC_ALL", "LD_LIBRARY_PATH",
    }  # fmt: skip
    assert not {"MY_PASSWORD", *SLOWING - {"OMP_NUM_THREADS"}} & made.keys()
    assert made["PYTHONPATH"] == os.pathsep.join([str(ROOT), "/their/own"])
    assert {made[name] for name in THREAD_VARIABLES} == {"2"}


def test_no_library_may_round_products() -> None:
    strict = {"NVIDIA_TF32_OVERRIDE": "0", "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT"}
    assert strict.items() <= environment({}, None, 1).items()


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_other_precisions_than_float32_are_not_forbidden_to_libraries(precision: str) -> None:
    made = environment({}, None, 1, precision=precision)
    assert not {"NVIDIA_TF32_OVERRIDE", "ONEDNN_DEFAULT_FPMATH_MODE"} & made.keys()


def test_the_backends_own_variables_win_but_a_cpu_child_sees_no_gpu() -> None:
    own = {"KERAS_BACKEND": "jax", "OMP_NUM_THREADS": "1"}
    made = environment({**own, "CUDA_VISIBLE_DEVICES": "0"}, CPU, 4)
    assert {**own, **NO_GPU}.items() <= made.items()


def test_what_changes_the_speed_and_is_left_out_is_named_and_may_be_kept() -> None:
    assert set(dropped((), SHELL)) == SLOWING
    assert set(dropped(["XLA_FLAGS"], SHELL)) == SLOWING - {"XLA_FLAGS"}
    kept = {name: SHELL[name] for name in ("XLA_FLAGS", "OMP_NUM_THREADS")}
    assert kept.items() <= environment({}, None, 2, kept=kept, inherited=SHELL).items()


def test_a_relative_data_folder_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(mnist.VARIABLE, "images")
    assert environment({}, CPU, 1)[mnist.VARIABLE] == str(tmp_path.resolve() / "images")


@pytest.mark.parametrize(
    ("device", "shell", "seen"),
    [
        ("cuda:1", {}, {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "1"}),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "5,GPU-2f4a"},
         {"CUDA_VISIBLE_DEVICES": "GPU-2f4a", "HIP_VISIBLE_DEVICES": "GPU-2f4a"}),
        ("cuda:1", {"CUDA_VISIBLE_DEVICES": "7, 3,2"}, {"CUDA_VISIBLE_DEVICES": "3"}),
        ("cuda:1", {"HIP_VISIBLE_DEVICES": "6,7"},
         {"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "7"}),
        ("cuda", {"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "3"}),
        ("mps", {"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "3"}),
        ("xpu:2", {}, {"ZE_AFFINITY_MASK": "2"}),
        ("tpu:2", {"TPU_VISIBLE_CHIPS": "5,6,7"}, {"TPU_VISIBLE_CHIPS": "7"}),
    ],
)  # fmt: skip
def test_a_child_sees_one_gpu_counted_among_the_visible_ones_in_the_terms_of_its_maker(
    device: str, shell: dict[str, str], seen: dict[str, str]
) -> None:
    made = environment({}, Device.named(device), 1, inherited=shell)
    assert {name: made[name] for name in seen} == seen
    assert (made["CUDA_DEVICE_ORDER"], "JAX_PLATFORMS" in made) == ("PCI_BUS_ID", False)


def test_only_who_shares_an_accelerator_leaves_memory_to_others() -> None:
    assert SHARED_MEMORY.items() <= environment({}, CUDA_1, 1, shares_device=True).items()
    assert not SHARED_MEMORY.keys() & environment({}, CUDA_1, 1).keys()
