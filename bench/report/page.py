"""One self-contained page of all results: `reports/index.html`, which needs no network or server.

The browser is told to run the scripts of this page and no others, and to load nothing: whatever a
run file holds is data, shown as text.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from bench.report import chart_spec, page_data
from bench.report.chart_colours import COLOURS
from bench.report.chart_spec import LEFT, NARROW_LEFT, RIGHT, TEMPLATES
from bench.report.sections import Section

SCRIPTS = ("elements.js", "intervals.js", "model.js", "details.js", "charts.js", "main.js")
AROUND = {"seconds": LEFT + RIGHT, "accuracy": chart_spec.AROUND_ACCURACY, "phases": LEFT + RIGHT}
NARROW_AROUND = {"seconds": NARROW_LEFT, "accuracy": 54, "phases": NARROW_LEFT}
MARGIN = 18  # pixels around a drawing


def build(sections: Sequence[Section], problems: Sequence[str]) -> bytes:
    """Return the page of all sections of all runs; the problems name files that were left out."""
    style = _colours() + _file("style.css")
    libraries = _libraries()
    script = f'"use strict";\n(() => {{\n{"".join(map(_file, SCRIPTS))}}})();\n'
    parts = {
        "policy": _policy(style, libraries, script),
        "style": style,
        "libraries": libraries,
        "script": script,
        "templates": json.dumps(_templates(), separators=(",", ":")).replace("<", "\\u003c"),
        "data": page_data.encode(sections, problems).decode(),
    }
    return Template(_file("page.html")).substitute(parts).encode()


def _file(name: str) -> str:
    return (files("bench.report") / "page" / name).read_text("utf-8")


@cache
def _libraries() -> str:
    """Return Vega and Vega-Lite, as vl-convert bundles them, fit to stand in a script element."""
    import vl_convert  # here, for it takes 60 MB that only the page and new charts need

    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(style: str, *scripts: str) -> str:
    """Return what the browser may do: run these scripts (Vega compiles expressions), load none."""
    allowed = " ".join(map(_source, scripts))
    return (
        f"default-src 'none'; script-src {allowed} 'unsafe-eval'; style-src {_source(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _colours() -> str:
    """Return the colours of page and charts as properties, for both schemes."""
    light, dark = (
        "".join(f"--{name}: {pair[number]}; " for name, pair in COLOURS.items())
        for number in (0, 1)
    )
    return (
        f":root {{ color-scheme: light dark; {light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"
    )


def _templates() -> dict[str, Any]:
    """Return the charts' templates for a wide and a narrow window."""
    return {
        "wide": {name: _template(name, AROUND[name]) for name in TEMPLATES},
        "narrow": {
            name: {
                key: chart_spec.narrow(one) if isinstance(one, dict) else one
                for key, one in _template(name, NARROW_AROUND[name]).items()
            }
            for name in TEMPLATES
        },
    }


def _template(name: str, around: int) -> dict[str, Any]:
    """Return a chart's templates by scale, and the width around their plot."""
    scales = {"linear": False} if name == "phases" else {"linear": False, "log": True}
    return {"around": around + MARGIN} | {
        key: TEMPLATES[name](log) for key, log in scales.items()
    }  # fmt: skip
