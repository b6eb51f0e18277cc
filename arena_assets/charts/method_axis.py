"""The axis of a chart with a row for each method: whole names, and the values in sight however many rows there are."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from textwrap import wrap

import altair as alt
import pandas as pd

from arena_assets.charts import style

_LIMIT, _LINE, _SPACE = 190, 12, 12  # pixels: of a name, of one of its lines, between rows
_CHARACTERS = 27  # of a line that fits the limit in any font
_ROWS = 20  # after so many the values of the x axis stand again
_BREAK = "\u200b"  # names no method


def domain(methods: Sequence[str]) -> list[str]:
    """The rows from top to bottom: the methods, and a row for the values of the x axis where there are very many."""
    if len(methods) <= _ROWS + 4:
        return list(methods)
    found: list[str] = []
    for start in range(0, len(methods), _ROWS):
        found += [_BREAK * (start // _ROWS + 1), *methods[start : start + _ROWS]]
    return found


def rows(methods: Sequence[str]) -> alt.Y:
    """A row for each method, its name in as many lines as it needs: cut, those that differ at the end would be one."""
    lines = {method: _lines(method) for method in methods}
    options: dict[str, object] = {"labelLimit": _LIMIT, "labelFlush": False, "labelOverlap": False}
    if max(map(len, lines.values()), default=1) > 1:
        options |= {"labelExpr": f"({json.dumps(lines)})[datum.label] || ''", "labelLineHeight": _LINE}
    order = domain(methods)
    return alt.Y("method:N", sort=order, scale=alt.Scale(domain=order), title=None, axis=alt.Axis(**options))


def height(methods: Sequence[str]) -> int:
    """Height of the chart, pixels; the x axis and the legends need the rest."""
    most = max((len(_lines(method)) for method in methods), default=1)
    return style.row_height(len(domain(methods)), each=most * _LINE + _SPACE)


def values(
    methods: Sequence[str], bounds: tuple[float, float], scale: alt.Scale, written: str = "g"
) -> list[alt.Chart]:
    """The values of the x axis in the rows that `domain` keeps for them; none where there are few methods.

    written: how a value is formatted.
    """
    breaks = [name for name in domain(methods) if name.startswith(_BREAK)]
    again = [{"at": at, "row": name, "text": f"{at:{written}}"} for name in breaks for at in _ticks(*bounds)]
    if not again:
        return []
    marks = alt.Chart(pd.DataFrame(again)).mark_text(color=style.GREY, fontSize=11)
    return [marks.encode(x=alt.X("at:Q", scale=scale), y=alt.Y("row:N"), text="text:N")]


def _lines(method: str) -> list[str]:
    name, _, rest = method.partition(" (")
    return wrap(name, _CHARACTERS) + wrap(rest.removesuffix(")"), _CHARACTERS)


def _ticks(low: float, high: float) -> list[float]:
    """Round values within the bounds, at most eight."""
    step = next(size for size in (0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0) if (high - low) / size <= 7 or size == 2.0)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(place * step, 10) for place in range(first, last + 1)]
