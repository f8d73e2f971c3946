"""Fleets made up for tests: many machines of one kind or more, equal but for noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from made import make_machine, make_run

from bench.results.fleets import Fleet, Member
from bench.results.records import Run

BACKENDS = {"numpy": 0.25, "torch": 0.30, "jax": 0.20}  # seconds per epoch
SPREAD, MOMENT = 0.015, 0.02  # of machines that are equal, and of what a round brings them all


def make_machines(
    count: int,
    seed: int = 0,
    slow: Mapping[int, float] = {},
    rounds: int = 4,
    first: int = 1,
    **facts: Any,
) -> list[Run]:
    """Return the runs of equal machines; `slow` ones take so many times as long."""
    generator = np.random.default_rng(seed)
    runs = []
    for number in range(count):
        speed = np.exp(generator.normal(0, SPREAD)) * slow.get(number, 1.0)
        moments = np.exp(generator.normal(0, MOMENT, rounds))
        seconds = {name: [float(base * speed * one) for one in moments]
                   for name, base in BACKENDS.items()}  # fmt: skip
        machine = make_machine(**facts)
        runs.append(
            make_run(seconds, machine=machine, label=f"node-{first + number}", fleet="made")
        )
    return runs


def make_fleet(runs: Sequence[Run], **changes: Any) -> tuple[Fleet, dict[str, Run]]:
    """Return a fleet of these runs, and the runs by file name."""
    files = {f"run-{number}.json": run for number, run in enumerate(runs, 1)}
    members = tuple(Member(str(run.label), run.machine, name) for name, run in files.items())
    fleet = Fleet(name="made", bench="0.2.0", created="2026-11-26T12:00:00+00:00",
                  command="python -m bench fleet", members=members)  # fmt: skip
    return msgspec.structs.replace(fleet, **changes), files
