"""Forest plots: every method's estimate and interval beside the truth, one plot for each policy."""

from __future__ import annotations

import altair as alt
import pandas as pd

from arena_assets.charts import method_axis, style
from arena_assets.charts.beyond import beyond
from arena_assets.charts.names import ORACLE_LABEL, count, level_words, with_methods

# Labels lie within 0 and 1; an interval that leaves this range says nothing more by its length, so it is cut.
LOWEST, HIGHEST = -0.15, 1.15
CUT = "An arrow head: the interval goes on beyond the plot; a hollow one with a number: the estimate itself lies there."

DRAWN = [
    "method", "estimate", "ci_low", "ci_high", "shown", "shown_low", "shown_high", "truth", "error", "coverage",
    "support", "support_reason", "support_advice", "reward_calibration", "weight_calibration", "scoring",
]  # fmt: skip
TOOLTIP = [
    alt.Tooltip("method:N", title="Method"),
    alt.Tooltip("estimate:Q", title="Estimate", format=".3f"),
    alt.Tooltip("ci_low:Q", title="Interval from", format=".3f"),
    alt.Tooltip("ci_high:Q", title="to", format=".3f"),
    alt.Tooltip("truth:Q", title="Truth by labels it has not seen", format=".3f"),
    alt.Tooltip("error:Q", title="Error, both on the same prompts", format="+.3f"),
    alt.Tooltip("coverage:N", title="Interval"),
    alt.Tooltip("support:N", title="Gates say"),
    alt.Tooltip("support_reason:N", title="Because"),
    alt.Tooltip("support_advice:N", title="What it means"),
    alt.Tooltip("reward_calibration:N", title="Reward calibration"),
    alt.Tooltip("weight_calibration:N", title="Weight calibration"),
    alt.Tooltip("scoring:N", title="Scoring"),
]


def prepare(results: pd.DataFrame) -> pd.DataFrame:
    """Results that have an estimate, with screen names and the interval cut to what is drawn."""
    frame = with_methods(results[results["estimate"].notna()])
    frame["coverage"] = style.coverage_words(frame["covered"])
    frame["shown"] = frame["estimate"].clip(LOWEST, HIGHEST)
    frame["shown_low"] = frame["ci_low"].clip(LOWEST, HIGHEST)
    frame["shown_high"] = frame["ci_high"].clip(LOWEST, HIGHEST)
    return frame


def domain(frame: pd.DataFrame, values: pd.DataFrame) -> tuple[float, float]:
    """Range of the shared axis of all policies: everything drawn, and the truths."""
    if frame.empty:
        return 0.0, 1.0
    truth = values.loc[values["policy"].isin(set(frame["policy"])), "value"]
    low = min(frame["shown_low"].min(), frame["shown"].min(), truth.min())
    high = max(frame["shown_high"].max(), frame["shown"].max(), truth.max())
    return float(low) - 0.01, float(high) + 0.01


def title(frame: pd.DataFrame, policy: str, values: pd.DataFrame) -> str:
    """What the plot of one policy says, as a sentence."""
    rows = frame[(frame["policy"] == policy)]
    truth = values.loc[values["policy"] == policy, "value"].dropna()
    if truth.empty:
        return f"{policy}: {count(len(rows), 'estimate')}, truth unknown"
    judged = rows[rows["covered"].notna()]
    hits = int(judged["covered"].astype(bool).sum())
    return f"{policy}: {hits} of {count(len(judged), 'interval')} cover the truth, {truth.iloc[0]:.3f}"


def forest(frame: pd.DataFrame, policy: str, bounds: tuple[float, float], values: pd.DataFrame) -> alt.LayerChart:
    """Estimates of one policy with their intervals; the band is the truth (`policy_values`) with its own."""
    rows = frame.loc[frame["policy"] == policy, style.with_link(DRAWN, frame)]
    order = list(dict.fromkeys(frame["method"]))
    scale = alt.Scale(domain=list(bounds), nice=False, zero=False)
    base = style.linked(style.chart(rows), rows).encode(y=method_axis.rows(order), tooltip=TOOLTIP)
    colour = style.support_colour()
    intervals = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("shown_low:Q", scale=scale, title=ORACLE_LABEL), x2="shown_high:Q", color=colour
    )
    points = base.transform_filter("datum.estimate == datum.shown").mark_point(filled=True, opacity=1)
    points = points.encode(
        x=alt.X("shown:Q", scale=scale), color=colour, shape=style.shape_by_coverage(), size=style.size_by_coverage()
    )
    cut = [*_cut(base, rows, scale), *beyond(base.encode(color=colour), rows, "estimate", "shown", scale)]
    # Layers of one frame in a layer of their own, so that the frame is sent once.
    estimates = alt.layer(intervals, *cut, points)
    truth = _truth(values[values["policy"] == policy], scale, bounds)
    again = method_axis.values(order, bounds, scale)
    return alt.layer(*truth, *again, estimates).properties(height=method_axis.height(order))


def _truth(values: pd.DataFrame, scale: alt.Scale, bounds: tuple[float, float]) -> list[alt.Chart]:
    known = values.dropna(subset=["value"])[["value", "ci_low", "ci_high"]]
    if known.empty:
        return []
    ends = {name: known[name].fillna(known["value"]).clip(*bounds) for name in ("ci_low", "ci_high")}
    known = known.assign(low=ends["ci_low"], high=ends["ci_high"])
    tooltip = [
        alt.Tooltip("value:Q", title="Truth", format=".3f"),
        alt.Tooltip("ci_low:Q", title=f"{level_words(values)} from", format=".3f"),
        alt.Tooltip("ci_high:Q", title="to", format=".3f"),
    ]
    base = style.chart(known).encode(tooltip=tooltip)
    band = base.mark_rect(color=style.GREY, opacity=0.22).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    line = base.mark_rule(color=style.GREY, strokeWidth=1.5).encode(x=alt.X("value:Q", scale=scale))
    return [band, line]


def _cut(base: alt.Chart, rows: pd.DataFrame, scale: alt.Scale) -> list[alt.Chart]:
    """Arrow heads where an interval goes on beyond the plot, and its estimate does not."""
    inside = rows["estimate"] == rows["shown"]
    ends = {
        "triangle-left": ("shown_low", rows["ci_low"] < LOWEST, f"datum.ci_low < {LOWEST}"),
        "triangle-right": ("shown_high", rows["ci_high"] > HIGHEST, f"datum.ci_high > {HIGHEST}"),
    }
    return [
        base.transform_filter(f"{test} && datum.estimate == datum.shown")
        .mark_point(shape=shape, size=60, filled=True, opacity=1)
        .encode(x=alt.X(f"{shown}:Q", scale=scale), color=style.support_colour())
        for shape, (shown, beyond, test) in ends.items()
        if (beyond & inside).any()
    ]
