"""Contenders take turns: who with whom, and one round of a group.

The machine's speed wanders by more than the backends differ; contenders that take turns, epoch by
epoch, see the same machine (docs/method.md).
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import count, pairwise
from typing import NamedTuple

from bench.machine import Monitor
from bench.results.jobs import Message, Waiting
from bench.results.records import (
    BoundTrial,
    Case,
    Failed,
    GemmBound,
    Trained,
    Trial,
    Verification,
    Verified,
)
from bench.run.process import Child
from bench.run.schedule import BOUND, Awake, Group

MEMORY_SHARE = 0.9  # of what is available that the children of a group may need
UNKNOWN_BYTES = 1_500_000_000  # that a child is taken to need if its verification cannot tell


def grouped(
    all_cases: Sequence[Case],
    verifications: Sequence[Verification],
    together: int | None,
    available: int | None,
) -> tuple[tuple[Case, ...], ...]:
    """Return which cases take turns: those of a workload on one kind of device.

    Unless `together` says otherwise, on the CPU as many as fit into memory, in groups of about
    equal size; on accelerators, whose memory frameworks reserve, each case by itself.
    """
    memory = {one.case: one.result.peak_memory_bytes for one in verifications
              if isinstance(one.result, Verified)}  # fmt: skip
    members: dict[tuple[str, str], list[Case]] = {}
    for case in all_cases:
        members.setdefault((case.workload, case.device.kind), []).append(case)
    found: list[tuple[Case, ...]] = []
    for cases in members.values():
        most = together or (len(cases) if cases[0].device.is_cpu else 1)
        sizes = [memory.get(case) or UNKNOWN_BYTES for case in cases]
        found += split(cases, most, sizes, available or sum(sizes) * 2)
    return tuple(found)


def split(
    cases: Sequence[Case], most: int, sizes: Sequence[int], available: int
) -> list[tuple[Case, ...]]:
    """Return groups of at most so many cases, of about equal size, that fit into memory.

    `sizes` are the bytes that each case needs; one more, for the GEMM bound, needs as many as the
    largest.
    """
    for parts in range(-(-len(cases) // most), len(cases) + 1):
        ends = [len(cases) * number // parts for number in range(parts + 1)]
        needed = max(sum(sizes[start:end]) for start, end in pairwise(ends)) + max(sizes)
        if needed <= MEMORY_SHARE * available:
            break
    return [tuple(cases[start:end]) for start, end in pairwise(ends)]


class Contender(NamedTuple):
    """A case, or the GEMM bound of a device, that takes part in a round."""

    name: str  # backend, or BOUND
    case: Case  # of a GEMM bound: of the backend whose interpreter measures it
    group: Group
    child: Child
    monitor: Monitor
    timeout: float  # seconds that its child may be at work
    started: str  # ISO 8601

    def awake(self, turn: int) -> Awake:
        """Return that it is at work: starting (turn 0), or in a turn."""
        return Awake("epoch" if turn else "start", self.name, self.case.device, self.group, turn)

    def receive(self) -> BoundTrial | Trial | None:
        """Wait for its next message, then suspend it; return its outcome, None if it goes on."""
        message = self.child.receive(self.timeout - self.child.awake_seconds)
        self.child.suspend()
        return None if isinstance(message, Waiting) else self._outcome(message)

    def _outcome(self, message: Message) -> BoundTrial | Trial:
        device, workload, number = self.case.device, self.case.workload, self.group.round
        if self.name == BOUND:
            bound = message if isinstance(message, GemmBound) else failed(message)
            return BoundTrial(device, workload, number, bound, self.group.number)
        return Trial(
            case=self.case,
            round=number,
            started=self.started,
            total_seconds=self.child.awake_seconds,
            conditions=self.monitor.finish(),
            result=message if isinstance(message, Trained) else failed(message),
        )


def take_turns(contenders: list[Contender], group: Group) -> Iterator[Awake | BoundTrial | Trial]:
    """Let contenders take turns, epoch by epoch: all are alive, exactly one is at work.

    They start one after the other, each suspended when it is ready. Their order is drawn anew for
    every turn.
    """
    shuffle = random.Random(f"order of group {group.number} in round {group.round}").shuffle
    going = list(contenders)
    with ExitStack() as children:
        for turn in count():
            shuffle(going)
            for contender in list(going):
                yield contender.awake(turn)
                if turn == 0:
                    children.enter_context(contender.child)
                else:
                    contender.child.resume()
                    contender.child.go()
                if (outcome := contender.receive()) is not None:
                    going.remove(contender)
                    yield outcome
            if not going:
                return


def failed(message: Message) -> Failed:
    """Return a message that is no result as a failure."""
    if isinstance(message, Failed):
        return message
    return Failed(kind="no result", reason=f"the child brought a {type(message).__name__}")
