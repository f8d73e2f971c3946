"""The image files: IDX, raw or compressed, read piece by piece and checked to the last byte.

Without NumPy, so that the parent of a run can check them before it starts anything.
"""

import gzip
import hashlib
import math
import os
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

VARIABLE = "MLP_BENCH_DATA"
SHIPPED = Path(__file__).resolve().parent / "mnist"
PIECE = 1 << 20  # bytes


class BrokenData(Exception):
    """A data file is missing, damaged or not what it should be."""


class IdxFile(NamedTuple):
    """What an image or label file has to be."""

    name: str
    shape: tuple[int, ...]
    sha256: str  # of the shipped file, uncompressed, as in bench/mnist/README.md
    sha256_compressed: str = ""  # of the shipped file as it lies there

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
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte",
    (60_000,),
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte",
    (10_000, 28, 28),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte",
    (10_000,),
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
)


def data_folder() -> Path:
    """Return the folder in the variable MLP_BENCH_DATA, else that of the shipped MNIST."""
    return Path(os.environ.get(VARIABLE) or SHIPPED).resolve()


def check(folder: Path) -> None:
    """Read all four files of a folder; raise BrokenData naming the one that is wrong."""
    for file in (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS):
        read(folder, file, 0)


def read(folder: Path, file: IdxFile, count: int) -> bytes:
    """Return the bytes of the first `count` items, having checked the whole file.

    The shipped files are checked by SHA-256, others by header, size and range of the labels. An
    archive that is known by its own hash needs no unpacking beyond what is wanted: every child
    reads the images, so a run would otherwise spend 0.3 s of each on it.
    """
    raw, compressed = folder / file.name, folder / f"{file.name}.gz"
    path = raw if os.path.exists(raw) else compressed  # that of pathlib may raise
    try:
        with _open(path) as stream:
            reading = _read_known if _is_known(path, file) else _read_and_check
            return reading(stream, path, file, count * file.item_bytes)
    except (OSError, EOFError, zlib.error) as error:
        raise _broken(
            path, f"cannot be read: {error}", f"the IDX file {file.name}, raw or .gz"
        ) from error


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _is_known(path: Path, file: IdxFile) -> bool:
    """Return whether this is the shipped archive, to the last bit."""
    if path.parent != SHIPPED or path.suffix != ".gz":
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256_compressed


def _read_known(stream: BinaryIO, path: Path, file: IdxFile, keep: int) -> bytes:
    stream.seek(len(file.header))
    return stream.read(keep)


def _read_and_check(stream: BinaryIO, path: Path, file: IdxFile, keep: int) -> bytes:
    header = stream.read(len(file.header))
    kept = stream.read(keep)
    digest = hashlib.sha256(header + kept)
    size, largest = len(header) + len(kept), max(kept, default=0)
    while piece := stream.read(PIECE):
        digest.update(piece)
        size += len(piece)
        largest = max(largest, max(piece)) if len(file.shape) == 1 else 0
    expected = len(file.header) + math.prod(file.shape)
    if header != file.header or size != expected:
        found = f"has {size:,} bytes and starts with {header.hex(' ')}"
        raise _broken(path, found, f"{expected:,} bytes and {file.header.hex(' ')}")
    if len(file.shape) == 1 and largest > 9:
        raise _broken(path, f"has the label {largest}", "classes 0 to 9")
    if path.parent == SHIPPED and digest.hexdigest() != file.sha256:
        raise _broken(path, f"has the SHA-256 {digest.hexdigest()}", file.sha256)
    return kept


def _broken(path: Path, found: str, expected: str) -> BrokenData:
    what = (
        "restore bench/mnist/ from the repository"
        if path.parent == SHIPPED
        else f"restore it, or unset {VARIABLE} to use the shipped MNIST"
    )
    return BrokenData(f"{path} {found}; expected {expected}: {what}")
