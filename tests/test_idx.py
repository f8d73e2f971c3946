"""The image files: what is accepted, and what is said of each kind of damage."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import idx
from bench.idx import BrokenData, IdxFile

IMAGES = IdxFile("tiny-images", (3, 2, 2), "")
LABELS = IdxFile("tiny-labels", (3,), "")
PIXELS = bytes(range(12))
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda raw: raw[:-1], "27 bytes"),
    "truncated in the header": (lambda raw: raw[:7], "7 bytes"),
    "empty": (lambda raw: b"", "0 bytes"),
    "too long": (lambda raw: raw + b"\0", "29 bytes"),
    "another number of images": (lambda raw: raw[:7] + b"\4" + raw[8:], "00 00 00 04"),
    "another shape": (lambda raw: raw[:15] + b"\3" + raw[16:], "00 00 00 03"),
    "another type": (lambda raw: raw[:2] + b"\x0d" + raw[3:], "00 00 0d 03"),
    "another format": (lambda raw: b"\x89PNG" + raw[4:], "89 50 4e 47"),
}


def written(folder: Path, file: IdxFile, items: bytes) -> Path:
    """Write a raw file with a right header and return its path."""
    path = folder / file.name
    path.write_bytes(file.header + items)
    return path


def test_the_header_says_type_dimensions_and_sizes() -> None:
    """A header is 0, 0, 8, the number of dimensions, and each size in four big-endian bytes."""
    assert IMAGES.header == bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2])
    assert idx.TRAIN_LABELS.header == bytes([0, 0, 8, 1, 0, 0, 0xEA, 0x60])


def test_the_shipped_files_are_sound() -> None:
    """All four shipped files have the size, the header and the SHA-256 that they should have."""
    idx.check(idx.SHIPPED)


def test_raw_and_compressed_files_are_the_same(tmp_path: Path) -> None:
    """A file is read raw or as .gz, with the same result."""
    raw = written(tmp_path, IMAGES, PIXELS)
    found = idx.read(tmp_path, IMAGES, 2)
    raw.with_name(f"{raw.name}.gz").write_bytes(gzip.compress(raw.read_bytes()))
    raw.unlink()
    assert found == idx.read(tmp_path, IMAGES, 2) == PIXELS[:8]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_another_size_or_header_is_refused(
    tmp_path: Path, damage: str, compressed: bool
) -> None:
    """The message names the file, what was found in it and what was expected."""
    change, found = DAMAGES[damage]
    content = change(IMAGES.header + PIXELS)
    path = tmp_path / (f"{IMAGES.name}.gz" if compressed else IMAGES.name)
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(BrokenData) as caught:
        idx.read(tmp_path, IMAGES, 1)
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
    """A .gz that is cut off, rubbish, empty or damaged inside is named, whatever gzip raises."""
    path = tmp_path / f"{IMAGES.name}.gz"
    path.write_bytes(content)
    with pytest.raises(BrokenData, match=r"tiny-images\.gz .*expected .*: restore it"):
        idx.read(tmp_path, IMAGES, 1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message names the file that is not there and the variable that points to its folder."""
    with pytest.raises(BrokenData) as caught:
        idx.read(tmp_path, IMAGES, 1)
    assert str(tmp_path / IMAGES.name) in str(caught.value)
    assert idx.VARIABLE in str(caught.value)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    """What cannot be read at all is a broken file too."""
    (tmp_path / IMAGES.name).mkdir()
    with pytest.raises(BrokenData, match="cannot be read"):
        idx.read(tmp_path, IMAGES, 1)


def test_a_folder_whose_name_no_system_takes_is_named() -> None:
    """A name that is too long for the file system is a missing file, not a crash."""
    with pytest.raises(BrokenData, match="cannot be read"):
        idx.read(Path("x" * 5_000), IMAGES, 1)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_label_beyond_nine_is_refused(tmp_path: Path, position: int) -> None:
    """A label of 10 is found wherever it stands, in what is kept and in what is only checked."""
    labels = bytearray([0, 9, 5])
    labels[position] = 10
    written(tmp_path, LABELS, bytes(labels))
    with pytest.raises(BrokenData, match=r"tiny-labels has the label 10; expected classes 0 to 9"):
        idx.read(tmp_path, LABELS, 1)


