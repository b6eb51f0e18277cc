"""What lies beyond a plot's ends is marked as such: never as a value at the end."""

from __future__ import annotations

import altair as alt
import pandas as pd

_SIDES = (("triangle-left", "left", 9, "<"), ("triangle-right", "right", -9, ">"))


def beyond(base: alt.Chart, rows: pd.DataFrame, value: str, shown: str, scale: alt.Scale) -> list[alt.Chart]:
    """A hollow arrow head with its number for each row whose `value` is not where it is `shown`.

    base: the chart of `rows` with its y and its colours.
    """
    layers: list[alt.Chart] = []
    for shape, align, shift, sign in _SIDES:
        out = rows[value] < rows[shown] if sign == "<" else rows[value] > rows[shown]
        if not out.any():
            continue
        own = base.transform_filter(f"datum.{value} {sign} datum.{shown}").encode(x=alt.X(f"{shown}:Q", scale=scale))
        layers.append(own.mark_point(shape=shape, size=130, filled=False, strokeWidth=2, opacity=1))
        layers.append(
            own.mark_text(align=align, dx=shift, dy=-7, fontSize=11).encode(text=alt.Text(value, format=".2f"))
        )
    return layers
