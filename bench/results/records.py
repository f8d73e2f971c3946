"""The records of a run file: what was measured, raw; everything else is derived when it is read.

Times are in seconds, sizes in bytes, accuracies and shares fractions; what is not known is absent
(None).

History of the format (a reader accepts every schema from 4 on, up to its own):
  1–3  written by version 0.1, which reads them.
  4    the field's words: case, verification, flag, conditions, GEMM bound; devices as records.
"""

from typing import Annotated

import msgspec

from bench.results.hardware import Conditions, Gpu, Machine, ThreadPool
from bench.results.quantities import (
    Amount,
    Count,
    Kind,
    Label,
    Name,
    Positive,
    Record,
    Seconds,
    Share,
    SomeSeconds,
    Text,
)
from bench.workload import Axis, Device, Workload

SCHEMA, OLDEST = 4, 4
# What tables and statistics still cope with, and no run needs:
MOST_ROUNDS = 1_000
MOST_CASES = 500  # every pair of a table's rows is compared

Time = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")]  # UTC
Round = Annotated[int, msgspec.Meta(ge=0, le=MOST_ROUNDS)]


class Described(Record, frozen=True, tag="described"):
    """What a child says of its backend: where it computes here and what it is made of."""

    devices: tuple[Device, ...]
    versions: dict[Name, Text | None]
    python: Text
    thread_pools: tuple[ThreadPool, ...] = ()
    accelerators: tuple[Gpu, ...] = ()  # what the framework says of its devices, as far as it does
    measures_bound: bool = False  # whether its file says that it can measure a GEMM bound


class Flag(Record, frozen=True):
    """A reason not to believe a row: the check that failed, and what it found."""

    check: Name  # "losses", "device idle" …
    found: Text  # one line, in words

    def __str__(self) -> str:
        """Return both."""
        return f"{self.check}: {self.found}"


class Verified(Record, frozen=True, tag="verified", omit_defaults=True):
    """How far a backend ended from the reference (see bench.trial.verification)."""

    loss_deviation: Amount  # largest relative deviation of an epoch's mean loss
    parameter_deviation: Amount  # |parameters - reference| / |reference - start|
    loss_limit: Amount
    parameter_limit: Amount
    peak_memory_bytes: Count | None = None  # of the process so far
    flags: tuple[Flag, ...] = ()
    left_out: Text | None = None  # what cannot be told or would have taken too long, in words


class Epoch(Record, frozen=True):
    """One pass over the training set and the evaluation after it."""

    seconds: SomeSeconds
    cpu_seconds: Seconds  # of all threads of the process
    loss: Amount  # mean over the training samples, as it trained
    accuracy: Share  # on the test samples, after it
    evaluation_seconds: Seconds  # of predicting the whole test set
    copy_seconds: Seconds  # of the parameters, right after the clock stopped
    idle_copy_seconds: Seconds  # the same after the evaluation: the device is certainly idle
    joules: Amount | None = None


class Inference(Record, frozen=True):
    """The calls that predict so many images each, from host memory to class indices."""

    images: Positive
    turns: tuple[tuple[SomeSeconds, ...], ...]  # the seconds of each call, turn by turn


class Trained(Record, frozen=True, tag="trained"):
    """What a child measured from its start to the writing of this record."""

    inputs: Text  # hash of images, labels, start parameters and epoch orders
    start_seconds: Seconds  # from the parent's start of the process to the worker's first line
    import_seconds: Seconds
    data_seconds: Seconds  # of importing the harness's part, reading and scaling
    build_seconds: Seconds  # until the first order is asked for
    epochs: tuple[Epoch, ...]
    between_seconds: Seconds  # from each epoch_done to the next order, or train's end
    extra_seconds: tuple[SomeSeconds, ...] = ()  # of epochs beyond the workload's, timed only
    inference: tuple[Inference, ...] = ()  # of the whole test set: see evaluation_seconds
    peak_memory_bytes: Count | None = None
    device_memory_bytes: Count | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def timed_seconds(self) -> tuple[float, ...]:
        """The seconds of its epochs from the second on: the first one compiles."""
        seconds = (*(epoch.seconds for epoch in self.epochs), *self.extra_seconds)
        return seconds[1:] or seconds


class GemmBound(Record, frozen=True, tag="gemm_bound"):
    """The matrix products of one epoch of a workload alone, on one device."""

    library: Name  # what multiplied, with its version
    epoch_seconds: Annotated[tuple[SomeSeconds, ...], msgspec.Meta(min_length=1)]
    peak_flop_per_second: Annotated[float, msgspec.Meta(ge=1, le=1e20)]  # of one large product
    upload_seconds: Seconds | None = None  # of one epoch's images; None where there is no upload


class Failed(Record, frozen=True, tag="failed"):
    """Why a child brought no result."""

    kind: Kind
    reason: Text  # one line, in words
    log_tail: tuple[Text, ...] = ()  # the last lines that the child printed

    def __str__(self) -> str:
        """Return both, with the last line that the child printed if that says more."""
        last = self.log_tail[-1] if self.log_tail else ""
        more = f"; it printed last: {last}" if last and not last.endswith(self.reason) else ""
        return f"{self.kind}: {self.reason}{more}"


class Case(Record, frozen=True, omit_defaults=True):
    """One row of the tables: a backend on a device doing a workload."""

    backend: Name
    device: Device
    workload: Name  # fingerprint
    threads: Positive | None = None  # where they are an axis; None: those of the run


class Verification(Record, frozen=True):
    """The outcome of the verification of one case."""

    case: Case
    result: Verified | Failed


class Trial(Record, frozen=True):
    """The outcome of one trial."""

    case: Case
    round: Round  # 0, 1, …
    started: Time  # UTC, ISO 8601
    total_seconds: Seconds  # of the child, from its start to its end
    conditions: Conditions
    result: Trained | Failed


class BoundTrial(Record, frozen=True, omit_defaults=True):
    """The outcome of measuring the GEMM bound of a workload on a device in one round."""

    device: Device
    workload: Name  # fingerprint
    round: Round
    result: GemmBound | Failed
    group: Count = 0  # that it took turns with: its place in Run.groups
    threads: Positive | None = None  # as in Case


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
    label: Label | None = None  # of this machine among others of its kind
    fleet: Name | None = None  # the fleet that it was measured for
    threads: Positive
    rounds: Annotated[int, msgspec.Meta(ge=1, le=MOST_ROUNDS)]
    workloads: dict[Name, Workload]  # fingerprint -> workload
    cases: Annotated[tuple[Case, ...], msgspec.Meta(max_length=MOST_CASES)]
    backends: dict[Name, Described]
    axes: Annotated[tuple[Axis, ...], msgspec.Meta(max_length=20)] = ()  # with several values
    extra_epochs: tuple[Count, ...] = ()  # by round, of those that take turns: see Trained
    together: Positive | None = None  # at most so many take turns; None: see bench.run.groups
    groups: tuple[tuple[Case, ...], ...] = ()  # of cases that take turns; () until it is decided
    environments: dict[Name, dict[Name, Text]] = {}  # variables set for each backend's children
    dropped: tuple[Name, ...] = ()  # variables that change the speed and were not passed on
    kept: dict[Name, Text] = {}  # variables that were passed on because somebody asked for it
    sources: dict[Name, Text] = {}  # hash of each backend's file and of the code that it shares
    skipped: tuple[Skipped, ...] = ()
    verifications: tuple[Verification, ...] = ()
    gemm_bounds: tuple[BoundTrial, ...] = ()
    trials: tuple[Trial, ...] = ()
