"""Devices: their names, and what they imply."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.workload import CPU, Device


@given(kind=some.from_regex(r"[a-z]\w{0,30}", fullmatch=True).filter(str.isascii),
       index=some.none() | some.integers(0, 9999))  # fmt: skip
def test_a_device_is_named_by_its_kind_and_index(kind: str, index: int | None) -> None:
    device = Device(kind, index)
    assert str(device) == (kind if index is None else f"{kind}:{index}")
    assert Device.named(str(device)) == device


@pytest.mark.parametrize("name", ["", "CPU", "cuda:", "cuda:x", "cuda:-1", ":0", "cuda:0:1", "a b"])
def test_what_is_not_a_name_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ValueError, match="is not a device; expected a name like 'cpu' or 'cuda:0'"):
        Device.named(name)


@pytest.mark.parametrize(("name", "is_cpu"), [("cpu", True), ("cpu:1", True), ("cuda:0", False)])
def test_only_the_processor_is_the_cpu(name: str, is_cpu: bool) -> None:
    assert Device.named(name).is_cpu is is_cpu
    assert (Device.named(name).sizes == CPU.sizes) is is_cpu


@pytest.mark.parametrize(
    ("name", "in_child"), [("cuda:3", "cuda:0"), ("mps", "mps"), ("opencl:1", "opencl:1")]
)
def test_a_childs_device_is_the_first_of_its_kind_where_the_others_are_hidden(
    name: str, in_child: str
) -> None:
    """No variable hides others of OpenCL's: there it is the number that tells."""
    assert str(Device.named(name).in_child) == in_child
