"""What parent and child send each other: a job in, messages out, a line of JSON each."""

from typing import Literal

from bench.results.quantities import Name, Record
from bench.results.records import Described, Failed, GemmBound, Trained, Verified
from bench.workload import CPU, Device, Workload

LINE = 500  # letters that a failure keeps of a line
REFERENCES = "MLP_BENCH_REFERENCES"  # variable that names a folder: see bench.trial.kept
INFERENCE_TURNS = 5  # with which a trial ends, after the epochs


class Job(Record, frozen=True):
    """What a child is to do."""

    task: Literal["describe", "verify", "train", "gemm_bound"]
    backend: Name
    path: str  # of the backend's file
    hides: tuple[str, ...] = ()  # modules that shall not be found
    device: Device = CPU  # as the child names it
    workloads: tuple[Workload, ...] = ()  # one after the other: as many results are expected
    round: int = 0
    extra_epochs: int = 0  # that are timed beyond each workload's
    libraries: tuple[str | None, ...] = ()  # of each workload: see bench.trial.gemm_bound.measure


class Waiting(Record, frozen=True, tag="waiting"):
    """The child is ready for its next turn; it goes on when it is told to.

    So it does after a result, if workloads are left.
    """


Result = Described | Verified | Trained | GemmBound | Failed
Message = Result | Waiting
