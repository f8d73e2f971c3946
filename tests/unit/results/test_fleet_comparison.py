"""Which machine of a kind deviates, what differs there, and which computes wrongly."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made import make_run
from made_fleets import make_machines

from bench.results.cases import rows_of
from bench.results.fleet_comparison import Standing, standings, what_differs, wrong_losses
from bench.results.hardware import Conditions
from bench.results.records import Run, Trained


def standings_of(runs: list[Run]) -> dict[str, Standing]:
    return standings({
        str(run.label): {row.case: row.interval.centre for row in rows_of(run)} for run in runs
    })  # fmt: skip


def named(runs: list[Run]) -> list[str]:
    return [label for label, standing in standings_of(runs).items() if standing.deviates]


def test_one_slow_machine_of_forty_is_named_and_one_fast_machine_too() -> None:
    assert named(make_machines(40, slow={6: 1.15})) == ["node-7"]
    assert named(make_machines(40, slow={6: 0.85})) == ["node-7"]
    assert standings_of(make_machines(40, slow={6: 1.15}))["node-7"].ratio == pytest.approx(
        1.15, abs=0.06
    )


def test_of_equal_machines_none_is_named_nor_where_half_are_slower() -> None:
    assert named(make_machines(40)) == []
    assert named(make_machines(40, slow=dict.fromkeys(range(20), 1.2))) == []


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_machines_cannot_tell_which_is_the_odd_one(count: int) -> None:
    assert named(make_machines(count, slow={0: 3.0})) == []


def test_of_machines_that_agree_to_a_hair_a_small_difference_has_no_name() -> None:
    runs = [
        make_run({"numpy": [0.25 * (1.02 if number == 3 else 1)] * 2}, label=f"node-{number}")
        for number in range(10)
    ]
    assert named(runs) == []


def test_false_alarms_and_power_are_as_documented() -> None:
    """`python -m tests.benchmarks.fleet_simulation` does the same through run files."""
    generator = np.random.default_rng(1337)
    case = next(iter(make_run().cases))
    alarms = found = 0
    for _ in range(200):
        values = np.exp(generator.normal(0, 0.018, 40))
        alarms += any(one.deviates for one in standings(_of(values, case)).values())
        values[5] *= 1.1
        found += standings(_of(values, case))["5"].deviates
    assert alarms <= 18 and found >= 170  # 5 % and 90 %, less three standard errors


def _of(values: object, case: object) -> dict:
    return {str(number): {case: float(value)} for number, value in enumerate(values)}


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12))
def test_any_seconds_give_a_ratio_for_every_machine(values: list[float]) -> None:
    case = next(iter(make_run().cases))
    found = standings(_of(values, case))
    assert len(found) == len(values)
    assert all(standing.ratio > 0 for standing in found.values())


def test_what_is_unlike_the_peers_is_said() -> None:
    odd, *peers = make_machines(5)
    trials = tuple(
        msgspec.structs.replace(one, conditions=Conditions(governor="powersave", load=1.5))
        for one in odd.trials
    )
    odd = msgspec.structs.replace(
        odd, trials=trials, machine=msgspec.structs.replace(odd.machine, kernel="6.1")
    )
    calm = Conditions(governor="performance", load=0.0)
    peers = [
        msgspec.structs.replace(
            peer,
            trials=tuple(msgspec.structs.replace(one, conditions=calm) for one in peer.trials),
            machine=msgspec.structs.replace(peer.machine, kernel="5.15"),
        )
        for peer in peers
    ]
    assert what_differs(odd, peers) == [
        "kernel 6.1, its peers 5.15",
        "load 1.5, its peers 0",
        "governor powersave, its peers performance",
    ]
    assert what_differs(peers[0], peers[1:]) == []


def with_loss(run: Run, loss: float) -> Run:
    first, *rest = run.trials
    assert isinstance(first.result, Trained)
    *epochs, last = first.result.epochs
    epochs = (*epochs, msgspec.structs.replace(last, loss=loss))
    result = msgspec.structs.replace(first.result, epochs=epochs)
    return msgspec.structs.replace(
        run, trials=(msgspec.structs.replace(first, result=result), *rest)
    )


def test_a_machine_with_other_losses_computes_wrongly() -> None:
    runs = make_machines(4)
    runs[2] = with_loss(runs[2], 0.4)
    found = wrong_losses({str(run.label): rows_of(run) for run in runs})
    assert list(found) == ["node-3"] and found["node-3"].startswith("numpy ends with the loss 0.4")
    assert wrong_losses({str(run.label): rows_of(run) for run in make_machines(4)}) == {}
