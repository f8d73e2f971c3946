"""From what a person asked for to the rows of a run: backends, their devices, the workloads."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.records import MOST_ROWS, Cell, Described, Failed
from bench.runner import plan_cells
from bench.selection import Refused, choose_backends, choose_devices, choose_variants
from bench.session import Session, all_side_by_side, describe
from bench.workload import Workload


class Asked(NamedTuple):
    """Which rows a person asked for; sizes of None are the device's defaults."""

    backends: Sequence[str]
    devices: Sequence[str]
    variants: Sequence[str]
    epochs: int | None = None
    train_samples: int | None = None
    test_samples: int | None = None


class Plan(NamedTuple):
    """The rows, what they are made of, and who cannot take part."""

    cells: tuple[Cell, ...]
    workloads: dict[str, Workload]  # by fingerprint
    described: dict[str, Described]  # by backend
    skipped: dict[str, str]  # backend -> reason


def plan(session: Session, asked: Asked, say: Callable[[str], object] = lambda text: None) -> Plan:
    """Return the rows for what was asked; raise Refused if that cannot be done.

    A backend that was asked for by name and cannot run is refused, one that `all` includes is
    skipped. `say` is told what takes time.
    """
    variants = choose_variants(asked.variants)
    names, skipped = choose_backends(asked.backends, session.backends, session.pythons)
    say(f"asking for devices: {', '.join(names)} …")
    described = {}
    answers = all_side_by_side(session, describe, names, at_once=session.threads)
    for name, result in answers.items():
        if isinstance(result, Described):
            described[name] = result
        elif name in asked.backends:
            raise Refused(
                f"the backend {name!r} is broken: {in_words(result)}; expected its devices and "
                "versions: repair it, or leave it out"
            )
        else:
            skipped[name] = f"broken: {in_words(result)}"
    devices = choose_devices(asked.devices, described)
    for name in [name for name, found in devices.items() if not found]:
        skipped[name] = _no_device(described[name], session.backends[name].purpose)
    sizes = (asked.epochs, asked.train_samples, asked.test_samples)
    cells, workloads = plan_cells(devices, variants, *sizes)
    if not cells:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise Refused(f"nothing is left to run ({reasons}): see `python -m bench list`")
    if len(cells) > MOST_ROWS:
        raise Refused(
            f"{len(cells)} rows are more than the {MOST_ROWS} that a run may have: name fewer "
            "backends, devices or variants"
        )
    return Plan(cells, workloads, described, skipped)


def in_words(failed: Failed) -> str:
    """Return why a child failed, with the last line that it printed, if that says more."""
    last = failed.log_tail[-1] if failed.log_tail else ""
    more = "" if last.endswith(failed.reason) or not last else f"; it printed last: {last}"
    return f"{failed.kind}: {failed.reason}{more}"


def _no_device(described: Described, purpose: str) -> str:
    if described.devices:
        return f"none of its devices was asked for ({', '.join(described.devices)})"
    return f"it sees no device here ({purpose})" if purpose else "it sees no device here"
