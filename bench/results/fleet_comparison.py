"""Machines of one kind beside each other: which deviates, what differs there, which errs.

A machine's value is the median over the cases of its log seconds less the median of its peers in
the same case. It deviates if its distance from the median of the values is beyond all that equal
machines would show, in units of their own spread, and beyond SMALLEST. The spread is the standard
deviation of those that are not far away, as Qn and the median absolute deviation tell, whichever is
larger (Rousseeuw and Croux, JASA 88, 1993): where half of the machines are slower, none is the odd
one. The limit is the one that the farthest of as many equal machines exceeds in 5 % of simulated
fleets.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from statistics import median, mode
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from bench.results.cases import Row
from bench.results.records import Case, Run
from bench.results.validity import tolerance

FALSE_ALARMS = 0.035  # of a fleet: noise is not quite normal, and 0.05 shall not be exceeded
SMALLEST = 0.03  # deviation that is worth a name
FEWEST = 5  # machines: fewer cannot tell which of them is the odd one
SIMULATED, MOST_SIMULATED = 4_000, 100  # fleets, and machines; of more the normal limit holds
QN, MAD = 2.2191, 1.4826  # factors to the standard deviation
FAR = 3.0  # standard deviations: beyond, a machine is left out of the spread
LIKE = 0.1  # of a frequency, memory or share: less is no difference

Floats = NDArray[np.float64]
Seconds = Mapping[Case, float]
Fact = str | float


class Standing(NamedTuple):
    """Where a machine stands among those of its kind."""

    ratio: float  # of its seconds to the median of its kind
    deviates: bool


def standings(seconds: Mapping[str, Seconds]) -> dict[str, Standing]:
    """Return where each machine of a kind stands, by label."""
    values = _values(seconds)
    far = _distances(np.array([list(values.values())]))[0] if len(values) >= FEWEST else []
    limit = _limit(len(values)) if len(values) >= FEWEST else np.inf
    beyond = dict(zip(values, far, strict=False))
    return {
        label: Standing(
            float(np.exp(value)), beyond.get(label, 0) > limit and abs(value) > np.log1p(SMALLEST)
        )
        for label, value in values.items()
    }


def _values(seconds: Mapping[str, Seconds]) -> dict[str, float]:
    """Return each machine's log ratio to its kind, the median over the cases."""
    by_case: dict[Case, list[float]] = {}
    for some in seconds.values():
        for case, value in some.items():
            by_case.setdefault(case, []).append(value)
    typical = {case: median(values) for case, values in by_case.items()}
    return {
        label: median(np.log(value / typical[case]) for case, value in some.items())
        for label, some in seconds.items()
        if some
    }


def _distances(fleets: Floats) -> Floats:
    """Return how far each machine is from the median of its fleet, in units of the spread."""
    count = fleets.shape[1]
    half = count // 2 + 1
    one, other = np.triu_indices(count, 1)
    pairs = np.abs(fleets[:, one] - fleets[:, other])
    place = half * (half - 1) // 2 - 1
    off = np.abs(fleets - np.median(fleets, axis=1, keepdims=True))
    qn = QN * np.partition(pairs, place, axis=1)[:, place]
    rough = np.maximum(np.maximum(qn, MAD * np.median(off, axis=1)), 1e-12)[:, None]
    near = off <= FAR * rough
    centre = (fleets * near).sum(axis=1, keepdims=True) / near.sum(axis=1, keepdims=True)
    squares = ((fleets - centre) ** 2 * near).sum(axis=1) / np.maximum(near.sum(axis=1) - 1, 1)
    distances: Floats = off / np.maximum(np.sqrt(squares), 1e-12)[:, None]
    return distances


@lru_cache(maxsize=256)
def _limit(count: int) -> float:
    """Return the distance that the farthest of so many equal machines seldom exceeds."""
    if count > MOST_SIMULATED:
        return float(-ndtri(FALSE_ALARMS / 2 / count))
    generator = np.random.default_rng(count)
    fleets = generator.normal(size=(SIMULATED, count))
    # In parts: pairs of a hundred machines take memory.
    farthest = [_distances(part).max(axis=1) for part in np.array_split(fleets, 20)]
    return float(np.quantile(np.concatenate(farthest), 1 - FALSE_ALARMS))


def wrong_losses(rows: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """Return which machines of a kind compute other losses from equal inputs, in words.

    They are compared with the median of the others' last losses in the same case and round.
    """
    found: dict[tuple[Hashable, ...], dict[str, tuple[Row, float]]] = {}
    for label, some in rows.items():
        for row in some:
            for number, trained in row.trials.items():
                key = (row.case, number, trained.inputs)
                found.setdefault(key, {})[label] = row, trained.epochs[-1].loss
    return dict(word for same in found.values() if len(same) > 2 for word in _odd_losses(same))


def _odd_losses(same: Mapping[str, tuple[Row, float]]) -> Iterator[tuple[str, str]]:
    typical = median(loss for _, loss in same.values())
    for label, (row, loss) in same.items():
        first = next(iter(row.trials.values())).epochs[0].loss
        if abs(loss - typical) > tolerance(row.workload).loss * first:
            words = f"{row.case.backend} ends with the loss {loss:.5g}"
            yield label, f"{words}, its peers' {typical:.5g}"


def what_differs(run: Run, peers: Iterable[Run]) -> list[str]:
    """Return in words what of a machine's facts and conditions is unlike most of its peers'."""
    mine, theirs = _circumstances(run), [_circumstances(one) for one in peers]
    found = []
    for name, value in mine.items():
        others = [one[name] for one in theirs if name in one]
        if others and (usual := _usual(others)) != value and not _alike(value, usual):
            found.append(f"{name} {_in_words(value)}, its peers {_in_words(usual)}")
    return found


def _usual(values: Sequence[Fact]) -> Fact:
    numbers = [value for value in values if isinstance(value, float)]
    return median(numbers) if len(numbers) == len(values) else mode(values)


def _alike(one: Fact, other: Fact) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return abs(one - other) <= LIKE * max(abs(other), LIKE)


def _in_words(value: Fact) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _circumstances(run: Run) -> dict[str, Fact]:
    """Return what may explain a machine's speed: facts, versions, conditions over the trials."""
    machine = msgspec.structs.asdict(run.machine)
    facts: dict[str, Fact] = {
        name.replace("_", " "): float(value) if name == "ram_bytes" and value else str(value)
        for name, value in machine.items() if value is not None and name != "identity"
    }  # fmt: skip
    for name, described in run.backends.items():
        facts |= {f"{name}: {what}": str(version) for what, version in described.versions.items()}
    conditions = [trial.conditions for trial in run.trials]
    lists: dict[str, list[float]] = {
        "load": [one.load for one in conditions if one.load is not None],
        "stolen": [one.stolen for one in conditions if one.stolen is not None],
        "frequency": [one.frequency_mhz[1] for one in conditions if one.frequency_mhz],
    }
    facts |= {name: float(median(some)) for name, some in lists.items() if some}
    if governors := [one.governor for one in conditions if one.governor]:
        facts["governor"] = mode(governors)
    reasons = {reason for one in conditions for reason in one.gpu_throttle_reasons}
    facts["throttling"] = ", ".join(sorted(reasons)) or "none"
    return facts
