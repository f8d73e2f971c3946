"""The image files: what is accepted, and what is said of each kind of damage."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.workload import mnist
from bench.workload.mnist import BrokenData, IdxFile

IMAGES = IdxFile("tiny-images", (3, 2, 2))
LABELS = IdxFile("tiny-labels", (3,))
PIXELS = bytes(range(12))
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda raw: raw[:-1], "27 bytes"),
    "empty": (lambda raw: b"", "0 bytes"),
    "too long": (lambda raw: raw + b"\0", "29 bytes"),
    "another number of images": (lambda raw: raw[:7] + b"\4" + raw[8:], "00 00 00 04"),
    "another type": (lambda raw: raw[:2] + b"\x0d" + raw[3:], "00 00 0d 03"),
}


def written(folder: Path, file: IdxFile, items: bytes) -> Path:
    """Write a raw file with a right header and return its path."""
    path = folder / file.name
    path.write_bytes(file.header + items)
    return path


def test_the_shipped_files_are_sound() -> None:
    mnist.check(mnist.SHIPPED)


def test_raw_and_compressed_files_are_the_same(tmp_path: Path) -> None:
    raw = written(tmp_path, IMAGES, PIXELS)
    found = mnist.read(tmp_path, IMAGES, 2)
    raw.with_name(f"{raw.name}.gz").write_bytes(gzip.compress(raw.read_bytes()))
    raw.unlink()
    assert found == mnist.read(tmp_path, IMAGES, 2) == PIXELS[:8]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_another_size_or_header_is_refused(tmp_path: Path, damage: str) -> None:
    change, found = DAMAGES[damage]
    path = tmp_path / IMAGES.name
    path.write_bytes(change(IMAGES.header + PIXELS))
    with pytest.raises(BrokenData) as caught:
        mnist.read(tmp_path, IMAGES, 1)
    message = str(caught.value)
    assert str(path) in message
    assert found in message
    assert "expected 28 bytes and 00 00 08 03" in message


@pytest.mark.parametrize(
    "content",
    [gzip.compress(IMAGES.header + PIXELS)[:-9], b"no gzip", b"",
     gzip.compress(IMAGES.header + PIXELS)[:12] + b"\xff\xff\xff" * 9],
    ids=["truncated", "foreign", "empty", "damaged"],  # gzip's bytes hold the time of day
)  # fmt: skip
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"{IMAGES.name}.gz"
    path.write_bytes(content)
    with pytest.raises(BrokenData, match=r"tiny-images\.gz .*expected .*: restore it"):
        mnist.read(tmp_path, IMAGES, 1)


@pytest.mark.parametrize("strange", ["missing", "a folder", "x" * 5_000])
def test_what_cannot_be_read_at_all_is_named(tmp_path: Path, strange: str) -> None:
    (tmp_path / "a folder" / IMAGES.name).mkdir(parents=True)
    with pytest.raises(
        BrokenData, match=f"cannot be read: .*; expected .*{mnist.VARIABLE}"
    ) as caught:
        mnist.read(tmp_path / strange, IMAGES, 1)
    assert str(tmp_path / strange / IMAGES.name) in str(caught.value)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_label_beyond_nine_is_refused(tmp_path: Path, position: int) -> None:
    labels = bytearray([0, 9, 5])
    labels[position] = 10
    written(tmp_path, LABELS, bytes(labels))
    with pytest.raises(BrokenData, match=r"tiny-labels has the label 10; expected classes 0 to 9"):
        mnist.read(tmp_path, LABELS, 1)


@pytest.mark.parametrize("file", mnist.FILES, ids=lambda file: file.name)
def test_of_a_shipped_archive_no_more_is_unpacked_than_is_needed(file: IdxFile) -> None:
    unpacked = gzip.decompress((mnist.SHIPPED / f"{file.name}.gz").read_bytes())
    assert unpacked.startswith(file.header)
    kept = unpacked[len(file.header) :][: 3 * file.item_bytes]
    assert mnist.read(mnist.SHIPPED, file, 3) == kept


def test_a_shipped_archive_with_another_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{IMAGES.name}.gz").write_bytes(gzip.compress(IMAGES.header + PIXELS))
    file = IMAGES._replace(sha256="0" * 64)
    with pytest.raises(BrokenData, match=r"SHA-256 .*; expected 0{64}: restore bench/workload"):
        mnist.read(tmp_path, file, 3, shipped=tmp_path)


def test_check_names_the_one_file_that_is_wrong(tmp_path: Path) -> None:
    written(tmp_path, IMAGES, PIXELS)
    labels = written(tmp_path, LABELS, bytes(3))
    mnist.check(tmp_path, (IMAGES, LABELS))
    labels.unlink()
    with pytest.raises(BrokenData, match="tiny-labels"):
        mnist.check(tmp_path, (IMAGES, LABELS))


def test_the_variable_points_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(mnist.VARIABLE, str(tmp_path))
    assert mnist.data_folder() == tmp_path
    monkeypatch.setenv(mnist.VARIABLE, "")
    assert mnist.data_folder() == mnist.SHIPPED
