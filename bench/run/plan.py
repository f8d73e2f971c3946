"""From what a person asked for to the cases of a run, checked against what there is."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from bench import machine
from bench.results.hardware import Gpu
from bench.results.records import MOST_CASES, Case, Described, Failed
from bench.run.backends import Backend
from bench.run.environment import STRICT_FLOAT32
from bench.run.executor import Session
from bench.workload import VARIANTS, Axis, Device, Workload, workload_for
from bench.workload.axes import THREADS, in_words, placed, points

ALL = "all"


class Refused(Exception):
    """What was asked for cannot be done: what, what was expected, what to do. Exit status 2."""


class Request(NamedTuple):
    """What a person asked for: names, `all` among them, and fields of the workload."""

    backends: Sequence[str]
    devices: Sequence[str]
    variants: Sequence[str]
    changes: Mapping[str, int | None] = {}  # fields of the workload; None: the device's default
    axes: Sequence[Axis] = ()  # with one value or several


class Plan(NamedTuple):
    """The cases, what they are made of, and who cannot take part; most of it goes into the run."""

    cases: tuple[Case, ...]
    workloads: dict[str, Workload]  # by fingerprint
    backends: dict[str, Described]
    environments: dict[str, dict[str, str]]  # by backend: variables that touch its numbers
    sources: dict[str, str]  # by backend: hash of its code
    axes: tuple[Axis, ...]  # with several values
    skipped: dict[str, str]  # backend -> reason

    @property
    def fields(self) -> dict[str, Any]:
        """What a run holds of it as it is."""
        return {name: value for name, value in self._asdict().items() if name != "skipped"}

    @property
    def accelerators(self) -> list[list[Gpu]]:
        """What frameworks say of those that the cases compute on, by backend and kind."""
        used = {(case.backend, case.device) for case in self.cases}
        found: dict[tuple[str, str], list[Gpu]] = {}
        for name, described in self.backends.items():
            for gpu in described.accelerators:
                if gpu.device and (name, gpu.device) in used:
                    found.setdefault((name, gpu.device.kind), []).append(gpu)
        return list(found.values())


def plan(
    session: Session, request: Request, say: Callable[[str], object] = lambda text: None
) -> Plan:
    """Return the cases for what was asked; raise Refused if that cannot be done.

    A backend that was asked for by name and cannot run is refused, one that `all` includes is
    skipped. `say` is told what takes time.
    """
    variants = choose("variant", request.variants, list(VARIANTS))
    _check_axes(request.axes, len(variants))
    names, skipped = choose_backends(request.backends, session.backends, session.pythons)
    say(f"asking for devices: {', '.join(names)} …")
    answers = session.describe_all(names)
    described = {name: one for name, one in answers.items() if isinstance(one, Described)}
    skipped |= _broken(answers, request.backends)
    devices = choose_devices(request.devices, described)
    for name, found in devices.items():
        if not found:
            skipped[name] = _no_device(described[name], session.backends[name].purpose)
    cases, workloads = _cases(devices, variants, request)
    _check_number(cases, skipped)
    backends = {name: session.backends[name] for name in described}
    environments = {name: STRICT_FLOAT32 | one.environment for name, one in backends.items()}
    sources = {name: one.source for name, one in backends.items()}
    axes = tuple(axis for axis in request.axes if len(axis.values) > 1)
    return Plan(cases, workloads, described, environments, sources, axes, skipped)


def _broken(answers: Mapping[str, Described | Failed], asked: Sequence[str]) -> dict[str, str]:
    """Return who did not answer, and why; raise Refused for one that was asked for by name."""
    broken = {name: f"broken: {one}" for name, one in answers.items() if isinstance(one, Failed)}
    for name in broken.keys() & set(asked):
        raise Refused(
            f"the backend {name!r} is {broken[name]}; expected its devices and versions: "
            "repair it, or leave it out"
        )
    return broken


def _check_number(cases: Sequence[Case], skipped: Mapping[str, str]) -> None:
    """Raise Refused if there are no cases, or more than a run may have."""
    if not cases:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise Refused(f"nothing is left to run ({reasons}): see `python -m bench list`")
    if len(cases) > MOST_CASES:
        raise Refused(
            f"{len(cases)} cases are more than the {MOST_CASES} that a run may have: name fewer "
            "backends, devices or variants"
        )


def _cases(
    devices: Mapping[str, Sequence[Device]], variants: Sequence[str], request: Request
) -> tuple[tuple[Case, ...], dict[str, Workload]]:
    """Return a case for each point × backend × device, and the workloads by fingerprint."""
    cases: dict[Case, None] = {}  # each once: two variants may meet in a point
    workloads = {}
    for variant, point in product(variants, points(request.axes)):
        for backend, found in devices.items():
            for device in found:
                workload = placed(workload_for(variant, device, **request.changes), point)
                workloads[workload.fingerprint] = workload
                threads = point.get(THREADS) if device.is_cpu else None
                assert threads is None or isinstance(threads, int), "it is a number"
                cases[Case(backend, device, workload.fingerprint, threads)] = None
    return tuple(cases), workloads


def _check_axes(axes: Sequence[Axis], variants: int) -> None:
    """Raise Refused if there are more points than a run may have, or threads than processors."""
    count = variants * prod(len(axis.values) for axis in axes)
    if count > MOST_CASES:
        sizes = " × ".join(f"{len(axis.values)} values of {in_words(axis.name)}" for axis in axes)
        raise Refused(
            f"{sizes} are {count:,} points; expected at most {MOST_CASES}: name fewer values"
        )
    for axis in axes:
        if axis.name == THREADS:
            threads_for(max(int(value) for value in axis.values))


def _no_device(described: Described, purpose: str) -> str:
    if described.devices:
        return f"none of its devices was asked for ({', '.join(map(str, described.devices))})"
    return f"it sees no device here ({purpose})" if purpose else "it sees no device here"


def choose(kind: str, asked: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return the known names asked for, in their order, `all` standing for every one."""
    names = _some(kind, asked)
    for name in names:
        if name not in (*known, ALL):
            raise Refused(unknown(kind, name, known))
    return list(known) if ALL in names else [name for name in known if name in names]


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """Return the message for a name that is not known, with the nearest one and the list."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
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


def threads_for(asked: int | None) -> int:
    """Return the number of threads, by default the fast cores; raise Refused if too many."""
    usable = machine.usable_cores(10**6)
    if asked and usable and asked > len(usable):
        raise Refused(
            f"--threads {asked} is more than this process may use; expected 1 to {len(usable)}: "
            "give fewer, or leave it out"
        )
    return asked or machine.fast_cores()
