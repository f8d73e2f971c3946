"""From what a person asked for to the cases of a run, checked against what there is."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from bench import machine
from bench.results.hardware import Gpu
from bench.results.records import MOST_CASES, Case, Described, Failed
from bench.run.backends import Backend
from bench.run.choices import Refused, choose, choose_backends, choose_devices
from bench.run.environment import STRICT_FLOAT32
from bench.run.executor import Session
from bench.workload import VARIANTS, Axis, Device, Workload, workload_for
from bench.workload.axes import THREADS, in_words, placed, points

NO_BFLOAT16 = (
    "left out in bfloat16, for which this processor has no instructions: it would take tens of "
    "times as long; name the backend to have it nevertheless"
)


class Request(NamedTuple):
    """What a person asked for: names, `all` among them, and fields of the workload."""

    backends: Sequence[str]
    devices: Sequence[str]
    variants: Sequence[str]
    changes: Mapping[str, int | None] = {}  # fields of the workload; None: the device's default
    axes: Sequence[Axis] = ()  # with one value or several
    multiplies_bfloat16: bool | None = None  # whether the processor has instructions for it


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
    left_out = _in_other_precisions(cases, workloads, session.backends, request)
    cases = tuple(case for case in cases if case not in left_out)
    workloads = {case.workload: workloads[case.workload] for case in cases}
    skipped |= _reasons(left_out, {case.backend for case in cases})
    _check_number(cases, skipped)
    backends = {name: session.backends[name] for name in described}
    environments = {name: STRICT_FLOAT32 | one.environment for name, one in backends.items()}
    sources = {name: one.source for name, one in backends.items()}
    in_threads = any(case.threads for case in cases)  # none are, on accelerators alone
    axes = tuple(axis for axis in request.axes
                 if len(axis.values) > 1 and (axis.name != THREADS or in_threads))  # fmt: skip
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
        raise Refused(f"nothing is left to run ({reasons}): see `python -m bench list --devices`")
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


def _in_other_precisions(
    cases: Iterable[Case],
    workloads: Mapping[str, Workload],
    backends: Mapping[str, Backend],
    request: Request,
) -> dict[Case, str]:
    """Return the cases in another precision than float32 that are no rows, and why."""
    found = {}
    for case in cases:
        precision = workloads[case.workload].precision
        if not backends[case.backend].computes_in(precision, case.device):
            found[case] = f"it does not compute in {precision} on {case.device.kind}"
        elif precision == "bfloat16" and case.device.is_cpu and not _may_multiply(request, case):
            found[case] = NO_BFLOAT16
    return found


def _may_multiply(request: Request, case: Case) -> bool:
    """Return whether a backend may compute in bfloat16 on the processor, however slow it is."""
    return request.multiplies_bfloat16 is not False or case.backend in request.backends


def _reasons(left_out: Mapping[Case, str], there: Collection[str]) -> dict[str, str]:
    """Return who is skipped for want of a precision: whoever has no row, or would be too slow."""
    return {case.backend: reason for case, reason in left_out.items()
            if case.backend not in there or reason == NO_BFLOAT16}  # fmt: skip


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


def threads_for(asked: int | None) -> int:
    """Return the number of threads, by default the fast cores; raise Refused if too many."""
    usable = machine.usable_cores(10**6)
    if asked and usable and asked > len(usable):
        raise Refused(
            f"--threads {asked} is more than this process may use; expected 1 to {len(usable)}: "
            "give fewer, or leave it out"
        )
    return asked or machine.fast_cores()
