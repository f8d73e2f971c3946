"""Contenders take turns: one round of a group.

The machine's speed wanders by more than the backends differ; contenders that take turns, epoch by
epoch, see the same machine (docs/method.md).
"""

import datetime
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count, dropwhile
from typing import NamedTuple, Self

from bench.machine import Monitor
from bench.results.jobs import Message, Waiting
from bench.results.records import BoundTrial, Case, Failed, GemmBound, Trained, Trial
from bench.run.groups import BOUND, Group, Stage
from bench.run.process import Child
from bench.run.schedule import Awake, Turns
from bench.workload import Device, Precision


class Who(NamedTuple):
    """Who takes turns: what its process is started with."""

    name: str  # backend, or BOUND
    device: Device
    threads: int | None = None  # as in Case
    precision: Precision = "float32"
    copy: int = 0  # where one case takes part several times, as with `doctor --noise`


class Part(NamedTuple):
    """What a contender does in a group."""

    group: Group
    case: Case  # of a GEMM bound: of the backend whose interpreter measures it


Start = Callable[[Sequence[Part], Callable[[], object]], Child]


class Contender:
    """A backend on a device, or the GEMM bound there, that goes from group to group in one process.

    Should it fail in one, another process goes on with the next.
    """

    def __init__(
        self,
        who: Who,
        parts: Sequence[Part],
        start: Start,
        monitor: Callable[[], Monitor | None],
        timeout: float,
    ) -> None:
        """Remember what to do.

        `start` makes a child for what is left of the parts, given what to call once a second;
        `monitor` is called before each part, for which the child has so many seconds.
        """
        self._who, self._parts, self._start, self._timeout = who, parts, start, timeout
        self._watch = monitor
        self._monitor: Monitor | None = None
        self._children = ExitStack()
        self._child: Child | None = None
        self._began = ""  # its part in the group, ISO 8601
        self._before = 0.0  # seconds that its child had been at work by then

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End its child."""
        self._children.close()

    def takes_part(self, group: Group) -> bool:
        """Whether it has anything to do in a group."""
        return any(part.group == group for part in self._parts)

    def awake(self, group: Group, turn: int) -> Awake:
        """Return that it is at work: starting or building (turn 0), or in a turn."""
        beginning: Stage = "start" if self._child is None else "build"
        name, device, threads, precision, _ = self._who
        stage = group.stage(turn, beginning)
        return Awake(stage, name, device, group, turn, threads, precision)

    def look(self) -> None:
        """Note what the machine is like before a group begins, while no contender is at work."""
        self._monitor = self._watch()

    def begin(self, group: Group) -> None:
        """Let its child, or a new one, get ready for a group."""
        self._began = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        if self._child is not None:
            self._before = self._child.awake_seconds
            self.go_on()
            return
        left = [*dropwhile(lambda part: part.group != group, self._parts)]
        self._before = 0.0
        self._child = self._children.enter_context(self._start(left, self._sample))

    def _sample(self) -> None:
        if self._monitor:
            self._monitor.sample()

    def go_on(self) -> None:
        """Let its child do the next step."""
        assert self._child is not None, "it has begun"
        self._child.resume()
        self._child.go()

    def receive(self, group: Group) -> BoundTrial | Trial | None:
        """Wait for its next message, then suspend it; return its outcome, None if it goes on."""
        assert self._child is not None, "it has begun"
        message = self._child.receive(self._timeout - self._child.awake_seconds + self._before)
        self._child.suspend()
        if isinstance(message, Waiting):
            return None
        seconds = self._child.awake_seconds - self._before
        if self._before and isinstance(message, Trained):  # what its process took before
            seconds += message.start_seconds + message.import_seconds
        if not isinstance(message, Trained | GemmBound):
            self._children.close()
            self._child = None
        return self._outcome(group, message, seconds)

    def _outcome(self, group: Group, message: Message, seconds: float) -> BoundTrial | Trial:
        name, device, threads, precision, _ = self._who
        work = group.work(precision).fingerprint
        if name == BOUND:
            bound = message if isinstance(message, GemmBound) else failed(message)
            return BoundTrial(device, work, group.round, bound, group.number, threads)
        assert self._monitor is not None, "a backend has one"
        return Trial(
            case=Case(name, device, work, threads),
            round=group.round,
            started=self._began,
            total_seconds=seconds,
            conditions=self._monitor.finish(),
            result=message if isinstance(message, Trained) else failed(message),
        )


def take_turns(contenders: Sequence[Contender], group: Group, at_once: int = 1) -> Turns:
    """Let contenders take turns, epoch by epoch: all are alive, exactly one is at work.

    Before that they get ready, `at_once` of them side by side, each suspended as soon as it is.
    Their order is drawn anew for every turn.
    """
    shuffle = random.Random(f"order of group {group.number} in round {group.round}").shuffle
    going = [one for one in contenders if one.takes_part(group)]
    for contender in going:
        contender.look()
    for turn in count():
        shuffle(going)
        most = 1 if turn else at_once
        waiting, at_work = deque(going), deque[Contender]()
        while waiting or at_work:
            if waiting and len(at_work) < most:
                contender = waiting.popleft()
                yield contender.awake(group, turn)
                if turn:
                    contender.go_on()
                else:
                    contender.begin(group)
                at_work.append(contender)
            else:
                contender = at_work.popleft()
                if (outcome := contender.receive(group)) is not None:
                    going.remove(contender)
                    yield outcome
        if not going:
            return


def failed(message: Message) -> Failed:
    """Return a message that is no result as a failure."""
    if isinstance(message, Failed):
        return message
    return Failed(kind="no result", reason=f"the child brought a {type(message).__name__}")
