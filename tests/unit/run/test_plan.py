"""From what a person asked for to the cases of a run, checked against what there is."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import FakeExecutor
from made import make_described, make_failed

from bench.results.records import MOST_CASES
from bench.run import choices, plan
from bench.run.backends import Backend
from bench.run.choices import Refused
from bench.run.environment import STRICT_FLOAT32
from bench.run.plan import Plan, Request
from bench.workload import VARIANTS, Axis

HERE = Path("toy.py")
BACKENDS = {
    "elsewhere": Backend("elsewhere", HERE, only_on=("nowhere",), purpose="for another system"),
    "jax": Backend("jax", HERE, missing=("jax",), dependencies=("jax==1",)),
    "lonely": Backend("lonely", HERE, purpose="toys; needs a toy box"),
    "numpy": Backend("numpy", HERE),
    "plain": Backend("plain", HERE),
    "ruin": Backend("ruin", HERE, broken="SyntaxError: no"),
    "torch": Backend(
        "torch", HERE, environment={"TOY_LEVEL": "3"}, precisions={"tf32": {}, "bfloat16": {}}
    ),
    "wreck": Backend("wreck", HERE),
}
ANSWERS = {
    **dict.fromkeys(BACKENDS, make_described(["cpu"])),
    "torch": make_described(["cpu", "cuda:0", "cuda:1"]),
    "lonely": make_described([]),
    "plain": make_failed("raised", "ValueError: no", "Traceback", "ValueError: no"),
    "wreck": make_failed("raised", "ImportError: libtoy.so", "Traceback", "libtoy.so is not there"),
}


def planned(
    backend: str = "all",
    device: str = "all",
    variant: str = "relu",
    own: str = "",
    axes: Sequence[Axis] = (),
    multiplies_bfloat16: bool | None = None,
    **changes: Any,
) -> Plan:
    """Return the plan for what a person asks for; `own` has an interpreter of its own."""
    executor = FakeExecutor(described=ANSWERS)
    executor.backends, executor.pythons = BACKENDS, {own: "/bin/python"}
    asked = (names.split(",") for names in (backend, device, variant))
    return plan.plan(executor, Request(*asked, changes, axes, multiplies_bfloat16))


def refusal(*asked: str) -> str:
    with pytest.raises(Refused) as caught:
        planned(*asked)
    return str(caught.value)


def test_every_backend_on_every_device_does_every_variant() -> None:
    made = planned("torch,numpy,torch", "cpu,cuda:0", "relu,sigmoid")
    assert [
        (one.backend, str(one.device), made.workloads[one.workload].variant) for one in made.cases
    ] == [
        ("numpy", "cpu", "sigmoid"), ("torch", "cpu", "sigmoid"), ("torch", "cuda:0", "sigmoid"),
        ("numpy", "cpu", "relu"), ("torch", "cpu", "relu"), ("torch", "cuda:0", "relu"),
    ]  # fmt: skip
    assert all(work.fingerprint == name for name, work in made.workloads.items())
    assert made.environments == {
        "numpy": STRICT_FLOAT32, "torch": {**STRICT_FLOAT32, "TOY_LEVEL": "3"},
    }  # fmt: skip


def test_accelerators_get_the_large_workload_unless_told_otherwise() -> None:
    small, large = planned("torch", "cpu,cuda:0").workloads.values()
    assert (small.train_samples, large.train_samples) == (6_000, 60_000)
    sizes = {"epochs": 2, "train_samples": 100, "test_samples": 50}
    (workload,) = planned("torch", "cpu,cuda:0", **sizes).workloads.values()
    assert (workload.epochs, workload.train_samples, workload.test_samples) == (2, 100, 50)


def test_every_point_is_a_workload_and_threads_are_of_the_case() -> None:
    axes = (Axis("batch_size", (8, 32)), Axis("width", (17,)), Axis("threads", (1, 2)))
    made = planned("numpy,torch", "cpu,cuda:0", axes=axes)
    assert made.axes == (axes[0], axes[2]), "what has one value is no axis"
    points = [(one.backend, str(one.device), one.threads, made.workloads[one.workload].batch_size)
              for one in made.cases]  # fmt: skip
    numpy = [("numpy", "cpu", threads, size) for size in (8, 32) for threads in (1, 2)]
    gpu = [("torch", "cuda:0", None, size) for size in (8, 32)]
    torch = [("torch", *rest) for _, *rest in numpy]
    assert sorted(points, key=str) == sorted([*numpy, *torch, *gpu], key=str)
    assert {work.hidden for work in made.workloads.values()} == {(17, 17)}


def test_threads_are_no_axis_where_no_processor_takes_part() -> None:
    axes = (Axis("threads", (1, 2)), Axis("width", (17, 34)))
    assert planned("torch", "cuda:0", axes=axes).axes == axes[1:]


def test_an_axis_may_have_as_many_values_as_a_run_has_cases() -> None:
    axis = Axis("width", tuple(range(1, MOST_CASES + 1)))
    assert msgspec.convert(planned("numpy", "cpu", axes=(axis,)).axes, tuple[Axis, ...]) == (axis,)


def test_where_variants_meet_in_a_point_it_is_done_once() -> None:
    made = planned("numpy", variant="relu,sigmoid", axes=[Axis("activation", ("relu",))])
    assert len(made.cases) == len(made.workloads) == 1


def test_what_all_includes_and_cannot_take_part_is_skipped_with_the_reason() -> None:
    made = planned(device="cpu")
    assert [case.backend for case in made.cases] == ["numpy", "torch"]
    assert made.skipped == {
        "elsewhere": "only by name on this platform: for another system",
        "jax": "not installed (jax): python -m pip install jax==1",
        "lonely": "it sees no device here (toys; needs a toy box)",
        "plain": "broken: raised: ValueError: no",
        "ruin": "broken: SyntaxError: no",
        "wreck": "broken: raised: ImportError: libtoy.so; it printed last: libtoy.so is not there",
    }


def test_what_is_left_out_of_all_may_be_asked_for_by_name_or_run_elsewhere() -> None:
    assert [case.backend for case in planned("elsewhere").cases] == ["elsewhere"]
    assert [case.backend for case in planned("jax", own="jax").cases] == ["jax"]
    assert "jax" in [case.backend for case in planned(own="jax").cases]


@pytest.mark.parametrize(
    ("asked", "devices", "skipped"),
    [
        ("all", ["cpu", "cpu", "cuda:0", "cuda:1"], {}),
        ("cuda", ["cuda:0", "cuda:1"], {"numpy": "none of its devices was asked for (cpu)"}),
        ("cuda:1,cpu", ["cpu", "cpu", "cuda:1"], {}),
    ],
)
def test_a_name_stands_for_a_device_or_for_all_of_its_kind(
    asked: str, devices: list[str], skipped: dict[str, str]
) -> None:
    made = planned("numpy,torch", asked)
    assert ([str(case.device) for case in made.cases], made.skipped) == (devices, skipped)


def test_a_gpu_is_not_taken_for_a_misspelt_cpu() -> None:
    assert "Did you mean" not in refusal("torch", "gpu")


@pytest.mark.parametrize("device", ["mps", "cuda:2", "cud", "cpu:0"])
def test_a_device_that_no_backend_sees_is_refused(device: str) -> None:
    said = refusal("numpy,torch", device)
    assert said.startswith(f"there is no device {device!r}. ")
    assert said.endswith("There are: cpu, cuda:0, cuda:1 (that the chosen backends see)")


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("jax", "'jax' cannot run here, it is not installed (jax): python -m pip install jax==1"),
        ("all,jax", "'jax' cannot run here"),
        ("ruin", "'ruin' cannot run here, it is broken: SyntaxError: no"),
        ("plain", "the backend 'plain' is broken: raised: ValueError: no; expected its devices and "
                  "versions: repair it, or leave it out"),
        ("lonely", "nothing is left to run (lonely: it sees no device here"),
    ],
)  # fmt: skip
def test_a_backend_asked_for_by_name_must_be_able_to_run(backend: str, said: str) -> None:
    assert said in refusal(backend)


def test_more_cases_than_a_run_file_may_have_are_refused() -> None:
    many = MOST_CASES // len(VARIANTS) + 1
    executor = FakeExecutor(described={f"toy{n}": make_described() for n in range(many)})
    with pytest.raises(Refused, match=f"{4 * many} cases are more than the {MOST_CASES} that"):
        plan.plan(executor, Request(["all"], ["all"], ["all"]))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (["kears"], "no backend 'kears'. Did you mean 'keras'? There are: keras, torch"),
        (["torch", "touch"], "no backend 'touch'. Did you mean 'torch'? There are: keras, torch"),
        (["xyz"], "no backend 'xyz'. There are: keras, torch"),
        ([], "--backend names none; expected a name"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(
    asked: list[str], answer: str
) -> None:
    with pytest.raises(Refused, match=re.escape(answer)):
        choices.choose("backend", asked, ["keras", "torch"])


def test_an_interpreter_of_no_backend_is_refused() -> None:
    choices.check_pythons(["torch"], BACKENDS)
    with pytest.raises(Refused, match=r"--python tourch=…: there is no backend 'tourch'"):
        choices.check_pythons(["torch", "tourch"], BACKENDS)


def test_more_threads_than_processors_are_refused() -> None:
    assert plan.threads_for(1) == 1
    assert plan.threads_for(None) >= 1
    with pytest.raises(Refused, match=r"--threads 100000 is more than .*; expected 1 to \d+: give"):
        plan.threads_for(100_000)


def in_precisions(*asked: str, **changes: Any) -> tuple[list[tuple[str, str, str]], Plan]:
    """Return backend, device and precision of the rows, and the plan."""
    made = planned(*asked, axes=[Axis("precision", ("float32", "tf32", "bfloat16"))], **changes)
    works = made.workloads
    return [(one.backend, str(one.device), works[one.workload].precision)
            for one in made.cases], made  # fmt: skip


def test_what_a_backend_or_a_device_does_not_compute_in_is_no_row() -> None:
    rows, made = in_precisions("torch,numpy", "cpu,cuda:0")
    assert sorted(rows) == [
        ("numpy", "cpu", "float32"),
        ("torch", "cpu", "bfloat16"),
        ("torch", "cpu", "float32"),
        ("torch", "cuda:0", "bfloat16"),
        ("torch", "cuda:0", "float32"),
        ("torch", "cuda:0", "tf32"),
    ]
    assert made.skipped == {}
    assert set(made.workloads) == {case.workload for case in made.cases}


@pytest.mark.parametrize(("backend", "there"), [("all", False), ("torch,numpy", True)])
def test_without_the_instructions_bfloat16_is_left_out_unless_the_backend_is_named(
    backend: str, there: bool
) -> None:
    rows, made = in_precisions(backend, "cpu", multiplies_bfloat16=False)
    assert (("torch", "cpu", "bfloat16") in rows) == there
    assert ("torch" in made.skipped) != there
    assert there or made.skipped["torch"].startswith("left out in bfloat16, for which this proc")


def test_a_precision_that_nobody_has_is_refused_with_the_reason() -> None:
    with pytest.raises(Refused, match="numpy: it does not compute in bfloat16 on cpu"):
        planned("numpy", axes=[Axis("precision", ("bfloat16",))])
