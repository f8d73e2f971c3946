"""How the charts look: Vega-Lite templates, drawn here as SVG and in the page interactively.

Written as plain dictionaries: Altair builds the same ones, but takes 0.3 s to import and 35 ms a
chart, as long as drawing it. Rows are told apart by shape, fill and dash as well as by colour;
phases by lightness, order and labels.
"""

from typing import Any

from bench.report.chart_colours import DARK_PHASES, ROLES, role
from bench.report.chart_data import PHASES

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Bundled with vl-convert, and as wide as Arial: the drawing is the same on every machine.
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
WIDTH = 830  # pixels of a forge's page
LEFT, RIGHT = 152, 172  # of it, for the rows' names and for the column of figures
NARROW_LEFT = 112  # on a phone
AROUND_ACCURACY, ACCURACY_HEIGHT = 260, 330  # width of axis and key, height of the plot
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
LOGARITHMIC = {"type": "log", "nice": False, "padding": 14}


def config() -> Spec:
    """Return what all charts share."""
    texts = {"labelFontSize": 12, "titleFontSize": 12, "labelColor": role("ink"),
             "titleColor": role("muted"), "titleFontWeight": "normal"}  # fmt: skip
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {**texts, "gridColor": role("grid"), "domainColor": role("muted"),
                 "tickColor": role("muted"), "labelLimit": LEFT - 8},
        "legend": {**texts, "symbolSize": 70, "labelLimit": 170, "rowPadding": 4},
        "text": {"color": role("ink"), "fontSize": 12},
    }  # fmt: skip


def template(width: int, height: int | Spec, data: tuple[str, ...], layers: list[Spec]) -> Spec:
    """Return a chart without its data: records are to be put into the named data sets."""
    return {
        "$schema": SCHEMA,
        "config": config(),
        "width": width,
        "height": height,
        "datasets": {name: [] for name in data},
        "layer": layers,
    }


def layer(data: str, mark: Spec, **encoding: Spec | list[Spec]) -> Spec:
    """Return one layer over a data set."""
    return {"data": {"name": data}, "mark": mark, "encoding": encoding}


def measure(field: str, title: str | None, scale: Spec) -> Spec:
    """Return the encoding of a quantity along an axis, at most seven marks on it."""
    axis = {"title": title, "format": ",~r", "tickCount": 7, "labelOverlap": "greedy"}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def row_names() -> Spec:
    """Return the vertical axis of charts with one line a row, in the order of the data."""
    axis = {"title": None, "domain": False, "ticks": False, "minExtent": LEFT, "maxExtent": LEFT}
    return {"field": "row", "type": "nominal", "sort": None, "axis": axis}


def marked() -> Spec:
    """Return the colour of rows: another one for those that nobody should believe."""
    return {"condition": {"test": "!datum.sound", "value": role("doubt")}, "value": role("accent")}


def beside(data: str, field: str) -> Spec:
    """Return the column of figures at the right of the plot."""
    mark = {"type": "text", "align": "left", "xOffset": 10}
    return layer(data, mark, x={"value": "width"}, y=row_names(), text={"field": field})


def seconds(log: bool) -> Spec:
    """Return the template of seconds per epoch: a dot a trial, centre and interval a row."""
    scale = LOGARITHMIC if log else {"zero": True}
    axis = "seconds per epoch" + (" (logarithmic)" if log else "")
    y = row_names()
    tooltip = [{"field": "row"}, {"field": "round"}, {"field": "seconds", "format": ".4g"}]
    layers = [
        layer("rows", {"type": "bar", "height": 14, "opacity": 0.22},
              x=measure("low", axis, scale), x2={"field": "high"}, y=y, color=marked()),
        layer("trials", {"type": "point", "filled": True, "size": 36, "opacity": 0.75},
              x=measure("seconds", axis, scale), y=y, color=marked(), tooltip=tooltip,
              shape={"condition": {"test": "!datum.sound", "value": "cross"}, "value": "circle"}),
        layer("rows", {"type": "tick", "thickness": 3, "height": 20},
              x=measure("centre", axis, scale), y=y, color=marked()),
        layer("lines", {"type": "rule", "strokeDash": [5, 4], "color": role("muted")},
              x=measure("seconds", axis, scale)),
        layer("lines", {"type": "text", "baseline": "bottom", "color": role("muted")},
              x=measure("seconds", axis, scale), y={"value": -4}, text={"field": "name"}),
        beside("rows", "label"),
    ]  # fmt: skip
    return template(WIDTH - LEFT - RIGHT, {"step": 28}, ("trials", "rows", "lines"), layers)


