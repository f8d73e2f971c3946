"""What a person asked for by name, checked against what there is."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from bench.results.records import Described
from bench.run.backends import Backend
from bench.workload import Device

ALL = "all"


class Refused(Exception):
    """What was asked for cannot be done: what, what was expected, what to do. Exit status 2."""


def choose(kind: str, asked: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the known names asked for, in their order, `all` standing for every one."""
    names = _some(kind, asked)
    for name in names:
        if name not in (*known, ALL):
            raise Refused(unknown(kind, name, known))
    return list(known) if ALL in names else [name for name in known if name in names]


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the message for a name that is not known, with the nearest one and the list."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)  # "gpu" is not "cpu"
    guess = f"Did you mean {near[0]!r}? " if near else ""
    return f"there is no {kind} {name!r}. {guess}There are: {', '.join(known) or 'none'}"


def _some(kind: str, asked: Iterable[str]) -> list[str]:
    """Return the names asked for; raise Refused if there are none."""
    names = list(asked)
    if not names:
        raise Refused(f"--{kind} names none; expected a name, several separated by commas, or all")
    return names


def choose_backends(
    asked: Iterable[str], discovered: Mapping[str, Backend], elsewhere: Iterable[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return the backends to run, and for those left out of `all` the reason.

    A backend asked for by name must be installed, or have an interpreter of its own (be in
    `elsewhere`); with `all` it is left out.
    """
    names, left_out = list(asked), {}
    chosen = choose("backend", names, list(discovered))
    for name in chosen:
        backend = discovered[name]
        if name in elsewhere:
            continue
        if backend.problem and name in names:
            raise Refused(f"the backend {name!r} cannot run here, it is {backend.problem}")
        if backend.problem:
            left_out[name] = backend.problem
        elif not backend.is_default and name not in names:
            left_out[name] = f"only by name on this platform: {backend.purpose}"
    return [name for name in chosen if name not in left_out], left_out


def check_pythons(pythons: Iterable[str], discovered: Iterable[str]) -> None:
    """Raise Refused if an interpreter is given for what is no backend: it would go unnoticed."""
    known = list(discovered)
    for name in pythons:
        if name not in known:
            raise Refused(f"--python {name}=…: {unknown('backend', name, known)}")


def choose_devices(
    asked: Iterable[str], described: Mapping[str, Described]
) -> dict[str, list[Device]]:
    """Return the devices of each backend that were asked for: `cuda` means every `cuda:N`."""
    there = list(dict.fromkeys(device for one in described.values() for device in one.devices))
    wanted: list[Device] = []
    for name in _some("device", asked):
        matching = [device for device in there if name in (ALL, str(device), device.kind)]
        if not matching and name != ALL:
            raise Refused(
                f"{unknown('device', name, list(map(str, there)))} (that the chosen backends see)"
            )
        wanted += matching
    return {
        backend: [device for device in one.devices if device in wanted]
        for backend, one in described.items()
    }
