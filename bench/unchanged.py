"""Whether a run can be gone on with here: one machine, one data set, one set of versions."""

from collections.abc import Mapping
from pathlib import Path

from bench import idx, machine
from bench.inputs import inputs_hash, read_raw
from bench.records import Described, Run, Trained
from bench.selection import Refused


def check_surroundings(record: Run, file: Path) -> None:
    """Raise Refused unless folder, machine and images are those of the run."""
    if file.parent.name != "runs":
        raise Refused(
            f"{file} lies in the folder {file.parent.name!r}; expected a run file where `run` "
            "wrote it, in the folder runs/ of a reports folder: move it there"
        )
    then, now = record.machine, machine.facts()
    slug, here = machine.slug(then), machine.slug(now)
    if slug != here:
        raise Refused(
            f"{file.name} is of the machine {slug}; expected this one, {here}: start a new run"
        )
    if (then.caches, then.instruction_sets) != (now.caches, now.instruction_sets):
        raise Refused(
            f"{file.name} is of a machine of the same name with other caches or instruction sets; "
            "expected this one: start a new run"
        )
    _check_images(record, file)


def _check_images(record: Run, file: Path) -> None:
    for trial in record.trials:
        if isinstance(trial.result, Trained):
            workload = record.workloads[trial.cell.workload]
            found = inputs_hash(read_raw(workload), workload)
            if found != trial.result.inputs:
                raise Refused(
                    f"the images in {idx.data_folder()} give inputs {found}; expected "
                    f"{trial.result.inputs}, as in {file.name}: set {idx.VARIABLE} as it was then, "
                    "or start a new run"
                )
            return  # all trials of a run were given the same images


def check_versions(record: Run, file: Path, described: Mapping[str, Described]) -> None:
    """Raise Refused unless the backends' versions are those of the run."""
    changed = [
        name
        for name in dict.fromkeys(cell.backend for cell in record.cells)
        if described[name].versions != record.backends[name].versions
    ]
    if changed:
        raise Refused(
            f"the versions of {', '.join(changed)} are not those of {file.name}; a run is of one "
            "set of versions: install those, or start a new run"
        )
