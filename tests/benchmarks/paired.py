"""Two backends that take turns, epoch by epoch, as the contenders of a run do."""

from collections.abc import Callable, Sequence

from bench.results import statistics
from bench.results.records import Case, Failed, Trial
from bench.results.statistics import Interval, Timings
from bench.run.choices import Refused
from bench.run.executor import Session
from bench.run.groups import Group
from bench.run.schedule import Awake
from bench.workload import CPU, workload_for


def compared(
    session: Session,
    pair: tuple[str, str],
    rounds: int,
    turns: int,
    before: Callable[[Awake], object] = lambda awake: None,
) -> tuple[Timings, Timings, Interval]:
    """Return the timings of both, and the first over the second; raise Refused if a trial fails.

    `before` is called before each of their turns.
    """
    workload = workload_for("relu", CPU, epochs=2, test_samples=1)  # there is nothing to score
    cases = tuple(Case(name, CPU, workload.fingerprint) for name in pair)
    seconds: dict[str, dict[int, Sequence[float]]] = {name: {} for name in pair}
    for number in range(rounds):
        for event in session.take_turns([Group(workload, cases, number, extra_epochs=turns - 1)]):
            if isinstance(event, Awake):
                before(event)
            elif isinstance(event, Trial):
                if isinstance(event.result, Failed):
                    raise Refused(f"a trial of {event.case.backend} failed: {event.result}")
                seconds[event.case.backend][number] = event.result.timed_seconds
    first, second = (Timings(found, pair[0]) for found in seconds.values())
    ratio = statistics.ratio(first, second)
    assert ratio is not None, "they have all rounds in common"
    return first, second, ratio


def in_words(ratio: Interval) -> list[str]:
    """Return a ratio, its interval and the number of turns behind it."""
    return [f"{ratio.centre:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}", str(ratio.values)]
