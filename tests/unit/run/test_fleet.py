"""A fleet's flow, with a made-up cluster: once a machine, all saved, nothing waited for in vain."""

from collections.abc import Callable, Iterator, Set
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made import make_machine

from bench import ROOT
from bench.results.fleets import Fleet, Member
from bench.run import fleet as flow
from bench.run.node import Answer, Facts

ANSWER = Answer(0, "run.json", b"{}", True, ("done",))


def facts(token: str, **versions: str) -> Facts:
    return Facts(msgspec.json.encode(make_machine()), {"Python": "3.11", **versions}, token)


class FakeCluster:
    """Workers whose answers are given: values, exceptions, or None for none."""

    def __init__(self, answers: dict[str, Any], gone: Set[str] = frozenset()) -> None:
        self.answers, self.gone = answers, set(gone)
        self.submitted: list[tuple[str, Any, tuple[Any, ...]]] = []
        self._waiting: dict[int, str] = {}
        self._numbers = count()

    def addresses(self) -> list[str]:
        return sorted(set(self.answers) - self.gone)

    def submit(self, address: str, function: Callable[..., Any], *arguments: Any) -> object:
        self.submitted.append((address, function, arguments))
        ticket = next(self._numbers)
        self._waiting[ticket] = address
        return ticket

    def done(self, seconds: float) -> Iterator[tuple[object, Any]]:
        for ticket, address in list(self._waiting.items()):
            if self.answers[address] is not None:
                del self._waiting[ticket]
                yield ticket, self.answers[address]


def carry_out(answers: dict[str, Any], runs: Path, **more: Any) -> tuple[Fleet, list[Fleet]]:
    """Return a fleet as it ended, and as it was saved on the way; addresses are its labels."""
    cluster = FakeCluster(answers, **more)
    fleet = Fleet(name="made", bench="1", created="2026-11-26T12:00:00+00:00", command="fleet",
                  members=tuple(map(Member, answers)))  # fmt: skip
    places = {label: flow.Place(label, facts(label)) for label in answers}
    saves: list[Fleet] = []
    clock = count(step=10)
    done = flow.carry_out(
        fleet, places, ["--quick"], cluster, runs, saves.append, lambda text: None,
        lambda: float(next(clock)),
    )  # fmt: skip
    assert [address for address, *_ in cluster.submitted] == list(answers)
    return done, saves


def test_every_machine_is_asked_once_and_its_file_is_saved(tmp_path: Path) -> None:
    other = ANSWER._replace(content=b"[]")
    fleet, saves = carry_out({"a": ANSWER, "b": other}, tmp_path / "runs")
    assert [member.run for member in fleet.members] == ["run.json", "run-2.json"]
    assert (tmp_path / "runs" / "run-2.json").read_bytes() == b"[]"
    assert len(saves) == 2 and saves[0].members[1].run is None


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (ImportError("no module 'bench'"), "the suite is not installed there"),
        (RuntimeError("Error during deserialization of it"), "the suite is not installed there"),
        (ValueError("no\nluck"), "ValueError: no luck"),
        (Answer(2, None, b"", False, ("error: no such backend",)), "no run file: error: no such"),
        (ANSWER._replace(is_complete=False, status=2, said=()), "incomplete: it printed nothing"),
    ],
)
def test_a_machine_that_brings_nothing_whole_is_a_row_with_the_reason(
    outcome: Any, reason: str, tmp_path: Path
) -> None:
    fleet, _ = carry_out({"a": outcome, "b": ANSWER}, tmp_path)
    assert str(fleet.members[0].reason).startswith(reason)
    assert fleet.members[1].reason is None


def test_a_machine_that_is_lost_is_not_waited_for(tmp_path: Path) -> None:
    fleet, _ = carry_out({"a": None, "b": ANSWER}, tmp_path, gone={"a"})
    assert str(fleet.members[0].reason).startswith("no answer any more")
    assert fleet.members[1].run == "run.json"


def test_an_answer_after_a_machine_was_given_up_is_ignored(tmp_path: Path) -> None:
    answers: dict[str, Any] = {"late": None, "slow": None}
    cluster = FakeCluster(answers, gone={"late"})
    fleet = Fleet(name="made", bench="1", created="2026-11-26T12:00:00+00:00", command="fleet",
                  members=tuple(map(Member, answers)))  # fmt: skip
    places = {label: flow.Place(label, facts(label)) for label in answers}
    clock = count(step=10)

    def answer(saved: Fleet) -> None:
        answers.update(late=ANSWER, slow=ANSWER)

    done = flow.carry_out(fleet, places, [], cluster, tmp_path, answer, lambda text: None,
                          lambda: float(next(clock)))  # fmt: skip
    assert [member.run for member in done.members] == [None, "run.json"]


def test_what_cannot_be_saved_is_said_to_be_safe_where_it_is() -> None:
    fleet, _ = carry_out({"a": ANSWER}, Path(__file__))  # no folder
    reason = str(fleet.members[0].reason)
    assert "it is safe on the machine" in reason and str(ROOT) not in reason


def test_what_was_incomplete_is_replaced_by_what_is_whole(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"old")
    member = Member("a", run="run.json", reason="incomplete")
    fleet = Fleet(name="made", bench="1", created="2026-11-26T12:00:00+00:00", command="fleet",
                  members=(member,))  # fmt: skip
    places = {"a": flow.Place("a", facts("a"))}
    done = flow.carry_out(fleet, places, [], FakeCluster({"a": ANSWER}), tmp_path,
                          lambda fleet: None, lambda text: None)  # fmt: skip
    assert done.members == (Member("a", run="run.json"),)
    assert (tmp_path / "run.json").read_bytes() == b"{}" and len(list(tmp_path.iterdir())) == 1


def test_two_workers_of_a_machine_are_reduced_to_one_and_it_is_said() -> None:
    said: list[str] = []
    cluster = FakeCluster({"a": facts("x"), "b": facts("x"), "c": ValueError("no")})
    places, problems = flow.discover(cluster, said.append)
    assert [place.address for place in places] == ["a"] and said == [
        "b is on the machine of a: left out"
    ]
    assert problems == {"c": "ValueError: no"}


def test_versions_that_differ_are_said() -> None:
    places = [flow.Place("a", facts("x", jax="1")), flow.Place("b", facts("y", jax="2", torch="3"))]
    assert flow.differences(places) == ["jax: 1 on a; 2 on b", "torch: none on a; 3 on b"]


def test_no_address_is_in_the_reason_of_a_failure() -> None:
    error = RuntimeError("the worker 'tcp://10.0.3.17:4711' was lost, see https://dask.org")
    words = "RuntimeError: the worker '<address>' was lost, see https://dask.org"
    assert flow.in_words(error) == words
