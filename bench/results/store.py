"""Reading and writing run files: strict, atomic, and with a message for whatever is wrong."""

import os
import tempfile
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

import msgspec

from bench.results.records import OLDEST, SCHEMA, Run, Trained
from bench.workload.axes import FIELDS, THREADS

MESSAGE_LETTERS = 500  # of an error, which may name a field as long as a file


class BrokenRunFile(Exception):
    """A file that is not a run file of a schema that this version reads."""


class CannotSave(Exception):
    """A file cannot be written: no room, or no permission."""


def check_run(run: Run) -> Run:
    """Return the run if its parts fit together; raise ValueError if they do not."""
    if problem := next(chain(_case_problems(run), _outcome_problems(run)), None):
        raise ValueError(problem)
    return run


def _case_problems(run: Run) -> Iterator[str]:
    for fingerprint, workload in run.workloads.items():
        if workload.fingerprint != fingerprint:
            yield f"workload {fingerprint} has the fingerprint {workload.fingerprint}"
    for case in run.cases:
        if case.workload not in run.workloads:
            yield f"{case.backend} names the workload {case.workload}, which is absent"
    for axis in run.axes:
        if axis.name not in {*FIELDS, THREADS}:
            yield f"there is no axis {axis.name!r}"
    if not all(run.groups):
        yield "a group has no cases"


def _outcome_problems(run: Run) -> Iterator[str]:
    verified = [one.case for one in run.verifications]
    if strangers := {*verified, *(trial.case for trial in run.trials)} - set(run.cases):
        yield f"{len(strangers)} rows with outcomes were not planned, as {min(map(str, strangers))}"
    trials = [(trial.case, trial.round) for trial in run.trials]
    problems = {"a row is planned twice": run.cases, "a trial has two outcomes": trials,
                "a verification has two outcomes": verified}  # fmt: skip
    yield from (problem for problem, keys in problems.items() if len(set(keys)) < len(keys))
    for trial in run.trials:
        expected = run.workloads[trial.case.workload].epochs
        if isinstance(trial.result, Trained) and (found := len(trial.result.epochs)) != expected:
            yield f"a trial of {trial.case.backend} has {found} epochs, its workload {expected}"


def candidates(folder: Path, stem: str) -> Iterator[Path]:
    """Yield what a new file may be called: stem.json, if that is taken stem-2.json, and so on."""
    yield folder / f"{stem}.json"
    yield from (folder / f"{stem}-{number}.json" for number in count(2))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace the file by the content: after a crash it is the old one or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_run(path: Path, run: Run) -> None:
    """Save the run, atomically, as indented JSON; raise CannotSave if that fails."""
    run = msgspec.structs.replace(run, schema=SCHEMA)  # one that is resumed may be older
    content = msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n"
    try:
        write_atomically(path, content)
    except OSError as error:
        raise CannotSave(
            f"{path} cannot be saved: {error}; what it held before is unharmed: make room, or name "
            "another folder with --reports"
        ) from error


class _Versioned(msgspec.Struct):
    """What every schema has."""

    schema: Any = None


def read_run(path: Path) -> Run:
    """Read a run file; raise BrokenRunFile if it is damaged, foreign or of a newer schema."""
    try:
        path.name.encode()  # pages name it: a name that is no text raises ValueError
        content = path.read_bytes()
        schema = msgspec.json.decode(content, type=_Versioned).schema
        if schema is None:
            raise ValueError("it has no schema")
        if not isinstance(schema, int) or not OLDEST <= schema <= SCHEMA:
            raise BrokenRunFile(_unreadable(path.name, schema))
        return check_run(msgspec.json.decode(content, type=Run))
    except (msgspec.MsgspecError, OSError, RecursionError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)[:MESSAGE_LETTERS]
        raise BrokenRunFile(
            f"{path.name} is not a run file: {reason}; expected what `python -m bench run` writes: "
            "name another file, restore this one, or move it away"
        ) from error


def _unreadable(name: str, schema: object) -> str:
    remedy = "update the program, or move the file away"
    if isinstance(schema, int) and 1 <= schema < OLDEST:
        remedy = "read it with version 0.1, which wrote it, or measure again and move it away"
    reads = f"schema {SCHEMA}" if OLDEST == SCHEMA else f"schemas {OLDEST} to {SCHEMA}"
    return f"{name} has schema {schema!r}; this version reads {reads}: {remedy}"
