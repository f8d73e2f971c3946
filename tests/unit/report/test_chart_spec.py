"""How the charts look."""

import pytest

from bench.report import chart_data, chart_spec
from bench.report.colours import COLOURS


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours "#rrggbb" (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_lines_and_texts_stand_out_from_the_ground(scheme: int) -> None:
    """Texts have a contrast of 4.5 : 1, lines and marks of 3 : 1 (WCAG 2.2)."""
    colours = {name: pair[scheme] for name, pair in COLOURS.items()}
    for name in ("ink", "muted", "doubt", "accent"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in (name for name in colours if name.startswith("series-")):
        assert contrast(colours[name], colours["paper"]) >= 3, name
    for phase in chart_data.PHASES:
        label = colours["on-dark" if phase in chart_spec.DARK_PHASES else "on-light"]
        assert contrast(label, colours[f"phase-{phase}"]) >= 4.5, phase


@pytest.mark.parametrize("name", list(chart_spec.TEMPLATES))
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_templates_are_valid_vega_lite(name: str, log: bool, narrow: bool) -> None:
    """Altair's copy of the schema accepts every one."""
    altair = pytest.importorskip("altair", reason="altair, which knows the schema, is absent")
    spec = chart_spec.TEMPLATES[name](log, narrow)
    sets = {layer["data"]["name"]: [] for layer in spec["layer"]}
    altair.Chart.from_dict({**spec, "height": 100, "datasets": sets}, validate=True)
