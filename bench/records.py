"""The records of a run file, and reading and writing them.

A run file holds what was measured, raw; everything else is derived when it is read. Times are in
seconds, sizes in bytes, accuracies and shares fractions; what is not known is absent (None).

History of the format (a reader accepts every schema up to its own):
  1  first.
  2  Run.secret. Trained.between_seconds; build_seconds lasts until the first order is asked for,
     data_seconds begins when the backend is imported: before, nothing counted what passed there.
     The parent measures total_seconds, to the child's end.
  3  FloorOf.round: the floor is measured in every round; before, once, ahead of the first.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from bench.workload import Workload

SCHEMA = 3
# What tables and statistics still cope with, and no run needs:
MOST_BYTES = 200_000_000  # a thousand rounds of all that there is take half of it
MOST_ROUNDS = 1_000
MOST_ROWS = 500  # every pair of a table's rows is compared
MESSAGE_LETTERS = 500  # of an error, which may name a field as long as a file


class BrokenRunFile(Exception):
    """A file that is not a run file of a schema that this version reads."""


class CannotSave(Exception):
    """A file cannot be written: no room, or no permission."""


# What a number may be: JSON knows no infinity, but 1e999 is read as one.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
SomeSeconds = Annotated[float, msgspec.Meta(gt=1e-9, le=1e8)]  # of what cannot take no time
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e20)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Round = Annotated[int, msgspec.Meta(ge=0, le=MOST_ROUNDS)]
Text = Annotated[str, msgspec.Meta(max_length=10_000)]  # shown, the longest as a command
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]  # UTC


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all records are: frozen, and strict about unknown fields."""


class Gpu(Record, frozen=True):
    """Facts of one GPU."""

    name: Name
    memory_bytes: Count | None = None
    driver: Text | None = None
    power_limit_watts: Amount | None = None


class Machine(Record, frozen=True, omit_defaults=True):
    """Facts of the hardware and the system that stay the same from run to run."""

    cpu_model: Text | None = None
    physical_cores: Positive | None = None
    logical_cores: Positive | None = None
    usable_cores: Positive | None = None  # logical cores that this process may run on
    frequency_range_mhz: tuple[Amount, Amount] | None = None
    instruction_sets: tuple[Text, ...] = ()
    caches: dict[Name, Count] = {}  # name ("L1d", "L2" …) -> bytes of one instance
    ram_bytes: Count | None = None
    os: Text | None = None
    kernel: Text | None = None
    architecture: Text | None = None
    virtual_machine: bool | None = None
    hypervisor: Text | None = None
    python: Text | None = None
    gpus: Annotated[tuple[Gpu, ...], msgspec.Meta(max_length=100)] = ()


class Moment(Record, frozen=True, omit_defaults=True):
    """What the machine was like around one trial."""

    load: Amount | None = None  # cores busy with other work, just before the start
    frequency_mhz: tuple[Amount, Amount] | None = None  # lowest and highest seen during the trial
    governor: Text | None = None
    stolen: Share | None = None  # share of the time that the hypervisor gave to others
    on_battery: bool | None = None
    gpu_temperature_celsius: int | None = None  # highest seen
    gpu_clock_mhz: tuple[int, int] | None = None  # lowest and highest seen while busy
    gpu_throttle_reasons: tuple[Text, ...] = ()


class ThreadPool(Record, frozen=True):
    """A thread pool of a numerical library that is loaded in a child."""

    library: Text  # "openblas", "mkl", "openmp" …
    version: Text | None
    threads: int


class Described(Record, frozen=True, tag="described"):
    """What a child says of its backend: where it computes here and what it is made of."""

    devices: tuple[Name, ...]
    versions: dict[Name, Text | None]
    python: Text
    thread_pools: tuple[ThreadPool, ...] = ()
    environment: dict[Name, Text] = {}  # variables set for precision and by the backend's header


class Proved(Record, frozen=True, tag="proved"):
    """How far a backend ended from the reference, and the limits at the time (see bench.proof)."""

    loss_deviation: Amount  # largest relative deviation of an epoch's mean loss
    parameter_deviation: Amount  # |parameters - reference| / |reference - start|
    loss_limit: Amount
    parameter_limit: Amount
    mistakes: tuple[Text, ...] = ()  # checks of the contract that failed, by name, in words

    @property
    def holds(self) -> bool:
        """Whether both deviations are within their limits and no check failed."""
        return (
            self.loss_deviation <= self.loss_limit
            and self.parameter_deviation <= self.parameter_limit
            and not self.mistakes
        )


class Epoch(Record, frozen=True):
    """One pass over the training set and the evaluation after it."""

    seconds: SomeSeconds
    cpu_seconds: Seconds  # of all threads of the process
    loss: Amount  # mean over the training samples, as it trained
    accuracy: Share  # on the test samples, after it
    evaluation_seconds: Seconds
    joules: Amount | None = None


class Trained(Record, frozen=True, tag="trained"):
    """What a child measured from its start to the writing of this record."""

    inputs: Text  # hash of images, labels, start parameters and epoch orders
    start_seconds: Seconds  # from the parent's start of the process to the worker's first line
    import_seconds: Seconds
    data_seconds: Seconds  # of importing the harness's part, reading and scaling
    build_seconds: Seconds  # until the first order is asked for
    epochs: tuple[Epoch, ...]
    settle_seconds: Seconds  # copy of the parameters right after a clock stopped: bench.watched
    idle_copy_seconds: Seconds  # the same copy again, the device certainly idle
    check_seconds: Seconds  # copies, second predictions, epochs trained again: bench.watched
    total_seconds: Seconds  # from the child's start to its end, by the parent's clock
    peak_memory_bytes: Count | None = None
    device_memory_bytes: Count | None = None
    between_seconds: Seconds | None = None  # from each epoch_done to the next order or train's end


