"""Does P0's calibration carry over to the targets: residuals by policy and by score, and scores outside its support."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.calibration import Calibration
from arena_assets.charts.names import count, listed, percent
from arena_assets.estimation.diagnostics.gates import OUTSIDE_REFUSE


def residuals(scored: pd.DataFrame, curve: Calibration, policies: Sequence[str], column: str) -> pd.DataFrame:
    """Mean of label minus calibrated score for each policy, with its 95% interval; zero where it carries over."""
    rows = []
    for policy in policies:
        pair = scored[scored["policy"] == policy].dropna(subset=[column, "oracle_label"])
        if len(pair) < 2:
            continue
        gap = pair["oracle_label"].to_numpy(float) - curve(pair[column].to_numpy(float))
        error = float(gap.std(ddof=1) / np.sqrt(gap.size))
        mean = float(gap.mean())
        rows.append(
            {
                "policy": policy,
                "residual": mean,
                "low": mean - 1.96 * error,
                "high": mean + 1.96 * error,
                "rmse": float(np.sqrt(np.mean(gap**2))),
                "labels": gap.size,
            }
        )
    return pd.DataFrame(rows, columns=["policy", "residual", "low", "high", "rmse", "labels"])


def residual_title(table: pd.DataFrame, logging: str) -> str:
    """For which targets the calibration does not hold, as a sentence."""
    targets = table[table["policy"] != logging]
    if targets.empty:
        return "No target has labels to test the calibration on"
    off = targets[(targets["low"] > 0) | (targets["high"] < 0)]
    if off.empty:
        return (
            f"The calibration carries over to all {count(len(targets), 'target')}: no mean residual differs from zero"
        )
    words = [
        f"{policy} ({'better' if gap > 0 else 'worse'} than its scores say by {abs(gap):.3f})"
        for policy, gap in zip(off["policy"], off["residual"].tolist(), strict=True)
    ]
    return f"The calibration does not carry over to {listed(words)}"


def residual_chart(table: pd.DataFrame, colours: alt.Scale) -> alt.LayerChart:
    """Mean residual of each policy with its interval."""
    base = style.chart(table).encode(
        y=alt.Y("policy:N", sort=list(table["policy"]), title=None),
        color=alt.Color("policy:N", scale=colours, legend=None),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("residual:Q", title="Label minus calibrated score", format="+.3f"),
            alt.Tooltip("low:Q", title="95% from", format="+.3f"),
            alt.Tooltip("high:Q", title="to", format="+.3f"),
            alt.Tooltip("rmse:Q", title="RMSE of one label", format=".3f"),
            alt.Tooltip("labels:Q", title="Labels", format=","),
        ],
    )
    intervals = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", title="Label minus calibrated score (label units)"), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(x="residual:Q")
    return alt.layer(style.zero_rule(), intervals, points).properties(height=44 * len(table) + 70)


def residuals_by_score(points: pd.DataFrame, curve: Calibration, policies: Sequence[str]) -> pd.DataFrame:
    """The binned points of `judge.binned` as residuals from the curve."""
    shown = points[points["policy"].isin(list(policies))]
    return shown.assign(residual=shown["label"] - curve(shown["score"].to_numpy(float)))


def by_score_chart(frame: pd.DataFrame, colours: alt.Scale) -> alt.LayerChart:
    """Residual against score: a slope says that the calibration bends another way for that policy."""
    lines = (
        style.chart(frame)
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=45))
        .encode(
            x=alt.X("score:Q", title="Judge score (0 to 1)", scale=alt.Scale(zero=False)),
            y=alt.Y("residual:Q", title="Mean label minus calibrated score"),
            color=style.policy_colour(colours, list(frame["policy"])),
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("score:Q", title="Mean score", format=".3f"),
                alt.Tooltip("residual:Q", title="Residual", format="+.3f"),
                alt.Tooltip("rows:Q", title="Labels", format=","),
            ],
        )
    )
    zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=style.GREY, strokeDash=[4, 3]).encode(y="zero:Q")
    return alt.layer(zero, lines).properties(height=320)


def support(scored: pd.DataFrame, curve: Calibration, targets: Sequence[str], column: str) -> pd.DataFrame:
    """Share of each target's scores below and above the calibrated range: policy, side, share, rows."""
    known, rows = curve.support, []
    for policy in targets:
        own = scored.loc[scored["policy"] == policy, column].dropna().to_numpy(float)
        for side, outside in (("below", own < known.low), ("above", own > known.high)):
            if own.size:
                rows.append(
                    {"policy": policy, "side": side, "share": float(outside.mean()), "rows": int(outside.sum())}
                )
    return pd.DataFrame(rows, columns=["policy", "side", "share", "rows"])


def refused_from(curve: Calibration) -> float:
    """Share outside the calibrated range from which the gates refuse: what chance may show is taken off there."""
    return OUTSIDE_REFUSE + curve.support.chance


def support_title(table: pd.DataFrame, limit: float) -> str:
    """Whose level may not be claimed because its scores were never calibrated, as a sentence."""
    total = table.groupby("policy", sort=False)["share"].sum()
    if total.empty:
        return "No target has scores yet"
    out = total[total >= limit]
    if out.empty:
        worst = str(total.idxmax())
        if not total.any():
            return "Every target's scores lie within the calibrated range"
        most = percent(float(total.max()))
        return f"The targets score within the calibrated range: at most {most} lie outside ({worst})"
    words = [f"{policy} ({percent(float(share))})" for policy, share in out.items()]
    return f"No level may be claimed for {listed(words)}: scores outside the calibrated range"


def support_chart(table: pd.DataFrame, limit: float) -> alt.LayerChart:
    """Share outside the calibrated range, with the share from which the gates refuse."""
    bars = (
        style.chart(table)
        .mark_bar(height={"band": 0.6})
        .encode(
            y=alt.Y("policy:N", sort=list(dict.fromkeys(table["policy"])), title=None),
            x=alt.X(
                "share:Q",
                title="Share of its scores outside the range",
                axis=alt.Axis(format="~%", tickCount=6),
                scale=alt.Scale(domainMin=0, domainMax=max(1.5 * limit, float(table["share"].max()) * 1.1)),
            ),
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
                alt.Tooltip("rows:Q", title="Responses", format=","),
            ],
        )
    )
    gate = (
        alt.Chart(pd.DataFrame({"at": [limit], "what": ["from here on: refused"]}))
        .mark_rule(color=style.GREY, strokeDash=[4, 3])
        .encode(x="at:Q", tooltip=["what:N"])
    )
    return alt.layer(bars, gate).properties(height=44 * table["policy"].nunique() + 110)
