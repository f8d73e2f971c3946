"""What the fields of a run file may be: JSON knows no infinity, but 1e999 is read as one."""

from typing import Annotated, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e8)]
SomeSeconds = Annotated[float, msgspec.Meta(gt=1e-9, le=1e8)]  # of what cannot take no time
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e20)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Kind = Literal["raised", "broken contract", "not finite", "killed", "timed out", "no result",
               "no library"]  # fmt: skip  # the last one: of a GEMM bound, and no defect
Text = Annotated[str, msgspec.Meta(max_length=10_000)]  # shown, the longest as a command
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# Part of file names, and never mistaken for an option:
LABEL = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"
Label = Annotated[str, msgspec.Meta(pattern=LABEL)]


def counted(count: int, what: str) -> str:
    """Return "1 round", "6,000 images"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all records are: frozen, and strict about unknown fields."""
