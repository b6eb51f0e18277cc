"""Errors against the truth: one row for each method, one mark for each policy."""

from __future__ import annotations

import altair as alt
import pandas as pd

from arena_assets.charts import method_axis, style
from arena_assets.charts.beyond import beyond
from arena_assets.charts.forest import DRAWN, TOOLTIP

_FAR = 1.0  # labels lie within 0 and 1: an error beyond says no more by its size


def chart(frame: pd.DataFrame, colours: alt.Scale) -> alt.LayerChart:
    """Error against truth of every method, one mark for each policy: wide rows are methods not to trust everywhere."""
    known = frame.loc[frame["error"].notna(), style.with_link(["policy", *DRAWN], frame)]
    known = known.assign(shown_error=known["error"].clip(-_FAR, _FAR))
    order = list(dict.fromkeys(known["method"]))
    ends = known["shown_error"].tolist()
    bounds = min([0.0, *ends]) - 0.02, max([0.0, *ends]) + 0.02
    scale = alt.Scale(domain=list(bounds), nice=False, zero=False)
    base = style.linked(style.chart(known), known).encode(
        y=method_axis.rows(order),
        color=style.policy_colour(colours, list(known["policy"])),
        tooltip=[alt.Tooltip("policy:N", title="Policy"), *TOOLTIP],
    )
    marks = base.transform_filter("datum.error == datum.shown_error").mark_point(filled=True, opacity=0.9)
    marks = marks.encode(
        x=alt.X("shown_error:Q", title="Estimate minus truth (label units)", scale=scale),
        shape=style.shape_by_coverage(),
        size=style.size_by_coverage(),
    )
    cut = beyond(base, known, "error", "shown_error", scale)
    again = method_axis.values(order, bounds, scale)
    return alt.layer(style.rule(0.0), *again, alt.layer(marks, *cut)).properties(height=method_axis.height(order))
