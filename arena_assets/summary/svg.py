"""Charts as SVG for a page that loads nothing: no script, no font, and a file of their own size on a telephone."""

from __future__ import annotations

import hashlib
import re

import altair as alt
import vl_convert

# Labels are cut by a chart's own limits, never by the picture's edge.
# Fonts of other machines are wider than the one that the labels were measured with.
_ROOM = {"left": 24, "right": 8, "top": 4, "bottom": 4}
_CONFIG = {
    "background": "transparent",
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": "#dcdfe4"},
    "axis": {"labelFontSize": 12, "titleFontSize": 12, "gridColor": "#eceef1", "titleFontWeight": "normal"},
    "legend": {"labelFontSize": 12},
}


def svg(chart: alt.TopLevelMixin, width: int) -> str:
    """The chart `width` pixels wide, its axis labels included."""
    with alt.theme.enable("none"):
        spec = chart.to_dict()
    spec |= {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}, "padding": _ROOM, "config": _CONFIG}
    found: str = vl_convert.vegalite_to_svg(spec)
    # Many charts stand in one page, and each calls its clips clip0, clip1: a name of its own for each chart.
    mark = hashlib.sha256(found.encode()).hexdigest()[:8]
    return re.sub(r'(id="|url\(#)((?:clip|gradient)\w*)', rf"\g<1>c{mark}-\g<2>", found)
