"""`doctor`: the machine's facts and risks on one page, and with --noise its noise floor."""

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import machine
from bench.cli import main
from bench.commands import doctor
from bench.records import Moment
from bench.runner import Step
from tests.made import make_failed, make_machine, make_trained

QUIET = Moment(load=0.0)


class FakeWatch:
    """A moment that is as the test wants it."""

    moment = QUIET

    def finish(self) -> Moment:
        return self.moment


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "facts", lambda: make_machine(virtual_machine=False))
    monkeypatch.setattr(machine, "Watch", FakeWatch)


def test_facts_are_printed_and_unknown_ones_left_out() -> None:
    """What is known stands on the page; what is not has no line."""
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert "AMD EPYC 9354" in result.output
    assert "governor" not in result.output
    assert "No risk was seen" in result.output


def test_risks_say_what_why_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine is told of, with the reason and the remedy."""
    monkeypatch.setattr(FakeWatch, "moment", Moment(load=1.5, governor="powersave"))
    output = " ".join(CliRunner().invoke(main, ["doctor"]).output.split())
    assert "1.5 cores busy" in output
    assert "they take time and caches" in output
    assert "Close them" in output
    assert "governor is powersave" in output


def scripted(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> list[Step]:
    """Let every trial take the next of these seconds an epoch; return the steps done."""
    steps: list[Step] = []
    values = itertools.cycle(seconds)

    def run_step(step: Step) -> tuple[object, Moment]:
        steps.append(step)
        return make_trained(next(values)), QUIET

    monkeypatch.setattr(doctor, "step_runner", lambda session, workloads: run_step)
    return steps


def test_noise_measures_a_backend_against_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trials a round, and the smallest difference that means something is printed."""
    steps = scripted(monkeypatch, [0.25, 0.26, 0.24, 0.25])
    result = CliRunner().invoke(main, ["doctor", "--noise", "--rounds", "4"])
    assert result.exit_code == 0, result.output
    assert [step.round for step in steps] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert "With 4 rounds, differences under" in result.output


def test_a_trial_that_fails_ends_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without trials there is no noise floor, and the message says what to try."""
    failing = (make_failed(), QUIET)
    monkeypatch.setattr(doctor, "step_runner", lambda session, workloads: lambda step: failing)
    result = CliRunner().invoke(main, ["doctor", "--noise"])
    assert result.exit_code == 2
    assert "bench verify" in result.output


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`doctor` is read-only."""
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(main, ["doctor"])
    assert list(tmp_path.iterdir()) == []
