"""From what a person asked for to the rows of a run, with backends that only answer."""

from pathlib import Path

import pytest
from made import make_described, make_failed

from bench import planning
from bench.discovery import Backend
from bench.planning import Asked, plan
from bench.records import Described, Failed
from bench.selection import Refused
from bench.session import Session

ANSWERS: dict[str, Described | Failed] = {
    "numpy": make_described(["cpu"]),
    "torch": make_described(["cpu", "cuda:0"]),
    "lonely": make_described([]),
    "ruin": make_failed("raised", "ImportError: libtoy.so", "Traceback", "libtoy.so is not there"),
    "plain": make_failed("raised", "ValueError: no", "Traceback", "ValueError: no"),
}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return a session whose backends answer from ANSWERS."""
    monkeypatch.setattr(planning, "describe", lambda session, name: ANSWERS[name])
    backends = {name: Backend(name, Path(f"{name}.py")) for name in sorted(ANSWERS)}
    backends["lonely"] = backends["lonely"]._replace(purpose="toys; needs a toy box")
    backends["absent"] = Backend("absent", Path("absent.py"), missing=("absent",))
    return Session(backends, threads=1, timeout=1)


def asked(backend: str = "all", device: str = "all", variant: str = "relu", **sizes: int) -> Asked:
    """Return what a person asks for."""
    return Asked(backend.split(","), device.split(","), variant.split(","), **sizes)


def test_every_backend_on_every_device_does_every_variant(session: Session) -> None:
    """There is one row for each combination, with its own fingerprint."""
    planned = plan(session, asked("numpy,torch", variant="relu,sigmoid"))
    rows = [(cell.backend, cell.device, cell.variant) for cell in planned.cells]
    assert rows == [
        ("numpy", "cpu", "sigmoid"), ("torch", "cpu", "sigmoid"), ("torch", "cuda:0", "sigmoid"),
        ("numpy", "cpu", "relu"), ("torch", "cpu", "relu"), ("torch", "cuda:0", "relu"),
    ]  # fmt: skip
    assert {cell.workload for cell in planned.cells} == set(planned.workloads)
    for cell in planned.cells:
        assert planned.workloads[cell.workload].variant == cell.variant


def test_more_rows_than_a_run_file_may_have_are_refused(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is measured that nobody could read again."""
    monkeypatch.setattr(planning, "MOST_ROWS", 5)
    with pytest.raises(Refused, match="6 rows are more than the 5"):
        plan(session, asked("numpy,torch", variant="relu,sigmoid"))


def test_accelerators_get_the_large_workload(session: Session) -> None:
    """CPU rows and GPU rows do different work, unless the sizes are given."""
    by_device = {cell.device: cell.workload for cell in plan(session, asked("torch")).cells}
    assert by_device["cpu"] != by_device["cuda:0"]
    sizes = {"epochs": 2, "train_samples": 100, "test_samples": 50}
    planned = plan(session, asked("torch", **sizes))
    assert len({cell.workload for cell in planned.cells}) == 1
    (workload,) = planned.workloads.values()
    assert (workload.epochs, workload.train_samples, workload.test_samples) == (2, 100, 50)


def test_what_all_includes_and_cannot_take_part_is_skipped(session: Session) -> None:
    """Not installed, broken and without a device: three skipped rows with their reasons."""
    planned = plan(session, asked())
    assert set(planned.described) >= {"numpy", "torch"}
    assert {cell.backend for cell in planned.cells} == {"numpy", "torch"}
    assert planned.skipped["absent"].startswith("not installed (absent)")
    assert planned.skipped["lonely"] == "it sees no device here (toys; needs a toy box)"
    assert planned.skipped["ruin"] == (
        "broken: raised: ImportError: libtoy.so; it printed last: libtoy.so is not there"
    )


def test_a_backend_without_the_asked_device_is_skipped(session: Session) -> None:
    """The reason names the devices that it has."""
    planned = plan(session, asked("numpy,torch", device="cuda"))
    assert [(cell.backend, cell.device) for cell in planned.cells] == [("torch", "cuda:0")]
    assert planned.skipped == {"numpy": "none of its devices was asked for (cpu)"}


def test_a_broken_backend_asked_for_by_name_is_refused(session: Session) -> None:
    """The message holds the last line that its child printed."""
    with pytest.raises(Refused, match=r"'ruin' is broken: .*it printed last: libtoy\.so"):
        plan(session, asked("ruin"))


def test_what_a_child_printed_last_is_not_said_twice(session: Session) -> None:
    """Mostly it is the exception that is the reason already."""
    with pytest.raises(Refused) as caught:
        plan(session, asked("plain"))
    assert str(caught.value) == (
        "the backend 'plain' is broken: raised: ValueError: no; expected its devices and "
        "versions: repair it, or leave it out"
    )


def test_if_nothing_is_left_it_is_refused(session: Session) -> None:
    """A run of no rows does not start; the reasons are given."""
    with pytest.raises(Refused, match=r"nothing is left to run .*lonely: it sees no device"):
        plan(session, asked("lonely"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (asked("nunpy"), "did you mean 'numpy'"),
        (asked(device="mps"), "There are: cpu, cuda:0"),
        (asked(variant="rely"), "did you mean 'relu'"),
    ],
)
def test_unknown_names_are_refused(session: Session, given: Asked, named: str) -> None:
    """Backends, devices and variants are answered with what there is."""
    with pytest.raises(Refused, match=named):
        plan(session, given)


def test_what_takes_time_is_said(session: Session) -> None:
    """The backends are announced before they are asked."""
    said: list[str] = []
    plan(session, asked("numpy,torch"), said.append)
    assert "numpy" in said[0]
    assert "torch" in "".join(said)
