"""What a person asked for against what there is: names, nearest matches, lists."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from made import make_described

from bench.discovery import Backend
from bench.selection import Refused, choose, choose_backends, choose_devices, choose_variants

HERE = Path("toy.py")
BACKENDS = {
    "elsewhere": Backend("elsewhere", HERE, only_on=("nowhere",), purpose="for another system"),
    "jax": Backend("jax", HERE, missing=("jax",), dependencies=("jax==1",)),
    "numpy": Backend("numpy", HERE),
    "ruin": Backend("ruin", HERE, broken="SyntaxError: no"),
    "torch": Backend("torch", HERE),
}
DESCRIBED = {
    "numpy": make_described(["cpu"]),
    "torch": make_described(["cpu", "cuda:0", "cuda:1"]),
    "lonely": make_described([]),
}


def test_names_come_in_their_own_order_each_once() -> None:
    """The order in which a person asks, and asking twice, change nothing."""
    assert choose("letter", ["c", "a", "c"], ["a", "b", "c"]) == ["a", "c"]


def test_all_stands_for_every_name() -> None:
    """`all`, alone or beside names, is everything."""
    assert choose("letter", ["all", "a"], ["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("asked", "near"), [("kears", "keras"), ("touch", "torch"), ("nunpy", "numpy")]
)
def test_an_unknown_name_is_answered_with_the_nearest_and_the_list(asked: str, near: str) -> None:
    """The message holds the name, the guess and everything there is."""
    with pytest.raises(Refused) as caught:
        choose("backend", [asked], ["keras", "numpy", "torch"])
    assert str(caught.value) == (
        f"there is no backend {asked!r}: did you mean {near!r}? There are: keras, numpy, torch"
    )


@pytest.mark.parametrize("asked", [[], [""]])
def test_no_name_at_all_is_refused(asked: list[str]) -> None:
    """`--backend ""` is no way to ask for nothing."""
    with pytest.raises(Refused, match=r"expected a name|There are: numpy"):
        choose("backend", asked, ["numpy"])


def test_a_name_like_nothing_gets_no_guess() -> None:
    """Without anything near, the list alone is given; without a list, it says none."""
    with pytest.raises(Refused, match=r"'xyzzy': There are: relu$"):
        choose("variant", ["xyzzy"], ["relu"])
    with pytest.raises(Refused, match="There are: none"):
        choose("variant", ["xyzzy"], [])


@given(name=some.text(max_size=30))
def test_every_name_is_known_or_refused(name: str) -> None:
    """No text whatsoever leads to anything but a choice or Refused."""
    try:
        assert choose_variants([name])
    except Refused as error:
        assert repr(name) in str(error)  # noqa: PT017 - both outcomes are right


def test_all_backends_leave_out_what_cannot_run_with_the_reason() -> None:
    """Not installed, broken and meant for other systems are three different reasons."""
    chosen, left_out = choose_backends(["all"], BACKENDS)
    assert chosen == ["numpy", "torch"]
    assert left_out == {
        "elsewhere": "only by name on this platform: for another system",
        "jax": "not installed (jax): python -m pip install jax==1",
        "ruin": "broken: SyntaxError: no",
    }


def test_a_backend_asked_for_by_name_must_be_installed() -> None:
    """It is refused with its install command, even beside `all`."""
    for asked in (["jax"], ["all", "jax"]):
        with pytest.raises(Refused, match=r"'jax' cannot run here.*pip install jax==1"):
            choose_backends(asked, BACKENDS)


def test_a_broken_backend_asked_for_by_name_is_refused() -> None:
    """The message says what is wrong with its file."""
    with pytest.raises(Refused, match="SyntaxError: no"):
        choose_backends(["ruin"], BACKENDS)


def test_a_backend_of_another_platform_runs_if_asked_for_by_name() -> None:
    """`only_on` restricts `all`, nothing else."""
    assert choose_backends(["elsewhere"], BACKENDS) == (["elsewhere"], {})


def test_a_backend_with_an_interpreter_of_its_own_needs_nothing_here() -> None:
    """What is not installed here may be installed there."""
    assert choose_backends(["jax"], BACKENDS, elsewhere=["jax"]) == (["jax"], {})
    assert "jax" in choose_backends(["all"], BACKENDS, elsewhere=["jax"])[0]


def test_all_devices_are_those_of_each_backend() -> None:
    """Every backend keeps its own devices; one without any keeps none."""
    assert choose_devices(["all"], DESCRIBED) == {
        "numpy": ["cpu"], "torch": ["cpu", "cuda:0", "cuda:1"], "lonely": [],
    }  # fmt: skip


def test_cuda_means_every_gpu() -> None:
    """A kind of device stands for all of its kind, a number for one."""
    assert choose_devices(["cuda"], DESCRIBED)["torch"] == ["cuda:0", "cuda:1"]
    assert choose_devices(["cuda:1", "cpu"], DESCRIBED)["torch"] == ["cpu", "cuda:1"]


def test_all_devices_of_nobody_are_none() -> None:
    """Where no backend can be asked, `all` refuses nothing: the plan says why nothing is left."""
    assert choose_devices(["all"], {}) == {}


@pytest.mark.parametrize("name", ["mps", "cuda:2", "cud", "", "cpu:0"])
def test_a_device_that_nobody_sees_is_refused(name: str) -> None:
    """The message lists the devices that there are."""
    with pytest.raises(Refused, match=rf"device {name!r}: .*There are: cpu, cuda:0, cuda:1"):
        choose_devices([name], DESCRIBED)
