"""Warnings: what about the machine could distort the numbers.

Each says what was seen, why it matters and what to try. A warning takes no row out of a ranking.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, TypeVar

from bench.machine.nvidia import DISTRESS
from bench.results.hardware import Conditions, Machine

LOAD = 0.5  # cores busy with other work
STOLEN = 0.02  # share of the time
FREQUENCY_DROP = 0.8  # lowest over highest frequency seen while trials ran
FIRST_TRIAL = 1.3  # seconds of the first trial over the median of the others
SPREAD = 1.25  # highest over lowest trial of a case
SLOW_EPOCH = 3.0  # over the median of its trial
MOST_NAMED = 8  # rows in one warning
SLOW_EPOCH_SECONDS = 0.02  # below that a single interruption by the system is enough

# What was seen -> the warning, with gaps for what was found.
WARNINGS = {
    "virtual": "This is a virtual machine{}: others on the same host can slow it down at any "
    "moment. Run more rounds, and rely on the intervals rather than on single times.",
    "translated": "This Python is built for {0} and runs through translation on {1}: everything "
    "takes longer than it would natively. Install a Python for {1}.",
    "shared": "Only {} of {} logical cores may be used here: work on the others competes for "
    "caches and memory. Allow this process more cores, or leave the others idle.",
    "quota": "This process is granted the time of {:g} cores, but may run on more: its threads are "
    "not pinned, and the system moves and pauses them. Give it cores of its own (a cpuset, docker "
    "run --cpuset-cpus) instead of a quota.",
    "load": "Other programs kept up to {:.1f} cores busy{}: they compete with the trials for cores "
    "and caches. Close them and run again.",
    "governor": "The CPU frequency governor is {}: the clock speed follows the load with a delay. "
    "Set it to performance (cpupower frequency-set -g performance) and run again.",
    "battery": "The machine is running on battery: most machines slow down to save power. Plug it "
    "in and run again.",
    "frequency": "The CPU ran at anything from {:,.0f} to {:,.0f} MHz during the trials: times at "
    "different clock speeds do not compare well. Improve the cooling, or fix the frequency.",
    "throttling": "The GPU throttled itself ({}): its times are those of an overheated or "
    "underpowered GPU. Improve its cooling or power supply, let it cool down and run again.",
    "stolen": "The hypervisor gave up to {:.0f} % of the CPU time to other guests{}: the trials "
    "had to wait. Run at a quieter time, or on a dedicated machine.",
    "warming": "The first trial took longer than the later ones ({}): something was still warming "
    "up. Run again now that the machine is warm.",
    "apart": "Trials of the same row differ widely ({}): the intervals are wide. Run more rounds "
    "(--until 2%), or find out what disturbs the machine (python -m bench doctor).",
    "slow epochs": "Single epochs took far longer than the others of their trial ({}): something "
    "interrupted them. The intervals allow for a few of these; if there are many, close other "
    "programs and run again.",
}

Found = tuple[Any, ...]  # what fills the gaps of a warning; empty if there is nothing to warn of
T = TypeVar("T")


def of_machine(machine: Machine) -> list[str]:
    """Return what can be said before anything has run."""
    usable, cores = machine.usable_cores or 0, machine.logical_cores or 0
    by = f" ({machine.hypervisor})" if machine.hypervisor else ""
    native = machine.native_architecture
    return _worded(
        {
            "virtual": (by,) if machine.virtual_machine else (),
            "translated": (machine.architecture, native) if native else (),
            "shared": (usable, cores) if 0 < usable < cores and not machine.cpu_quota else (),
        }
    ) + of_quota(machine)


def of_quota(machine: Machine) -> list[str]:
    """Return a warning where nothing decides on which processors the trials run."""
    return _worded({"quota": (machine.cpu_quota,) if machine.cpu_quota else ()})


def of_conditions(conditions: Sequence[Conditions]) -> list[str]:
    """Return what the conditions of a run's trials (or the present ones) show, each thing once."""
    governors = {seen.governor for seen in conditions if seen.governor} - {"performance"}
    reasons = DISTRESS & {reason for seen in conditions for reason in seen.gpu_throttle_reasons}
    clocks = [clock for seen in conditions for clock in seen.frequency_mhz or ()]
    lowest, highest = min(clocks, default=0.0), max(clocks, default=0.0)
    percents = [None if seen.stolen is None else 100 * seen.stolen for seen in conditions]
    return _worded(
        {
            "load": _above(LOAD, [seen.load for seen in conditions]),
            "governor": _listed(sorted(governors)),
            "battery": tuple(seen for seen in conditions if seen.on_battery),
            "frequency": (lowest, highest) if lowest < FREQUENCY_DROP * highest else (),
            "throttling": _listed(sorted(reasons)),
            "stolen": _above(100 * STOLEN, percents),
        }
    )


def _worded(found: Mapping[str, Found]) -> list[str]:
    return [WARNINGS[name].format(*gaps) for name, gaps in found.items() if gaps]


def _listed(names: Sequence[str]) -> Found:
    return (", ".join(names),) if names else ()


def _above(limit: float, seen: Sequence[float | None]) -> Found:
    """Return the highest value, and how often the limit was exceeded."""
    known = [value for value in seen if value is not None]
    high = [value for value in known if value > limit]
    often = f" in {len(high)} of {len(known)} trials" if len(known) > 1 else ""
    return (max(high), often) if high else ()


def of_trials(seconds: Mapping[str, Mapping[int, float]]) -> list[str]:
    """Return what the trials' seconds per epoch, by row and round, show, each thing once."""
    return _worded({"warming": _rows(seconds, _warming), "apart": _rows(seconds, _apart)})


def of_epochs(epochs: Mapping[str, Sequence[Sequence[float]]]) -> list[str]:
    """Return a warning about single slow epochs; `epochs` has each trial's seconds, by row."""
    return _worded({"slow epochs": _rows(epochs, _slow)})


def _rows(values: Mapping[str, T], judge: Callable[[T], str]) -> Found:
    """Return what is found about each row, with its name; of many rows the first ones."""
    judged = ((name, judge(value)) for name, value in values.items())
    found = [f"{name} {what}" for name, what in judged if what]
    others = len(found) - MOST_NAMED
    return _listed(found[:MOST_NAMED] + [f"and {others} more"] if others > 0 else found)


def _warming(rounds: Mapping[int, float]) -> str:
    first, *others = [rounds[number] for number in sorted(rounds)] or [0.0]
    slow = len(others) >= 2 and first > FIRST_TRIAL * median(others)
    return f"{first / median(others):.2f} times as long" if slow else ""


def _apart(rounds: Mapping[int, float]) -> str:
    lowest, highest = min(rounds.values(), default=0.0), max(rounds.values(), default=0.0)
    return f"{lowest:.3g} to {highest:.3g} s per epoch" if highest > SPREAD * lowest else ""


def _slow(trials: Sequence[Sequence[float]]) -> str:
    """Return how many epochs were slow, the first of each trial (which compiles) left out."""
    later = [trial[1:] for trial in trials if len(trial) > 1]
    times = [seconds / median(trial) for trial in later for seconds in trial
             if seconds > max(SLOW_EPOCH * median(trial), SLOW_EPOCH_SECONDS)]  # fmt: skip
    count = f"{len(times)} of {sum(map(len, later))} epochs"
    return f"{count}, up to {max(times):.1f} times as long" if times else ""
