"""The charts: what they show, that they are drawn the same way every time, and only when needed."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.records import FloorOf, Run
from bench.report import chart_colours, chart_data, chart_rows, chart_spec, charts, drawing, vega
from bench.report.charts import Chart
from bench.report.sections import Section, sections_of
from tests.made import (
    make_failed,
    make_floor,
    make_proved,
    make_run,
    make_trained,
    make_workload,
    with_proof,
    with_result,
)

pytest.importorskip("vl_convert", reason="vl-convert-python, which draws, is not installed")

HOSTILE = 'a|b</text><script>alert(1)</script>" fill="var(--ink)" \x1b[31m\u202e' + "long" * 30


def section(run: Run | None = None) -> Section:
    """Return the first section of a run."""
    return sections_of("run.json", run or make_run())[0]


def drawn(run: Run, name: str = "seconds", dark: bool = False) -> str:
    """Return one chart of a run as SVG."""
    return charts.svg(charts.of_section(section(run))[name], dark).decode()


def texts(svg: str) -> list[str]:
    """Return the texts that a drawing shows; it must be well-formed XML."""
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [one.text or "" for one in found]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours "#rrggbb" (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_section_has_three_charts() -> None:
    """Speed, time to accuracy, and where the time goes."""
    assert list(charts.of_section(section())) == ["seconds", "accuracy", "phases"]


def test_a_section_without_a_trial_has_no_charts() -> None:
    """There is nothing to draw where everything failed."""
    run = make_run({"numpy": [0.2]})
    assert charts.of_section(section(with_result(run, "numpy", make_failed()))) == {}


@pytest.mark.parametrize("name", ["seconds", "accuracy", "phases"])
@pytest.mark.parametrize("dark", [False, True])
def test_drawing_again_gives_the_same_bytes(name: str, dark: bool) -> None:
    """A report that is made again does not change."""
    assert drawn(make_run(), name, dark) == drawn(make_run(), name, dark)


@pytest.mark.parametrize("name", ["seconds", "accuracy", "phases"])
def test_light_and_dark_differ_in_nothing_but_colours(name: str) -> None:
    """Every colour is resolved, and without colours the drawings are equal."""
    light, dark = (drawn(make_run(), name, scheme) for scheme in (False, True))
    assert light != dark
    assert "var(--" not in light + dark
    assert re.sub("#[0-9a-f]{6}", "", light) == re.sub("#[0-9a-f]{6}", "", dark)


@pytest.mark.parametrize("name", ["seconds", "accuracy", "phases"])
def test_every_row_is_named_and_charts_are_as_wide_as_a_page(name: str) -> None:
    """A reader finds each backend in each chart; all are shown at one scale."""
    svg = drawn(make_run(), name)
    shown = " ".join(texts(svg))
    assert "numpy" in shown and "torch" in shown
    assert f'width="{chart_spec.WIDTH}"' in svg[:300]


@pytest.mark.parametrize("name", ["seconds", "accuracy", "phases"])
def test_no_text_is_smaller_than_eleven_pixels(name: str) -> None:
    """The charts can be read at the width of a forge's page."""
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', drawn(make_run(), name))]
    assert sizes and min(sizes) >= 11


@pytest.mark.parametrize("name", ["seconds", "accuracy", "phases"])
@pytest.mark.filterwarnings("error")
def test_hostile_names_show_as_text(name: str) -> None:
    """A name with markup, control letters or a colour's name makes no markup and no broken XML."""
    svg = drawn(make_run({HOSTILE: [0.2, 0.3], "numpy": [0.2, 0.3]}), name)
    assert "<script" not in svg
    assert any(one.startswith("a|b</text>") for one in texts(svg))


def test_a_text_that_looks_like_a_colour_is_left_alone() -> None:
    """Colours are resolved in tags only."""
    text = '<text fill="var(--ink)">="var(--ink)"</text>'
    drawing_ = f'<svg width="9" height="9" viewBox="0 0 9 9">{text}</svg>'
    ink = chart_colours.COLOURS["ink"][0]
    assert f'<text fill="{ink}">="var(--ink)"</text>' in charts.coloured(drawing_, False).decode()


