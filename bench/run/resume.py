"""Whether a run can be finished here: one machine, one data set, one set of versions."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from bench import machine
from bench.results.hardware import Machine
from bench.results.records import Described, Run, Trained
from bench.run.choices import Refused
from bench.workload import Workload, mnist

OPTIONS = ("--timeout", "--python", "--until", "--max-minutes")  # that finishing a run takes, too


def options_in(arguments: Iterable[str]) -> Iterator[str]:
    """Yield those options of a run, with their values, that finishing it takes, too."""
    words = iter(arguments)
    for word in words:
        name, equals, _ = word.partition("=")
        if name in OPTIONS:
            yield from [word] if equals else [word, next(words)]


def check_machine(run: Run, file: Path, here: Machine) -> None:
    """Raise Refused unless the file lies where `run` wrote it and the machine is the same.

    Of its accelerators it may not be known yet what they are.
    """
    if file.parent.name != "runs":
        raise Refused(
            f"{file} lies in the folder {file.parent.name!r}; expected a run file where `run` "
            "wrote it, in the folder runs/ of a reports folder: move it there"
        )
    before = msgspec.structs.replace(run.machine, gpus=())
    _check_same(before, msgspec.structs.replace(here, gpus=()), file)


def check_accelerators(run: Run, file: Path, here: Machine) -> None:
    """Raise Refused unless the machine has the accelerators that it had."""
    _check_same(run.machine, here, file)


def _check_same(before: Machine, here: Machine, file: Path) -> None:
    then, now = machine.slug(before), machine.slug(here)
    if then != now:
        raise Refused(
            f"{file.name} is of the machine {then}; expected this one, {now}: start a new run"
        )


def check_images(run: Run, file: Path) -> None:
    """Raise Refused unless the images here are those of the run."""
    done = (trial for trial in run.trials if isinstance(trial.result, Trained))
    if (trial := next(done, None)) is None:
        return
    assert isinstance(trial.result, Trained), "all that are done have trained"
    found = _inputs_here(run.workloads[trial.case.workload])
    if found != trial.result.inputs:
        raise Refused(
            f"the images in {mnist.data_folder()} give inputs {found}; expected "
            f"{trial.result.inputs}, as in {file.name}: set {mnist.VARIABLE} as it was then, "
            "or start a new run"
        )


def _inputs_here(workload: Workload) -> str:
    from bench.workload.inputs import inputs_hash, read_raw  # NumPy: only where a run is resumed

    return inputs_hash(read_raw(workload), workload)


def check_versions(
    run: Run, file: Path, described: Mapping[str, Described], sources: Mapping[str, str]
) -> None:
    """Raise Refused unless the backends and their versions are those of the run."""
    changed = [
        name
        for name in dict.fromkeys(case.backend for case in run.cases)
        if described[name].versions != run.backends[name].versions
        or sources.get(name) != run.sources.get(name)
    ]
    if changed:
        raise Refused(
            f"{', '.join(changed)} changed since {file.name} was begun; expected the same versions "
            "of libraries and the same source of the backend: restore them, or start a new run"
        )
