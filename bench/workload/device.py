"""Where a backend computes: `cpu`, `cuda:0`, `mps` …, and what that implies."""

import re
from typing import Annotated

import msgspec

SELECTORS = {  # which variables choose among the devices of a kind; of others a child sees all
    "cuda": ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
    "xpu": ("ZE_AFFINITY_MASK",),
    "tpu": ("TPU_VISIBLE_CHIPS",),
}
NAME = re.compile(r"([a-z]\w{0,30})(?::(\d{1,4}))?", re.ASCII)


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A kind of device and, where there may be several of them, which one."""

    kind: Annotated[str, msgspec.Meta(pattern=r"^[a-z]\w{0,30}$")]
    index: Annotated[int, msgspec.Meta(ge=0, le=9999)] | None = None

    @classmethod
    def named(cls, name: str) -> "Device":
        """Return the device of that name; raise ValueError if it is not a name like `cuda:0`."""
        found = NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"{name!r} is not a device; expected a name like 'cpu' or 'cuda:0'")
        return cls(found[1], None if found[2] is None else int(found[2]))

    def __str__(self) -> str:
        """Return its name."""
        return self.kind if self.index is None else f"{self.kind}:{self.index}"

    @property
    def is_cpu(self) -> bool:
        """Whether the processor computes, and no accelerator."""
        return self.kind == "cpu"

    @property
    def selectors(self) -> tuple[str, ...]:
        """The variables by which a process can be made to see no other device of its kind."""
        return SELECTORS.get(self.kind, ())

    @property
    def in_child(self) -> "Device":
        """The device as a child names it: the others of its kind are hidden where they can be."""
        return self if self.index is None or not self.selectors else Device(self.kind, 0)

    @property
    def sizes(self) -> dict[str, int]:
        """Epochs and samples that a workload has here unless told otherwise."""
        return CPU_SIZES if self.is_cpu else ACCELERATOR_SIZES


CPU = Device("cpu")
CPU_SIZES = {"epochs": 10, "train_samples": 6_000, "test_samples": 5_000}
ACCELERATOR_SIZES = {"epochs": 20, "train_samples": 60_000, "test_samples": 10_000}