def test_alike_names_are_told_apart() -> None:
    """Names that are equal when shortened get numbers."""
    run = make_run({"long" * 30 + "a": [0.2], "long" * 30 + "b": [0.3]})
    names = [one.name for one in chart_rows.named_rows(section(run))]
    assert len(set(names)) == 2


def test_the_notebook_is_a_line_where_it_fits_the_scale() -> None:
    """Its 14 s an epoch are drawn beside 10 s, and not beside 0.25 s."""
    slow = charts.of_section(section(make_run({"numpy": [10.0, 11.0]})))["seconds"]
    assert {"name": "notebook", "seconds": 14.0} in slow.data["lines"]
    assert charts.of_section(section())["seconds"].data["lines"] == []


def test_the_floor_is_a_line() -> None:
    """What the matrix products alone take is drawn, under its name."""
    run = make_run()
    floor = FloorOf("cpu", next(iter(run.workloads)), make_floor(0.2))
    run = msgspec.structs.replace(run, floors=(floor,))
    assert "floor" in texts(drawn(run))


def test_a_row_in_doubt_looks_different() -> None:
    """A row that is not proved is labelled, and has another shape and colour."""
    run = with_proof(make_run(), "torch", make_proved(loss_deviation=1.0))
    data = charts.of_section(section(run))["seconds"].data
    assert {one["row"] for one in data["trials"] if not one["sound"]} == {"torch"}
    assert any("(marked)" in one for one in texts(drawn(run)))


def test_values_that_span_much_get_a_logarithmic_scale() -> None:
    """A row that takes thirty times as long does not squash the others, and the axis says so."""
    wide = charts.of_section(section(make_run({"numpy": [0.2, 0.2], "mlx": [7.0, 7.0]})))["seconds"]
    assert wide.log and not charts.of_section(section())["seconds"].log
    assert any("logarithmic" in one for one in texts(charts.svg(wide, False).decode()))


def test_phases_add_up_to_the_trial() -> None:
    """Start, import, data, build, compile, epochs and evaluation are all of a trial's phases."""
    trained = make_trained()
    spent = chart_data.phases_of(trained)
    copies = trained.settle_seconds + trained.idle_copy_seconds
    assert sum(spent) == pytest.approx(trained.total_seconds - copies)
    compiling = spent[chart_data.PHASES.index("compile")]
    assert compiling == pytest.approx(0.25)  # the made-up first epoch takes twice as long


def test_compiling_is_never_negative_and_unknown_from_one_epoch() -> None:
    """A quick first epoch has compiled nothing."""
    place = chart_data.PHASES.index("compile")
    assert chart_data.phases_of(make_trained(epochs=1))[place] == 0
    quick = make_trained(epochs=2)
    quick = msgspec.structs.replace(quick, epochs=quick.epochs[::-1])
    assert chart_data.phases_of(quick)[place] == 0


def test_a_bar_that_is_cut_says_so() -> None:
    """One very long trial does not squash the others; its total stands beside it."""
    run = make_run({"numpy": [0.2], "torch": [0.2], "mlx": [90.0]})
    totals = charts.of_section(section(run))["phases"].data["totals"]
    assert [str(total["label"]).endswith(", cut") for total in totals] == [False, False, True]


def test_the_words_tell_what_the_chart_shows() -> None:
    """The alternative text names every row with its figure."""
    for chart in charts.of_section(section()).values():
        assert "numpy" in chart.words and "torch" in chart.words and chart.words.endswith(".")


def test_the_picture_follows_the_readers_scheme() -> None:
    """Markdown shows the dark drawing to those who prefer dark; hostile words end no attribute."""
    markdown = charts.picture("charts/machine-relu-seconds", 'a " b <c> | d')
    assert (
        'media="(prefers-color-scheme: dark)" srcset="charts/machine-relu-seconds-dark.svg"'
        in markdown
    )
    assert 'src="charts/machine-relu-seconds-light.svg"' in markdown
    assert 'alt="a &quot; b &lt;c&gt; &#124; d"' in markdown


