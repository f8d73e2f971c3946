"""Charts as SVG files and as pictures in Markdown. Only what has changed is drawn.

vl-convert draws offline and the same every time; it takes 60–90 ms a chart and 120 MB. Every
drawing ends with a comment that holds the digest of what it was made from.
"""

import hashlib
import multiprocessing
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from pathlib import Path

import msgspec

from bench.report.chart_data import Chart
from bench.report.chart_spec import WIDTH, spec
from bench.report.colours import COLOURS
from bench.report.markdown import BREAK, text
from bench.report.sections import Section
from bench.report.sweep_sections import SweepSection
from bench.results.store import write_atomically

# Seconds of the processor: 4.4 for 48 charts in one process, 2.6 in each of two, of which 0.8 go
# into starting; from 24 charts on two are faster where two cores are free.
PROCESSES, MANY = 2, 24
SIGN = "<!-- drawn from "
SCHEMES = ("light", "dark")  # in the order of COLOURS
PICTURE = """<picture>
  <source media="(prefers-color-scheme: dark)" srcset="charts/{stem}-dark.svg">
  <img alt="{words}" src="charts/{stem}-light.svg" width="{width}">
</picture>"""


def stem(machine: str, section: Section | SweepSection, name: str) -> str:
    """Return what the files of a chart are called, of a-z, 0-9 and "-"; `machine` is its slug."""
    words = (re.sub(r"[^a-z0-9]+", "-", word.lower())[:30].strip("-")
             for word in section.file_words)  # fmt: skip
    key = hashlib.sha256(msgspec.json.encode(section.key)).hexdigest()[:8]
    return "-".join([machine, *words, key, name])


def picture(stem: str, chart: Chart) -> str:
    """Return the Markdown that shows a chart, light or dark as the reader prefers."""
    words = text(chart.words).replace(BREAK, "").replace('"', "&quot;").replace("\\", "")
    return PICTURE.format(stem=stem, words=words, width=WIDTH)


def draw(folder: Path, wanted: Mapping[str, Chart]) -> list[Path]:
    """Draw charts, by the stems of their files, and remove those of ours that no page shows.

    Returns the files that were written; raises OSError if one cannot be.
    """
    signs = {stem: f"{SIGN}{digest(chart)} -->\n".encode() for stem, chart in wanted.items()}
    files = {stem: [folder / f"{stem}-{scheme}.svg" for scheme in SCHEMES] for stem in wanted}
    present = {path: path.read_bytes() for path in folder.glob("*.svg")}
    stale = [stem for stem, sign in signs.items()
             if not all(present.get(path, b"").endswith(sign) for path in files[stem])]  # fmt: skip
    if stale:
        folder.mkdir(exist_ok=True)
    for stem, drawing in zip(stale, svgs([wanted[stem] for stem in stale]), strict=True):
        for scheme, path in enumerate(files[stem]):
            write_atomically(path, coloured(drawing, scheme) + b"\n" + signs[stem])
    for path in present.keys() - set(chain(*files.values())):
        if SIGN.encode() in present[path]:
            path.unlink()
    return [path for stem in stale for path in files[stem]]


def digest(chart: Chart) -> str:
    """Return what changes whenever the drawing would: a hash of all that it is made from."""
    ingredients = msgspec.json.encode([spec(chart), COLOURS], order="sorted")
    return hashlib.sha256(ingredients).hexdigest()[:16]


def svgs(charts: Sequence[Chart]) -> Iterator[str]:
    """Yield charts as SVG, their colours as names."""
    if not charts:
        return
    import vl_convert  # here, for a report in which nothing has changed does without

    specs = list(map(spec, charts))
    if len(specs) < MANY:
        yield from map(vl_convert.vegalite_to_svg, specs)
        return
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(vl_convert.vegalite_to_svg, specs, chunksize=4)


def coloured(drawing: str, scheme: int) -> bytes:
    """Return a drawing with the colours of a scheme, on a ground of its own."""
    colours = {f"var(--{name})": pair[scheme] for name, pair in COLOURS.items()}

    def resolve(tag: re.Match[str]) -> str:
        return re.sub(r"(?<==\")var\(--[\w-]+\)(?=\")", lambda name: colours[name[0]], tag[0])

    resolved = re.sub(r"<[^>]*>", resolve, drawing)  # in tags only: a text may say what it likes
    ground = f'<rect width="100%" height="100%" fill="{colours["var(--paper)"]}"/>'
    return resolved.replace(">", f">{ground}", 1).encode()
