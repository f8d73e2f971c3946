"""Charts onto the disk: only what has changed is drawn, and what nothing shows is taken away.

Every drawing ends with a comment that holds the digest of what it was made from.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from bench.records import CannotSave, write_atomically
from bench.report import charts, vega
from bench.report.charts import Chart

MARK = "<!-- drawn from %s -->\n"
SCHEMES = {"light": False, "dark": True}


def begin(folder: Path, wanted: Mapping[str, Chart]) -> Callable[[], list[Path]]:
    """Begin to draw charts, by the stems of their file names, into a folder of their own.

    Returns what waits for the drawings, writes them and returns the files that were written; it
    raises CannotSave if one cannot be.
    """
    marks = {stem: (MARK % charts.digest(chart)).encode() for stem, chart in wanted.items()}
    stale = [stem for stem, mark in marks.items() if _stale_schemes(folder, stem, mark)]
    drawings = vega.all_drawn([charts.to_draw(wanted[stem]) for stem in stale])

    def finish() -> list[Path]:
        if not wanted and not folder.exists():
            return []
        try:
            folder.mkdir(exist_ok=True)
            _remove_others(folder, wanted)
            pairs = zip(stale, drawings, strict=True)
            return [path for stem, drawing in pairs
                    for path in _write(folder, stem, drawing, marks[stem])]  # fmt: skip
        except OSError as error:
            reason = f"{folder} cannot be written: {error}; name another --reports"
            raise CannotSave(reason) from error

    return finish


def _write(folder: Path, stem: str, drawing: str, mark: bytes) -> list[Path]:
    """Write a drawing for each scheme that has none of this mark; they differ in colours only."""
    schemes = _stale_schemes(folder, stem, mark)
    paths = [folder / f"{stem}-{name}.svg" for name in schemes]
    for name, path in zip(schemes, paths, strict=True):
        write_atomically(path, charts.coloured(drawing, SCHEMES[name]) + b"\n" + mark)
    return paths


def _stale_schemes(folder: Path, stem: str, mark: bytes) -> list[str]:
    return [name for name in SCHEMES if not _ends_with(folder / f"{stem}-{name}.svg", mark)]


def _ends_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(mark), 2)
            return file.read() == mark
    except OSError:  # absent, or shorter than the mark
        return False


def _remove_others(folder: Path, wanted: Mapping[str, Chart]) -> None:
    """Remove drawings of ours, and only such, that no page shows any longer."""
    shown = {f"{stem}-{name}.svg" for stem in wanted for name in SCHEMES}
    for path in folder.glob("*.svg"):
        start = MARK.partition("%s")[0].encode()
        if path.name not in shown and start in path.read_bytes()[-2 * len(MARK) - 32 :]:
            path.unlink()