def accuracy(log: bool) -> Spec:
    """Return the template of accuracy against seconds since the start, one line a row."""
    scale = LOGARITHMIC if log else {"zero": True}
    axis = "seconds since the process started, evaluation left out"
    x = measure("seconds", axis + (" (logarithmic)" if log else ""), scale)
    y = measure("accuracy", "test accuracy", {"zero": False, "padding": 6})
    shapes = by_row([*SHAPES, *SHAPES])
    hues = by_row([role(name) for name in (*ROLES, *ROLES)])
    dashes = by_row([[1, 0]] * len(SHAPES) + [[6, 3]] * len(SHAPES))
    fills = by_row([role(name) for name in ROLES] + [role("paper")] * len(ROLES))
    slot = {"field": "slot", "type": "quantitative", "scale": None}  # pixels from the top
    tooltip = [{"field": "row"}, {"field": "epoch"}, {"field": "seconds", "format": ".3g"},
               {"field": "accuracy", "format": ".4f"}]  # fmt: skip
    layers = [
        layer("goals", {"type": "rule", "strokeDash": [5, 4], "color": role("muted")}, y=y),
        layer("points", {"type": "line", "strokeWidth": 1.8}, x=x, y=y, stroke=hues,
              strokeDash=dashes, order={"field": "epoch"}),
        layer("points", {"type": "point", "size": 55, "strokeWidth": 1.8, "opacity": 1},
              x=x, y=y, stroke=hues, fill=fills, shape=shapes, tooltip=tooltip),
        layer("names", {"type": "point", "size": 55, "strokeWidth": 1.8, "opacity": 1,
                        "xOffset": 22}, x={"value": "width"}, y=slot, stroke=hues, fill=fills,
              shape=shapes),
        layer("names", {"type": "text", "align": "left", "xOffset": 36}, x={"value": "width"},
              y=slot, text={"field": "label"}),
        layer("heading", {"type": "text", "align": "left", "xOffset": 16, "color": role("muted")},
              x={"value": "width"}, y=slot, text={"field": "label"}),
    ]  # fmt: skip
    data = ("points", "goals", "names", "heading")
    return template(WIDTH - AROUND_ACCURACY, ACCURACY_HEIGHT, data, layers)


def by_row(values: list[Any]) -> Spec:
    """Return the encoding that gives each row one of the values, again from the first if short."""
    return {"field": "row", "sort": None, "legend": None, "scale": {"range": values}}


def phases(log: bool) -> Spec:
    """Return the template of where a trial's time goes, stacked; it is never logarithmic."""
    assert not log, "parts of a whole need a linear scale"
    axis = "seconds of a whole trial"
    x = measure("from", axis, {"zero": True, "nice": False})
    order = {"domain": list(PHASES), "range": [role(f"phase-{phase}") for phase in PHASES]}
    legend = {"title": None, "orient": "top", "symbolType": "square", "columns": len(PHASES)}
    dark = " || ".join(f"datum.phase == '{phase}'" for phase in DARK_PHASES)
    inks = {"condition": {"test": dark, "value": role("on-dark")}, "value": role("on-light")}
    tooltip = [{"field": "row"}, {"field": "phase"}, {"field": "seconds", "format": ".3g"}]
    layers = [
        layer("parts", {"type": "bar", "stroke": role("paper"), "strokeWidth": 1, "height": 20},
              x=x, x2={"field": "to"}, y=row_names(), tooltip=tooltip,
              fill={"field": "phase", "scale": order, "legend": legend}),
        layer("parts", {"type": "text", "fontSize": 11}, x=measure("middle", axis, {"nice": False}),
              y=row_names(), text={"field": "label"}, color=inks),
        beside("totals", "label"),
    ]  # fmt: skip
    return template(WIDTH - LEFT - RIGHT, {"step": 28}, ("parts", "totals"), layers)


TEMPLATES = {"seconds": seconds, "accuracy": accuracy, "phases": phases}


def narrow(spec: Spec) -> Spec:
    """Return a template for a phone: less room for names, the key below, no column of figures."""
    axis = {**spec["config"]["axis"], "labelLimit": NARROW_LEFT - 4}
    layers = [small for one in spec["layer"] if (small := _narrow_layer(one)) is not None]
    return {**spec, "layer": layers, "config": {**spec["config"], "axis": axis}}


def _narrow_layer(one: Spec) -> Spec | None:
    encoding, mark = dict(one["encoding"]), dict(one["mark"])
    vertical = encoding.get("y", {})
    if encoding.get("x") == {"value": "width"}:
        if vertical.get("field") != "slot":
            return None
        encoding["x"] = {"value": 0}
        mark["yOffset"] = ACCURACY_HEIGHT + 52  # below the axis and its title
    elif vertical.get("field") == "row":
        extents = {"minExtent": NARROW_LEFT, "maxExtent": NARROW_LEFT}
        encoding["y"] = {**vertical, "axis": {**vertical["axis"], **extents}}
        across = encoding["x"]
        encoding["x"] = {**across, "axis": {**across["axis"], "tickCount": 4}}
    if (fill := encoding.get("fill", {})).get("legend"):
        encoding["fill"] = {**fill, "legend": {**fill["legend"], "columns": 3}}
    return {**one, "encoding": encoding, "mark": mark}