class Floor(Record, frozen=True, tag="floor"):
    """The matrix products of one epoch of a workload alone, on one device (see bench.floor)."""

    library: Name  # what multiplied, with its version
    epoch_seconds: SomeSeconds
    peak_flop_per_second: Annotated[float, msgspec.Meta(ge=1, le=1e20)]  # of one large product
    upload_seconds: Seconds | None = None  # of one epoch's images; None where there is no upload


class Failed(Record, frozen=True, tag="failed"):
    """Why a child brought no result."""

    kind: Literal["raised", "killed", "timed out", "no result", "not finite"]
    reason: Text  # one line, in words
    log_tail: tuple[Text, ...] = ()  # the last lines that the child printed


class Cell(Record, frozen=True):
    """One row of the tables: a backend on a device doing a workload (a variant at its sizes)."""

    backend: Name
    device: Name
    variant: Name
    workload: Name  # fingerprint


class Proof(Record, frozen=True):
    """The outcome of the proof of one cell."""

    cell: Cell
    result: Proved | Failed


class Trial(Record, frozen=True):
    """The outcome of one trial."""

    cell: Cell
    round: Round  # 0, 1, …
    started: Time  # UTC, ISO 8601
    moment: Moment
    result: Trained | Failed


class FloorOf(Record, frozen=True):
    """The outcome of measuring the floor of a workload on a device in one round."""

    device: Name
    workload: Name  # fingerprint
    result: Floor | Failed
    round: Round = 0


class Skipped(Record, frozen=True):
    """A backend (or its device) that was asked for in general and could not take part."""

    backend: Name
    reason: Text


class Run(Record, frozen=True, kw_only=True):
    """One `python -m bench run`."""

    schema: int = SCHEMA
    bench: Name  # version of this program
    created: Time  # UTC, ISO 8601
    command: Text
    machine: Machine
    threads: Positive
    secret: Count | None = None  # drawn when the run began: see bench.inputs.epoch_orders
    rounds: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROUNDS)]
    workloads: dict[Name, Workload]  # fingerprint -> workload
    cells: Annotated[tuple[Cell, ...], msgspec.Meta(max_length=MOST_ROWS)]
    backends: dict[Name, Described]
    skipped: tuple[Skipped, ...] = ()
    floors: tuple[FloorOf, ...] = ()
    proofs: tuple[Proof, ...] = ()
    trials: tuple[Trial, ...] = ()


def check_run(run: Run) -> Run:
    """Return the run if its parts fit together; raise ValueError if they do not."""
    for problem in chain(_cell_problems(run), _outcome_problems(run)):
        raise ValueError(problem)
    return run


def _cell_problems(run: Run) -> Iterator[str]:
    """Yield what does not fit together of the rows that were planned."""
    for fingerprint, workload in run.workloads.items():
        if workload.fingerprint != fingerprint:
            yield f"workload {fingerprint} has the fingerprint {workload.fingerprint}"
    for cell in run.cells:
        if cell.workload not in run.workloads:
            yield f"{cell.backend} names the workload {cell.workload}, which is absent"
        elif run.workloads[cell.workload].variant != cell.variant:
            yield f"{cell.backend} names the variant {cell.variant}, not its workload's"
    if len(set(run.cells)) < len(run.cells):
        yield "a row is planned twice"


def _outcome_problems(run: Run) -> Iterator[str]:
    """Yield what does not fit together of proofs and trials."""
    proved = [proof.cell for proof in run.proofs]
    strangers = {*proved, *(trial.cell for trial in run.trials)} - set(run.cells)
    if strangers:
        yield f"{len(strangers)} rows with outcomes were not planned, as {min(map(str, strangers))}"
        return
    if len(set(proved)) < len(proved):
        yield "a proof has two outcomes"
    if len({(trial.cell, trial.round) for trial in run.trials}) < len(run.trials):
        yield "a trial has two outcomes"
    for trial in run.trials:
        expected = run.workloads[trial.cell.workload].epochs
        if isinstance(trial.result, Trained) and len(trial.result.epochs) != expected:
            found = len(trial.result.epochs)
            yield f"a trial of {trial.cell.backend} has {found} epochs, its workload {expected}"


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
        content = _content(path)
        schema = msgspec.json.decode(content, type=_Versioned).schema
        if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
            raise BrokenRunFile(
                f"{path.name} has schema {schema!r}; this version reads 1 to {SCHEMA}: "
                "update the program, or move the file away"
            )
        return check_run(msgspec.json.decode(content, type=Run))
    except (msgspec.MsgspecError, OSError, RecursionError, ValueError) as error:
        raise BrokenRunFile(
            f"{path.name} is not a run file: {str(error)[:MESSAGE_LETTERS]}; expected what "
            "`python -m bench run` writes: restore it, or move it away"
        ) from error


def _content(path: Path) -> bytes:
    """Return what a file holds; raise ValueError if reading it might never end."""
    path.name.encode()  # pages name it: a name that is no text raises ValueError
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder, a pipe or a device")
    if status.st_size > MOST_BYTES:
        raise ValueError(f"it has {status.st_size:,} bytes, more than {MOST_BYTES:,}")
    return path.read_bytes()
