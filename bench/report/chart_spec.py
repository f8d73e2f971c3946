"""How the charts look: Vega-Lite templates, drawn here as SVG and in the page interactively.

Plain dictionaries: Altair builds the same ones, but takes 0.3 s to import and 35 ms a chart. Rows
are told apart by shape and dash as well as by colour; phases by lightness, order and labels.
Colours are `var(--ink)`: the page's style sheet defines them, and in an SVG they are resolved once
it is drawn, so that light and dark come from one drawing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench.report.chart_data import PHASES, Chart
from bench.report.colours import DASHES, SERIES

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Bundled with vl-convert, and as wide as Arial: the drawing is the same on every machine.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH = 830  # pixels of a forge's page
FIGURES = 172  # of it, for the column of figures
NAMES = {False: 152, True: 112}  # pixels for the rows' names, wide and narrow
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down",
          "triangle-right", "triangle-left", "wedge", "arrow", "M-1,-.3L1,-.3L1,.3L-1,.3Z",
          "M-.3,-1L.3,-1L.3,1L-.3,1Z"]  # fmt: skip
DARK_PHASES = ("start", "data", "compile", "evaluation")
RULE = {"type": "rule", "strokeDash": [5, 4], "color": "var(--muted)"}


def seconds(log: bool, narrow: bool) -> Spec:
    """Return the template of seconds per epoch: a dot a trial, centre and interval a row."""
    low, each, centre = (_measure(field, "seconds per epoch", log, narrow)
                         for field in ("low", "seconds", "centre"))  # fmt: skip
    y = _row_names(narrow)
    hue = _if("datum.flagged", "var(--doubt)", "var(--accent)")
    shape = _if("datum.flagged", "cross", "circle")
    layers = [
        _layer("rows", {"type": "bar", "height": 14, "opacity": 0.22}, x=low, y=y, color=hue,
               x2={"field": "high"}),
        _layer("trials", {"type": "point", "filled": True, "size": 36, "opacity": 0.75}, x=each,
               y=y, color=hue, shape=shape, tooltip=_tooltip(row="", round="", seconds=".4g")),
        _layer("rows", {"type": "tick", "thickness": 3, "height": 20}, x=centre, y=y, color=hue),
        _layer("lines", RULE, x=each),
        _layer("lines", {"type": "text", "baseline": "bottom", "color": "var(--muted)"}, x=each,
               y={"value": -4}, text={"field": "name"}),
    ]  # fmt: skip
    return _template(layers, narrow, figures="rows")


def accuracy(log: bool, narrow: bool) -> Spec:
    """Return the template of accuracy against seconds since the start, one line a row."""
    x = _measure("seconds", "seconds since the process started, evaluation left out", log, narrow)
    y = {**_measure("accuracy", "test accuracy", False, narrow),
         "scale": {"zero": False, "padding": 6}}  # fmt: skip
    legend = _legend(narrow)
    layers = [
        _layer("goals", RULE, y=y),
        _layer("points", {"type": "line", "strokeWidth": 1.8}, x=x, y=y, order={"field": "epoch"},
               stroke=_by_row(SERIES * 2), strokeDash=_by_row(DASHES)),
        _layer("points", {"type": "point", "filled": True, "size": 60, "opacity": 1}, x=x, y=y,
               fill=_by_row(SERIES * 2, legend), shape=_by_row(SHAPES, legend),
               tooltip=_tooltip(row="", epoch="", seconds=".3g", accuracy=".4f")),
    ]  # fmt: skip
    return _template(layers, narrow)


def phases(log: bool, narrow: bool) -> Spec:
    """Return the template of where a trial's time goes, stacked: the scale is never logarithmic."""
    begin = _measure("from", "seconds of a whole trial", log=False, narrow=narrow)
    begin["scale"] = {"zero": True, "nice": False}
    y = _row_names(narrow)
    order = {"domain": list(PHASES), "range": [f"var(--phase-{phase})" for phase in PHASES]}
    legend = {"title": None, "orient": "top", "symbolType": "square", "columns": 3 if narrow else 7}
    dark = " || ".join(f"datum.phase == '{phase}'" for phase in DARK_PHASES)
    ink = _if(dark, "var(--on-dark)", "var(--on-light)")
    room = {"filter": "datum.fits <= width"}
    between = {"calculate": "(datum.from + datum.to) / 2", "as": "middle"}
    layers = [
        _layer("parts", {"type": "bar", "stroke": "var(--paper)", "strokeWidth": 1, "height": 20},
               x=begin, x2={"field": "to"}, y=y, tooltip=_tooltip(row="", phase="", seconds=".3g"),
               fill={"field": "phase", "scale": order, "legend": legend}),
        {**_layer("parts", {"type": "text", "fontSize": 11}, x={**begin, "field": "middle"}, y=y,
                  color=ink, text={"field": "label"}), "transform": [room, between]},
    ]  # fmt: skip
    return _template(layers, narrow, figures="totals")