def test_a_pixel_may_have_any_value(tmp_path: Path) -> None:
    """The range of labels is not asked of pixels."""
    written(tmp_path, IMAGES, b"\xff" * 12)
    assert idx.read(tmp_path, IMAGES, 3) == b"\xff" * 12


def test_the_shipped_files_are_checked_by_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One flipped bit in a shipped file is found, and both hashes are named."""
    right = hashlib.sha256(IMAGES.header + PIXELS).hexdigest()
    file = IMAGES._replace(sha256=right)
    monkeypatch.setattr(idx, "SHIPPED", tmp_path)
    written(tmp_path, file, PIXELS)
    assert idx.read(tmp_path, file, 3) == PIXELS
    written(tmp_path, file, PIXELS[:-1] + b"\x0a")
    with pytest.raises(BrokenData) as caught:
        idx.read(tmp_path, file, 1)
    assert right in str(caught.value)
    assert hashlib.sha256(file.header + PIXELS[:-1] + b"\x0a").hexdigest() in str(caught.value)
    assert "restore bench/mnist/" in str(caught.value)


def test_the_hashes_of_the_shipped_archives_are_known() -> None:
    """Each archive is recognised, so that a child unpacks no more than it needs."""
    for file in (idx.TRAIN_IMAGES, idx.TRAIN_LABELS, idx.TEST_IMAGES, idx.TEST_LABELS):
        archive = idx.SHIPPED / f"{file.name}.gz"
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == file.sha256_compressed
        unpacked = gzip.decompress(archive.read_bytes())
        assert hashlib.sha256(unpacked).hexdigest() == file.sha256
        kept = 3 * file.item_bytes
        assert idx.read(idx.SHIPPED, file, 3) == unpacked[len(file.header) :][:kept]


@pytest.mark.parametrize("change", [lambda raw: raw, lambda raw: raw[:-1] + b"\x0a"])
def test_a_shipped_archive_that_is_not_known_is_unpacked_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]
) -> None:
    """Compressed again, the right images are accepted and wrong ones are not."""
    right = IMAGES.header + PIXELS
    file = IMAGES._replace(sha256=hashlib.sha256(right).hexdigest(), sha256_compressed="0" * 64)
    monkeypatch.setattr(idx, "SHIPPED", tmp_path)
    (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(change(right)))
    if change(right) == right:
        assert idx.read(tmp_path, file, 3) == PIXELS
    else:
        with pytest.raises(BrokenData, match="restore bench/mnist/"):
            idx.read(tmp_path, file, 1)


def test_check_names_the_one_file_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four files the last one is checked as the first is."""
    for name, file in {"TRAIN_IMAGES": IMAGES, "TRAIN_LABELS": LABELS,
                       "TEST_IMAGES": IMAGES._replace(name="test-images"),
                       "TEST_LABELS": LABELS._replace(name="test-labels")}.items():  # fmt: skip
        monkeypatch.setattr(idx, name, file)
        written(tmp_path, file, bytes(12 if len(file.shape) == 3 else 3))
    idx.check(tmp_path)
    (tmp_path / "test-labels").unlink()
    with pytest.raises(BrokenData, match="test-labels"):
        idx.check(tmp_path)


def test_the_variable_points_to_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the variable, or with an empty one, the shipped images are used."""
    monkeypatch.setenv(idx.VARIABLE, str(tmp_path))
    assert idx.data_folder() == tmp_path
    monkeypatch.setenv(idx.VARIABLE, "")
    assert idx.data_folder() == idx.SHIPPED


def test_reading_needs_no_numpy() -> None:
    """The parent of a run checks the files, and loads no NumPy for it."""
    source = Path(idx.__file__).read_text()
    assert "import numpy" not in source
