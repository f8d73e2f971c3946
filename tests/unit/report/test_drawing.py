"""Charts on the disk: drawn the same way every time, and only when something has changed."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from made import make_run, make_workload

from bench.report import chart_data, drawing
from bench.report.chart_data import Chart
from bench.report.chart_spec import WIDTH
from bench.report.sections import Section, sections_of
from bench.results.records import Run

pytest.importorskip("vl_convert", reason="vl-convert-python, which draws, is not installed")

NAMES = ["seconds", "accuracy", "phases"]
HOSTILE = 'a|b</text><script>alert(1)</script>" fill="var(--ink)" \x1b[31m\u202e' + "long" * 30


def section_of(run: Run) -> Section:
    return sections_of("run.json", run)[0]


def drawn(run: Run, name: str = "seconds", scheme: int = 0) -> str:
    chart = chart_data.of_section(section_of(run))[name]
    return drawing.coloured(next(drawing.svgs([chart])), scheme).decode()


def texts(svg: str) -> list[str]:
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [one.text or "" for one in found]


@pytest.fixture
def wanted() -> dict[str, Chart]:
    return {f"m-{name}": one for name, one in chart_data.of_section(section_of(make_run())).items()}


@pytest.mark.parametrize("name", NAMES)
def test_light_and_dark_differ_in_nothing_but_colours(name: str) -> None:
    light, dark = (drawn(make_run(), name, scheme) for scheme in (0, 1))
    assert light != dark
    assert "var(--" not in light + dark
    assert re.sub("#[0-9a-f]{6}", "", light) == re.sub("#[0-9a-f]{6}", "", dark)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_named_legibly_and_charts_are_as_wide_as_a_page(name: str) -> None:
    svg = drawn(make_run(), name)
    assert {"numpy", "torch"} <= {word.strip(":") for word in " ".join(texts(svg)).split()}
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', svg)]
    assert min(sizes) >= 11
    assert f'width="{WIDTH}"' in svg[:300]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("error")
def test_hostile_names_show_as_text(name: str) -> None:
    """A name with markup, control letters or a colour's name makes no markup and no broken XML."""
    svg = drawn(make_run({HOSTILE: [0.2, 0.3], "numpy": [0.2, 0.3]}), name)
    assert "<script" not in svg
    assert any(one.startswith("a|b</text>") for one in texts(svg))


def test_the_picture_follows_the_readers_scheme() -> None:
    """Markdown shows the dark drawing to those who prefer dark; hostile words end no attribute."""
    chart = Chart("seconds", False, 1, 'a " b <c> | d', {})
    markdown = drawing.picture("machine-relu-seconds", chart)
    dark = '"(prefers-color-scheme: dark)" srcset="charts/machine-relu-seconds-dark.svg"'
    assert dark in markdown and 'src="charts/machine-relu-seconds-light.svg"' in markdown
    assert 'alt="a &quot; b &lt;c&gt; &#124; d"' in markdown


def test_sections_have_files_of_their_own() -> None:
    """Other workloads, inputs or threads give other names; letters are safe for any disk."""
    runs = [make_run(), make_run(threads=4), make_run(workload=make_workload(hidden=(9, 9)))]
    stems = [drawing.stem("m", section_of(run), "seconds") for run in runs]
    assert len(set(stems)) == 3
    assert all(re.fullmatch(r"[a-z0-9-]+", stem) for stem in stems)


def test_what_has_not_changed_is_not_drawn_again(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    first = drawing.draw(tmp_path / "charts", wanted)
    assert len(first) == 6
    times = [path.stat().st_mtime_ns for path in first]
    assert drawing.draw(tmp_path / "charts", wanted) == []
    assert [path.stat().st_mtime_ns for path in first] == times


def test_one_changed_chart_is_all_that_is_drawn(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    """It is changed if its data are, to the last digit."""
    drawing.draw(tmp_path, wanted)
    (first, *others) = wanted["m-seconds"].data["trials"]
    data = wanted["m-seconds"].data | {"trials": [first | {"seconds": 0.24001}, *others]}
    written = drawing.draw(
        tmp_path, {**wanted, "m-seconds": wanted["m-seconds"]._replace(data=data)}
    )
    assert [path.name for path in written] == ["m-seconds-light.svg", "m-seconds-dark.svg"]


def test_many_charts_are_drawn_in_two_processes_and_are_the_same(wanted: dict[str, Chart]) -> None:
    chart = wanted["m-phases"]
    assert set(drawing.svgs([chart] * drawing.MANY)) == set(drawing.svgs([chart]))


def test_only_drawings_of_ours_are_removed(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    """A drawing that no page shows goes; a file that somebody put there stays."""
    drawing.draw(tmp_path, {"gone": wanted["m-seconds"]})
    (tmp_path / "mine.svg").write_text("<svg/>")
    drawing.draw(tmp_path, wanted)
    names = {path.name for path in tmp_path.iterdir()}
    assert "mine.svg" in names and "gone-light.svg" not in names