def inference(log: bool, narrow: bool) -> Spec:
    """Return the template of images predicted in a second: a mark for each size of call."""
    x, y = _measure("rate", "images per second", log, narrow), _row_names(narrow)
    legend = {"title": None, "orient": "top", "symbolSize": 70, "symbolOpacity": 1}
    sizes = {"field": "calls", "sort": None, "legend": legend}
    layers = [
        _layer("points", {"type": "point", "filled": True, "size": 70, "opacity": 1}, x=x, y=y,
               fill={**sizes, "scale": {"range": SERIES}},
               shape={**sizes, "scale": {"range": SHAPES}},
               tooltip=_tooltip(row="", calls="", rate=",.3r", microseconds=",.4r")),
    ]  # fmt: skip
    return _template(layers, narrow, figures="labels")


def _along(scale: Spec, log: bool, narrow: bool) -> Spec:
    """Return the template of samples per second along an axis of numbers, a line a row."""
    x: Spec = {"field": "value", "type": "quantitative", "scale": scale,
               "axis": {"title": "", "format": ",~r", "labelOverlap": "greedy"}}  # fmt: skip
    low, rate = (_measure(field, "samples/s", log, narrow) for field in ("low", "rate"))
    layers = [
        _layer("points", {"type": "area", "opacity": 0.16}, x=x, y=low, y2={"field": "high"},
               color=_by_row(SERIES * 2)),
        _layer("points", {"type": "line", "strokeWidth": 1.8}, x=x, y=rate,
               stroke=_by_row(SERIES * 2), strokeDash=_by_row(DASHES)),
        _layer("bounds", {"type": "line", "strokeDash": [2, 4], "color": "var(--muted)"}, x=x,
               y=rate, detail={"field": "name"}),
        {**_layer("bounds", {"type": "text", "align": {"expr": "datum.named"}, "dy": -10,
                             "color": "var(--muted)"}, x=x, y=rate, text={"field": "name"}),
         "transform": [{"filter": "datum.named"}]},
        _marks(narrow, x=x, y=rate),
    ]  # fmt: skip
    return _template(layers, narrow)


def dots(log: bool, narrow: bool) -> Spec:
    """Return the template of samples per second at named values, a dot a row."""
    x: Spec = {"field": "value", "type": "nominal", "sort": None,
               "axis": {"title": "", "labelAngle": 0}}  # fmt: skip
    beside = {"field": "label", "sort": None}
    low, rate = (_measure(field, "samples/s", log, narrow) for field in ("low", "rate"))
    layers = [
        _layer("points", {"type": "rule", "strokeWidth": 2}, x=x, xOffset=beside, y=low,
               y2={"field": "high"}, stroke=_by_row(SERIES * 2)),
        _layer("bounds", {"type": "tick", "orient": "horizontal", "color": "var(--muted)"}, x=x,
               y=rate, tooltip=_tooltip(name="", rate=",.3r")),
        _marks(narrow, x=x, y=rate, xOffset=beside),
    ]  # fmt: skip
    return _template(layers, narrow)


def _marks(narrow: bool, **places: Spec) -> Spec:
    """Return the layer of points that a legend names, by shape and colour."""
    legend = _legend(narrow)
    tooltip = _tooltip(**{"label": "", "value": "", "samples/s": "", "s per epoch": ""})
    mark = {"type": "point", "filled": True, "size": 60, "opacity": 1}
    return _layer("points", mark, **places, tooltip=tooltip, fill=_by_row(SERIES * 2, legend),
                  shape=_by_row(SHAPES, legend))  # fmt: skip


