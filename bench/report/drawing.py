"""Charts onto the disk: only what has changed is drawn, and what nothing shows is taken away.

Every drawing ends with a comment that holds the digest of what it was made from.
"""

from collections.abc import Mapping
from pathlib import Path

from bench.records import CannotSave, write_atomically
from bench.report import charts
from bench.report.charts import Chart

MARK = "<!-- drawn from %s -->\n"
SCHEMES = {"light": False, "dark": True}


def draw(folder: Path, wanted: Mapping[str, Chart]) -> list[Path]:
    """Draw the charts, by the stems of their file names, into a folder of their own.

    Returns the files that were written. Raises CannotSave if one cannot be.
    """
    if not wanted and not folder.exists():
        return []
    try:
        folder.mkdir(exist_ok=True)
        _remove_others(folder, wanted)
        return [path for stem, chart in wanted.items() for path in _draw(folder, stem, chart)]
    except OSError as error:
        raise CannotSave(f"{folder} cannot be written: {error}; name another --reports") from error


def _draw(folder: Path, stem: str, chart: Chart) -> list[Path]:
    """Draw one chart for each scheme, unless its drawings are those of an equal chart."""
    mark = (MARK % charts.digest(chart)).encode()
    stale = [name for name in SCHEMES if not _ends_with(folder / f"{stem}-{name}.svg", mark)]
    if not stale:
        return []
    drawing = charts.drawn(chart)  # once: the schemes differ in nothing but colours
    for name in stale:
        content = charts.coloured(drawing, SCHEMES[name]) + b"\n" + mark
        write_atomically(folder / f"{stem}-{name}.svg", content)
    return [folder / f"{stem}-{name}.svg" for name in stale]


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
