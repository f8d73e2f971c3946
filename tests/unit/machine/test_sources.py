"""Reading files of a machine, whatever they hold."""

import os
from pathlib import Path

import psutil
import pytest
from unit.machine.fakes import Plant

from bench.machine.sources import LIVE, Source


@pytest.mark.parametrize(
    ("content", "text", "number"),
    [(" 12 \n\0", "12", 12), ("-1", "-1", None), ("1 KB", "1 KB", None), ("1.5", "1.5", None),
     ("9" * 21, "9" * 21, None), ("٣", "٣", None), ("²", "²", None), ("\n", None, None)],
)  # fmt: skip
def test_texts_and_numbers_are_read_without_what_surrounds_them(
    plant: Plant, content: str, text: str | None, number: int | None
) -> None:
    source = plant({"a": content})
    assert (source.read("a"), source.read_number("a")) == (text, number)


def test_what_is_not_there_is_none(plant: Plant) -> None:
    assert (plant().read("absent"), plant().read("a\0"), plant().read_number("absent")) == (
        None,
    ) * 3


def test_no_link_leads_out_of_a_copied_tree(plant: Plant) -> None:
    root = plant({"outside": "of this machine", "tree/inside": "of that machine"}).root
    for name, target in (("bad", "../outside"), ("good", "inside"), ("loop", "loop")):
        (root / "tree" / name).symlink_to(target)
    tree = Source(root / "tree")
    assert (tree.read("bad"), tree.read("good"), tree.read("loop")) == (
        None, "of that machine", None,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Source(tmp_path).read("pipe") is None


def test_only_this_machine_is_asked() -> None:
    assert LIVE.ask("cpu_count") == psutil.cpu_count()
    assert LIVE.ask("no_such_function") is None
    assert Source(Path("/tmp")).ask("cpu_count") is None
