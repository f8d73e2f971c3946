"""`list`: every backend with its state, as its file or its child tells it."""

from pathlib import Path

import pytest
from fakes import FakeExecutor
from made import make_described, make_failed

from bench.cli.list import print_backends
from bench.run.backends import Backend

HERE = Path("toy.py")
BACKENDS = {
    "absent": Backend("absent", HERE, ("toy[all]>=2",), missing=("toy",)),
    "blind": Backend("blind", HERE, purpose="a toy that sees nothing"),
    "elsewhere": Backend("elsewhere", HERE, purpose="a toy", only_on=("nowhere",)),
    "gpu": Backend("gpu", HERE, purpose="a fast toy"),
    "own": Backend("own", HERE, purpose="a toy of its own", missing=("toy",)),
    "ruin": Backend("ruin", HERE, broken="SyntaxError: no"),
    "wreck": Backend("wreck", HERE, purpose="a toy that raises"),
}


STATES = {
    "absent": "not installed python -m pip install 'toy[all]>=2'",
    "blind": "ready a toy that sees nothing",
    "elsewhere": "ready a toy; part of all on nowhere, here only by name",
    "gpu": "ready a fast toy",
    "own": "ready a toy of its own",
    "ruin": "broken SyntaxError: no",
    "wreck": "ready a toy that raises",
}
ASKED = {
    "blind": "ready no device here (a toy that sees nothing)",
    "elsewhere": "ready cpu (a toy; part of all on nowhere, here only by name)",
    "gpu": "ready cpu, cuda:0 (a fast toy)",
    "own": "ready cpu (a toy of its own)",
    "wreck": "broken raised: ImportError: libtoy.so",
}


@pytest.mark.parametrize(("devices", "states"), [(False, STATES), (True, {**STATES, **ASKED})])
def test_each_backend_has_a_state_and_if_asked_its_devices(
    devices: bool, states: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    described = dict.fromkeys(BACKENDS, make_described())
    described |= {"blind": make_described([]), "gpu": make_described(["cpu", "cuda:0"])}
    described["wreck"] = make_failed("raised", "ImportError: libtoy.so")
    executor = FakeExecutor(described=described)
    executor.backends, executor.pythons = BACKENDS, {"own": "/bin/python"}
    assert print_backends(executor, devices) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert {name: " ".join(state) for name, *state in rows} == states