LOG: Spec = {"type": "log", "nice": False, "padding": 14}
LINEAR: Spec = {"zero": False, "nice": False, "padding": 14}
TEMPLATES: dict[str, Callable[[bool, bool], Spec]] = {
    "seconds": seconds, "accuracy": accuracy, "phases": phases, "dots": dots,
    "inference": inference,
    "curve": partial(_along, LOG), "line": partial(_along, LINEAR),
}  # fmt: skip


def spec(chart: Chart) -> Spec:
    """Return a chart as it is drawn for Markdown, which holds the words that describe it."""
    template = TEMPLATES[chart.name](chart.log, False)
    filled = [_with_axis(layer, chart.axis) for layer in template["layer"]
              if chart.data[layer["data"]["name"]]]  # fmt: skip
    chosen = {"layer": filled, "datasets": chart.data, "height": chart.height}
    return template | chosen | {"config": {**template["config"], "aria": False}}


def _with_axis(layer: Spec, axis: Mapping[str, Any]) -> Spec:
    """Return a layer whose horizontal axis has what only the chart knows."""
    if not axis:
        return layer
    x = layer["encoding"]["x"]
    named = {**x, "axis": {**x["axis"], **axis}}
    return {**layer, "encoding": {**layer["encoding"], "x": named}}


def _template(layers: list[Spec], narrow: bool, figures: str | None = None) -> Spec:
    """Return a chart without data and height, with a column of figures where there is room."""
    right = 8
    if figures and not narrow:
        right, beside = FIGURES, {"type": "text", "align": "left", "xOffset": 10}
        layers.append(_layer(figures, beside, x={"value": "width"}, y=_row_names(narrow),
                             text={"field": "label"}))  # fmt: skip
    texts = {"labelFontSize": 12, "titleFontSize": 12, "labelColor": "var(--ink)",
             "titleColor": "var(--muted)", "titleFontWeight": "normal"}  # fmt: skip
    lines = {f"{part}Color": "var(--muted)" for part in ("domain", "tick")}
    return {
        "$schema": SCHEMA,
        "width": WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 8, "top": 8, "right": right, "bottom": 8},
        "layer": layers,
        "config": {
            "font": FONT,
            "background": "transparent",
            "view": {"stroke": None},
            "axis": {**texts, **lines, "gridColor": "var(--grid)"},
            "legend": {**texts, "symbolSize": 70, "rowPadding": 4},
            "text": {"color": "var(--ink)", "fontSize": 12},
        },
    }


def _layer(data: str, mark: Spec, **encoding: Spec | list[Spec]) -> Spec:
    return {"data": {"name": data}, "mark": mark, "encoding": encoding}


def _measure(field: str, title: str, log: bool, narrow: bool) -> Spec:
    scale = LOG if log else {"zero": True}
    axis = {"title": title + (" (logarithmic)" if log else ""), "format": ",~r",
            "tickCount": 4 if narrow else 7,
            "labelOverlap": "greedy", "labelSeparation": 6}  # fmt: skip
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _row_names(narrow: bool) -> Spec:
    """Return the vertical axis of charts with one line a row, in the order of the data."""
    room = {"minExtent": NAMES[narrow], "maxExtent": NAMES[narrow], "labelLimit": NAMES[narrow] - 8}
    axis = {"title": None, "domain": False, "ticks": False, **room}
    return {"field": "row", "type": "nominal", "sort": None, "axis": axis}


def _legend(narrow: bool) -> Spec:
    below = {"orient": "bottom", "columns": 1} if narrow else {"orient": "right"}
    return {"title": None, "labelLimit": 240, "symbolSize": 70, "symbolOpacity": 1, **below}


def _by_row(values: list[Any], legend: Spec | None = None) -> Spec:
    """Return the encoding that gives each row one of the values, again from the first if short."""
    return {"field": "label", "sort": None, "legend": legend, "scale": {"range": values}}


def _if(test: str, value: str, otherwise: str) -> Spec:
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def _tooltip(**formats: str) -> list[Spec]:
    return [{"field": field, "format": form} for field, form in formats.items()]