def test_sections_have_names_of_their_own() -> None:
    """Other workloads, inputs or threads give other files; letters are safe for any disk."""
    hostile = msgspec.structs.replace(make_workload(), variant="../Ünsafe|<x>")
    runs = [make_run(), make_run(threads=4), make_run(workload=hostile)]
    slugs = [charts.section_slug(section(run)) for run in runs]
    assert len(set(slugs)) == 3
    assert all(re.fullmatch(r"[a-z0-9-]+", slug) for slug in slugs)


@pytest.mark.parametrize("scheme", [0, 1])
def test_lines_and_texts_stand_out_from_the_ground(scheme: int) -> None:
    """Texts have a contrast of 4.5 : 1, lines and marks of 3 : 1 (WCAG 2.2)."""
    colours = {name: pair[scheme] for name, pair in chart_colours.COLOURS.items()}
    for name in ("ink", "muted", "doubt", "accent"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in chart_colours.ROLES:
        assert contrast(colours[name], colours["paper"]) >= 3, name
    for phase in chart_data.PHASES:
        label = colours["on-dark" if phase in chart_colours.DARK_PHASES else "on-light"]
        assert contrast(label, colours[f"phase-{phase}"]) >= 4.5, phase


def test_templates_are_valid_vega_lite() -> None:
    """Altair's copy of the schema accepts every template and what is made of it for a phone."""
    altair = pytest.importorskip("altair", reason="altair, which knows the schema, is absent")
    for name, template in chart_spec.TEMPLATES.items():
        for log in (False,) if name == "phases" else (False, True):
            for spec in (template(log), chart_spec.narrow(template(log))):
                altair.Chart.from_dict(spec, validate=True)


@pytest.fixture
def wanted() -> dict[str, Chart]:
    """Charts by the stems of their files."""
    return {f"m-{name}": chart for name, chart in charts.of_section(section()).items()}


def test_what_has_not_changed_is_not_drawn_again(
    tmp_path: Path, wanted: dict[str, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second report draws nothing, and does not even load what draws."""
    folder = tmp_path / "charts"
    assert len(drawing.begin(folder, wanted)()) == 6

    def refuse(spec: Any) -> str:
        raise AssertionError("something was drawn again")

    monkeypatch.setattr(vega, "drawn", refuse)
    assert drawing.begin(folder, wanted)() == []


def test_many_charts_are_drawn_by_other_processes_to_the_same_bytes(
    tmp_path: Path, wanted: dict[str, Chart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever draws, the files are the same, each with its own chart."""
    drawing.begin(tmp_path / "one", wanted)()
    monkeypatch.setattr(vega, "MANY", len(wanted))
    written = drawing.begin(tmp_path / "other", wanted)()
    assert len(written) == 6
    for path in written:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()


def test_one_changed_chart_is_all_that_is_drawn(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    """With one new run only what concerns it changes."""
    drawing.begin(tmp_path, wanted)()
    changed = charts.of_section(section(make_run({"numpy": [0.5]})))["seconds"]
    written = drawing.begin(tmp_path, {**wanted, "m-seconds": changed})()
    assert [path.name for path in written] == ["m-seconds-light.svg", "m-seconds-dark.svg"]


def test_a_truncated_drawing_is_drawn_again(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    """Only a whole drawing counts as drawn."""
    before = drawing.begin(tmp_path, wanted)()[0]
    content = before.read_bytes()
    before.write_bytes(content[: len(content) // 2])
    assert drawing.begin(tmp_path, wanted)() == [before]
    assert before.read_bytes() == content


def test_only_drawings_of_ours_are_removed(tmp_path: Path, wanted: dict[str, Chart]) -> None:
    """A drawing that no page shows goes; a file that somebody put there stays."""
    drawing.begin(tmp_path, {"gone": next(iter(wanted.values()))})()
    (tmp_path / "mine.svg").write_text("<svg/>")
    drawing.begin(tmp_path, wanted)()
    names = {path.name for path in tmp_path.iterdir()}
    assert "mine.svg" in names and "gone-light.svg" not in names


def test_without_charts_no_folder_is_made(tmp_path: Path) -> None:
    """Nothing to draw leaves nothing behind."""
    assert drawing.begin(tmp_path / "charts", {})() == []
    assert not (tmp_path / "charts").exists()
