"""`doctor`: what could distort the numbers here, and with --noise by how much they vary."""

import itertools

import pytest
from fakes import FakeExecutor
from made import make_failed, make_machine, make_trained

from bench.cli.doctor import print_facts, print_noise
from bench.results.hardware import Conditions, Gpu
from bench.run.choices import Refused

QUIET = Conditions(load=0.0)


def test_facts_are_printed_and_unknown_ones_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    gpu = Gpu("NVIDIA H100", memory_bytes=80_000_000_000)
    print_facts(make_machine(virtual_machine=False, caches={"L1d": 32768}, gpus=(gpu,)), QUIET)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "cpu model AMD EPYC 9354" in lines
    assert "caches L1d 32768" in lines
    assert "virtual machine no" in lines
    assert "gpus name NVIDIA H100; memory bytes 80000000000" in lines
    assert "governor" not in " ".join(lines)
    assert lines[-1] == "Nothing to warn about."


def test_warnings_stand_below_the_facts(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(make_machine(), Conditions(load=1.5, governor="powersave"))
    output = " ".join(capsys.readouterr().out.split())
    _, warnings = output.split("What could distort the numbers: - ")
    assert "1.5 cores" in warnings and "powersave" in warnings


def test_noise_measures_a_backend_against_itself(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = itertools.cycle([0.25, 0.26, 0.24, 0.25])
    executor = FakeExecutor({"numpy": lambda: make_trained(next(seconds))})
    print_noise(executor, "numpy", 4)
    assert [(group.round, len(group.cases)) for group in executor.groups] == [
        (0, 2), (1, 2), (2, 2), (3, 2),
    ]  # fmt: skip
    output = capsys.readouterr().out
    assert "measuring numpy against itself, 4 rounds of two trials …" in output
    assert "numpy over itself: 1.0" in output
    assert "With 4 rounds, differences under" in output


def test_a_trial_that_fails_ends_the_noise_with_what_to_try() -> None:
    executor = FakeExecutor({"numpy": make_failed("killed", "ended by SIGKILL")})
    with pytest.raises(Refused, match="killed: ended by SIGKILL: try `bench verify`"):
        print_noise(executor, "numpy", 2)
