"""What about the machine endangers the numbers: what was seen, why it matters, what to do."""

from collections.abc import Mapping, Sequence
from statistics import median

from bench.records import Cell, Machine, Moment

LOAD = 0.5  # cores busy with other work
STOLEN = 0.02  # share of the time
FREQUENCY_DROP = 0.8  # lowest over highest frequency seen while trials ran
FIRST_TRIAL = 1.3  # seconds of the first trial over the median of the others
SPREAD = 0.25  # highest over lowest trial of a cell, less 1
THERMAL = ("thermal", "power brake", "hw slowdown")  # parts of NVIDIA's throttle reasons


def of_machine(machine: Machine) -> list[str]:
    """Return what can be said before anything has run."""
    found = []
    if machine.virtual_machine:
        found.append(
            f"This is a virtual machine{_by(machine.hypervisor)}: neighbours on the same host "
            "move the times. Run more rounds, and believe only intervals."
        )
    if (
        machine.usable_cores
        and machine.logical_cores
        and machine.usable_cores < machine.logical_cores
    ):
        found.append(
            f"Only {machine.usable_cores} of {machine.logical_cores} logical cores may be used "
            "here: others may work on the rest and share caches and memory. Widen the affinity, or "
            "leave the rest idle."
        )
    return found


def _by(hypervisor: str | None) -> str:
    return f" ({hypervisor})" if hypervisor else ""


def of_moments(moments: Sequence[Moment]) -> list[str]:
    """Return what the moments of a run (or the present one) show, each risk once."""
    found = [_load(moments), _governor(moments), _battery(moments), _frequency(moments),
             _throttling(moments), _stolen(moments)]  # fmt: skip
    return [risk for risk in found if risk]


def _load(moments: Sequence[Moment]) -> str | None:
    loads = [moment.load for moment in moments if moment.load is not None]
    busy = [load for load in loads if load > LOAD]
    if not busy:
        return None
    return (
        f"Other programs kept up to {max(busy):.1f} cores busy{_often(len(busy), len(loads))}: "
        "they take time and caches from the trials. Close them and run again."
    )


def _governor(moments: Sequence[Moment]) -> str | None:
    governors = {moment.governor for moment in moments if moment.governor}
    slow = sorted(governors - {"performance"})
    if not slow:
        return None
    return (
        f"The CPU frequency governor is {', '.join(slow)}: the clock follows the load, late. Set "
        "it to performance (cpupower frequency-set -g performance) and run again."
    )


def _battery(moments: Sequence[Moment]) -> str | None:
    if not any(moment.on_battery for moment in moments):
        return None
    return "The machine runs on battery: most are slower then. Plug it in and run again."


def _frequency(moments: Sequence[Moment]) -> str | None:
    ranges = [moment.frequency_mhz for moment in moments if moment.frequency_mhz]
    if not ranges:
        return None
    lowest, highest = min(low for low, _ in ranges), max(high for _, high in ranges)
    if lowest >= FREQUENCY_DROP * highest:
        return None
    return (
        f"While trials ran the CPU's frequency went from {highest:,.0f} down to {lowest:,.0f} MHz: "
        "trials at different clocks are not alike. Improve the cooling or fix the frequency."
    )


def _throttling(moments: Sequence[Moment]) -> str | None:
    reasons = {reason for moment in moments for reason in moment.gpu_throttle_reasons}
    bad = sorted(reason for reason in reasons if any(part in reason.lower() for part in THERMAL))
    if not bad:
        return None
    return (
        f"The GPU slowed itself down ({', '.join(bad)}): its times are those of a hot or starved "
        "GPU. Improve cooling or power, let it cool down and run again."
    )


def _stolen(moments: Sequence[Moment]) -> str | None:
    shares = [moment.stolen for moment in moments if moment.stolen is not None]
    bad = [share for share in shares if share > STOLEN]
    if not bad:
        return None
    return (
        f"The hypervisor gave up to {100 * max(bad):.0f} % of the CPU time to others"
        f"{_often(len(bad), len(shares))}: those trials waited. Run at a quieter time, or on a "
        "machine of its own."
    )


def _often(count: int, total: int) -> str:
    return "" if total == 1 else f" in {count} of {total} trials"


def of_trials(seconds: Mapping[Cell, Mapping[int, float]]) -> list[str]:
    """Return what the trials' seconds per epoch, by cell and round, show, each risk once."""
    warming, apart = [], []
    for cell, rounds in seconds.items():
        name = f"{cell.backend} on {cell.device}"
        others = [value for number, value in rounds.items() if number != min(rounds)]
        if len(others) >= 2 and rounds[min(rounds)] > FIRST_TRIAL * median(others):
            warming.append(f"{name} {rounds[min(rounds)] / median(others):.2f} times the others")
        if len(rounds) > 1 and max(rounds.values()) > (1 + SPREAD) * min(rounds.values()):
            lowest, highest = min(rounds.values()), max(rounds.values())
            apart.append(f"{name} {lowest:.3g} to {highest:.3g} s an epoch")
    found = []
    if warming:
        found.append(
            f"First trials were slow ({', '.join(warming)}): something was still warming up. Run "
            "again, now that the machine is warm."
        )
    if apart:
        found.append(
            f"Trials lie far apart ({', '.join(apart)}): their intervals are wide. Run more rounds "
            "(--until 2%), or find what disturbs the machine (python -m bench doctor)."
        )
    return found
