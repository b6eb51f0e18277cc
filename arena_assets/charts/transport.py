"""Does P0's calibration carry over to the targets: residuals by policy and by score, and scores outside its support."""

from __future__ import annotations

import altair as alt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import JUDGE_SCORE, count, listed, percent


def residual_title(table: pd.DataFrame, logging: str) -> str:
    """For which targets the calibration does not hold, as a sentence."""
    targets = table[table["policy"] != logging]
    if targets.empty:
        return "No target has labels to test the calibration on"
    off = targets[(targets["residual_ci_low"] > 0) | (targets["residual_ci_high"] < 0)]
    if off.empty:
        return f"No mean residual differs from zero on the labels of {count(len(targets), 'target')}"
    words = [
        f"{policy} ({'better' if gap > 0 else 'worse'} than its scores say by {abs(gap):.3f})"
        for policy, gap in zip(off["policy"], off["residual"].tolist(), strict=True)
    ]
    return f"The calibration does not carry over to {listed(words)}"


def residual_chart(table: pd.DataFrame, colours: alt.Scale, level: str) -> alt.LayerChart:
    """Mean residual of each policy with its interval."""
    base = style.chart(table).encode(
        y=alt.Y("policy:N", sort=list(table["policy"]), title=None),
        color=alt.Color("policy:N", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("residual:Q", title="Label minus calibrated score", format="+.3f"),
            alt.Tooltip("residual_ci_low:Q", title=f"{level} from", format="+.3f"),
            alt.Tooltip("residual_ci_high:Q", title="to", format="+.3f"),
            alt.Tooltip("rmse:Q", title="RMSE of one label", format=".3f"),
            alt.Tooltip("labels:Q", title="Labels", format=","),
        ],
    )
    intervals = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("residual_ci_low:Q", title="Label minus calibrated score (label units)"), x2="residual_ci_high:Q"
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(x="residual:Q")
    return alt.layer(style.rule(0.0), intervals, points).properties(height=44 * len(table) + 70)


def by_score_chart(frame: pd.DataFrame, colours: alt.Scale) -> alt.LayerChart:
    """Residual against score: a slope says that the calibration bends another way for that policy."""
    lines = (
        style.linked(style.chart(frame), frame)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=45))
        .encode(
            x=alt.X("score:Q", title=JUDGE_SCORE, scale=alt.Scale(zero=False)),
            y=alt.Y("residual:Q", title="Mean label minus calibrated score"),
            color=style.policy_colour(colours, list(frame["policy"])),
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("score:Q", title="Mean score", format=".3f"),
                alt.Tooltip("residual:Q", title="Residual", format="+.3f"),
                alt.Tooltip("labels:Q", title="Labels", format=","),
            ],
        )
    )
    return alt.layer(style.rule(0.0, axis="y"), lines).properties(height=320)


def sides(table: pd.DataFrame) -> pd.DataFrame:
    """Share of each policy's scores below and above the calibrated range: policy, side, share."""
    long = table.melt(["policy"], ["share_below", "share_above"], "side", "share").dropna(subset=["share"])
    long["side"] = long["side"].str.removeprefix("share_")
    return long


def support_title(table: pd.DataFrame) -> str:
    """How far scores that were never calibrated may move a target's level, as a sentence."""
    known = table.dropna(subset=["beyond_low", "beyond_high"])
    if known.empty:
        return "No target's scores can be compared with a calibrated range"
    largest = known[["beyond_low", "beyond_high"]].max(axis=1)
    if not (largest > 0).any():
        return "Every target's scores lie within the calibrated range"
    worst = known.iloc[int(largest.argmax())]
    share = percent(float(worst["share_below"] + worst["share_above"]))
    return (
        f"{share} of {worst['policy']}'s scores lie outside the calibrated range: its truth may be"
        f" {worst['beyond_low']:.3f} lower or {worst['beyond_high']:.3f} higher for their sake"
    )


def support_chart(table: pd.DataFrame) -> alt.Chart:
    """Share outside the calibrated range, by side."""
    return (
        style.chart(table)
        .mark_bar(height={"band": 0.6})
        .encode(
            y=alt.Y("policy:N", sort=list(dict.fromkeys(table["policy"])), title=None),
            x=alt.X("share:Q", title="Share of its scores outside the range", axis=alt.Axis(format="~%", tickCount=6)),
            color=alt.Color(
                "side:N",
                title=None,
                scale=alt.Scale(domain=["below", "above"], range=[style.ORANGE, style.BLUE]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("side:N", title="Side"),
                alt.Tooltip("share:Q", title="Share", format=".2%"),
            ],
        )
        .properties(height=44 * table["policy"].nunique() + 110)
    )
