"""The image files: IDX, raw or compressed, checked to the last byte.

This needs no NumPy, so that the parent of a run can check the files before it starts anything.
"""

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

VARIABLE = "MLP_BENCH_DATA"
SHIPPED = Path(__file__).resolve().parent / "data"


class BrokenData(Exception):
    """A data file is missing, damaged or not what it is expected to be."""


class IdxFile(NamedTuple):
    """What an image or label file must be."""

    name: str
    shape: tuple[int, ...]  # of a label file: (samples,)
    sha256: str = ""  # of the shipped archive, as in bench/workload/data/README.md

    @property
    def header(self) -> bytes:
        """The first bytes: 0, 0, 8 (unsigned bytes), dimensions, and each size, big-endian."""
        sizes = b"".join(size.to_bytes(4, "big") for size in self.shape)
        return bytes([0, 0, 8, len(self.shape)]) + sizes

    @property
    def item_bytes(self) -> int:
        """Bytes of one image or label."""
        return math.prod(self.shape[1:])


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte",
    (60_000, 28, 28),
    "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (60_000,),
    "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (10_000, 28, 28),
    "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte",
    (10_000,),
    "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
)
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def data_folder() -> Path:
    """Return the folder that the variable MLP_BENCH_DATA names, else that of the shipped MNIST."""
    return Path(os.environ.get(VARIABLE) or SHIPPED).resolve()


def check(folder: Path, files: Iterable[IdxFile] = FILES) -> None:
    """Read all files of a folder; raise BrokenData naming the one that is wrong."""
    for file in files:
        read(folder, file, 0)


def read(folder: Path, file: IdxFile, count: int, shipped: Path = SHIPPED) -> bytes:
    """Return the bytes of the first `count` items, having checked the whole file.

    Archives in the folder `shipped` are known by their hash and unpacked only as far as needed:
    every child reads the images, and unpacking them all would take 0.3 s of each. Other files are
    checked by header, size and range of the labels.
    """
    raw, archive = folder / file.name, folder / f"{file.name}.gz"
    is_shipped = folder == shipped
    path = archive if is_shipped or not os.path.exists(raw) else raw  # pathlib's may raise
    end = len(file.header) + count * file.item_bytes
    try:
        if is_shipped:
            _check_hash(archive, file)
        with gzip.open(path) if path == archive else path.open("rb") as stream:
            content = stream.read(end if is_shipped else -1)
        if not is_shipped:
            _check_content(content, file)
    except (OSError, EOFError, zlib.error) as error:
        found = f"cannot be read: {error}; expected the IDX file {file.name}, raw or .gz"
        raise BrokenData(f"{path} {found}: {_remedy(is_shipped)}") from error
    except ValueError as error:
        raise BrokenData(f"{path} {error}: {_remedy(is_shipped)}") from None
    return content[len(file.header) : end]


def _check_hash(archive: Path, file: IdxFile) -> None:
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.sha256:
        raise ValueError(f"has the SHA-256 {found}; expected {file.sha256}")


def _check_content(content: bytes, file: IdxFile) -> None:
    header, size = content[: len(file.header)], len(file.header) + math.prod(file.shape)
    if header != file.header or len(content) != size:
        raise ValueError(
            f"has {len(content):,} bytes and starts with {header.hex(' ')}; "
            f"expected {size:,} bytes and {file.header.hex(' ')}"
        )
    if len(file.shape) == 1 and (largest := max(content[len(header) :])) > 9:
        raise ValueError(f"has the label {largest}; expected classes 0 to 9")


def _remedy(is_shipped: bool) -> str:
    if is_shipped:
        return "restore bench/workload/data/ from the repository"
    return f"restore it, or unset {VARIABLE} to use the shipped MNIST"
