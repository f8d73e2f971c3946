"""An executor that answers at once: a run is tested without measuring anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from made import (
    make_bound_trial,
    make_described,
    make_gemm_bound,
    make_trained,
    make_trial,
    make_verification,
)

from bench.results.records import BoundTrial, Case, Described, Failed, Run, Trial, Verification
from bench.run.backends import Backend
from bench.run.groups import BOUND, Group, grouped
from bench.run.schedule import Awake, Turns
from bench.workload import Workload

VERIFICATION = "verification"


class FakeExecutor:
    """Stands for a Session: its children are none, and it notes what was asked of them.

    `results` are what the trials of a backend bring, by its name, and what every GEMM bound and
    every verification does; a function is asked for each. `described` are the backends that there
    are. `on_group` is called before the trials of each group.
    """

    def __init__(
        self,
        results: Mapping[str, Any] = {},
        described: Mapping[str, Described | Failed] = {},
        on_group: Callable[[Group], object] = lambda group: None,
    ) -> None:
        self.described = described or {name: make_described() for name in ("numpy", "torch")}
        self.backends = {name: Backend(name, Path(f"{name}.py")) for name in self.described}
        self.pythons: dict[str, str] = {}
        self.verified: list[Case] = []
        self.groups: list[Group] = []
        self._results = results
        self._on_group = on_group

    def describe(self, name: str) -> Described | Failed:
        return self.described[name]

    def describe_all(self, names: Sequence[str]) -> dict[str, Described | Failed]:
        return {name: self.described[name] for name in names}

    def verify(
        self, workloads: Mapping[str, Workload], cases: Sequence[Case]
    ) -> Iterator[Awake | Verification]:
        for case in cases:
            yield Awake("verification", case.backend, case.device)
            self.verified.append(case)
            yield make_verification(case, self._result(VERIFICATION, None))

    def group(self, run: Run) -> tuple[tuple[Case, ...], ...]:
        return grouped(msgspec.structs.replace(run, verifications=()), len(run.cases), None)

    def take_turns(self, groups: Sequence[Group]) -> Turns:
        begun: set[Any] = set()
        for group in groups:
            self.groups.append(group)
            self._on_group(group)
            contenders = [(BOUND, *place) for place in group.bounds]
            contenders += [(case.backend, *group.place(case)) for case in group.cases]
            for turn in range(max(group.turns_of(who) for who, *_ in contenders) + 1):
                for who, device, *rest in contenders:
                    if turn <= group.turns_of(who):
                        begins: Any = "build" if (who, device, *rest) in begun else "start"
                        yield Awake(group.stage(turn, begins), who, device, group, turn, *rest)
            begun.update(contenders)
            yield from self._outcomes(group)

    def _outcomes(self, group: Group) -> Iterator[BoundTrial | Trial]:
        for place in group.bounds:
            result = self._result(BOUND, make_gemm_bound())
            work = group.work(place.precision)
            bound = make_bound_trial(work, group.round, result, str(place.device))
            yield msgspec.structs.replace(bound, group=group.number, threads=place.threads)
        for case in group.cases:
            result = self._result(case.backend, make_trained(epochs=group.workload.epochs))
            yield make_trial(case, group.round, result)

    def _result(self, name: str, otherwise: Any) -> Any:
        result = self._results.get(name, otherwise)
        return result() if callable(result) else result
