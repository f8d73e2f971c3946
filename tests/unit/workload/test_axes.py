"""The axes of a workload: values are set one after the other, and read back."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bench.workload import VARIANTS, Adam, Axis, RMSprop, Workload
from bench.workload.axes import FIELDS, placed, points

VALUES = {
    name: st.sampled_from(field.choices) if field.choices
    else st.integers(int(field.least), int(field.most)) if field.kind is int
    else st.floats(field.least, field.most)
    for name, field in FIELDS.items()
}  # fmt: skip


@given(st.sampled_from(list(VARIANTS)), st.fixed_dictionaries({}, optional=VALUES))
def test_every_value_of_a_point_is_that_of_its_workload(variant: str, point: dict) -> None:
    work = placed(VARIANTS[variant], point)
    assert {name: FIELDS[name].read(work) for name in point} == point
    assert msgspec.json.decode(msgspec.json.encode(work), type=Workload) == work


def test_an_optimizer_comes_with_its_own_learning_rate_unless_one_is_given() -> None:
    assert placed(VARIANTS["relu"], {"optimizer": "rmsprop"}).optimizer == RMSprop(0.001)
    both = {"learning_rate": 0.5, "optimizer": "adam"}
    assert placed(VARIANTS["relu"], both).optimizer == Adam(0.5)


def test_points_are_the_product_of_the_axes() -> None:
    axes = [Axis("batch_size", (8, 32)), Axis("threads", (1, 2))]
    assert [tuple(point.values()) for point in points(axes)] == [(8, 1), (8, 2), (32, 1), (32, 2)]
    assert list(points([])) == [{}]
