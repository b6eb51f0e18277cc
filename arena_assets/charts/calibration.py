"""Judge against oracle: what a score is worth, how scores are spread, how far the two scoring modes agree."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import JUDGE_SCORE, ORACLE_LABEL, SCORING, count, percent, pretty

_SAME = 1e-9


def monotone(table: pd.DataFrame, scoring: str) -> pd.DataFrame:
    """The rows of the monotone calibration of one kind of score, which is drawn against the score itself."""
    return table[(table["scoring"] == scoring) & (table["reward_calibration"] == "monotone")]


def calibration_title(correlated: pd.DataFrame, logging: str) -> str:
    """How much the judge knows about the oracle's label, as a sentence."""
    row = correlated[correlated["policy"] == logging]
    if row.empty or pd.isna(row["rank_correlation"].iloc[0]):
        return f"Too few labels of {logging} to say whether the judge follows the oracle"
    value = float(row["rank_correlation"].iloc[0])
    words = next(text for bound, text in _STRENGTH if abs(value) >= bound)
    against = " against the oracle" if value < 0 and abs(value) >= 0.1 else ""
    labels = count(int(row["labels"].iloc[0]), "label")
    return f"The judge {words}{against}: rank correlation {value:.2f} on {labels} of {logging}"


_STRENGTH = (
    (0.6, "follows the oracle closely"),
    (0.4, "follows the oracle moderately"),
    (0.2, "follows the oracle weakly"),
    (0.0, "says next to nothing about the oracle's label"),
)


def calibration_note(logging: str, scoring: str, level: str) -> str:
    """What the chart shows, and what a dot beside the curve says."""
    return (
        f"The curve is fitted on {logging}'s labels, {pretty(SCORING, scoring)} scores; dots are mean labels with "
        f"{level} intervals. A target's dots off the curve say that the calibration does not hold for it."
    )


def calibration_chart(bins: pd.DataFrame, curve: pd.DataFrame, colours: alt.Scale, level: str) -> alt.LayerChart:
    """Mean label against judge score: P0's slice (grey) made the curve, targets should lie on it."""
    scale = alt.Scale(zero=False, nice=False, padding=8)
    base = style.linked(style.chart(bins), bins).encode(
        x=alt.X("score:Q", title=JUDGE_SCORE, scale=scale),
        color=style.policy_colour(colours, list(bins["policy"])),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("score:Q", title="Mean score", format=".3f"),
            alt.Tooltip("label:Q", title="Mean label", format=".3f"),
            alt.Tooltip("ci_low:Q", title=f"{level} from", format=".3f"),
            alt.Tooltip("ci_high:Q", title="to", format=".3f"),
            alt.Tooltip("labels:Q", title="Labels", format=","),
        ],
    )
    y = alt.Y("label:Q", title=ORACLE_LABEL, scale=alt.Scale(domain=[0, 1]))
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.7, clip=True).encode(
        y=alt.Y("ci_low:Q", title=ORACLE_LABEL), y2="ci_high:Q"
    )
    marks = base.mark_point(filled=True, size=60, opacity=1).encode(y=y)
    layers = [bars, marks]
    if len(curve):
        layers.insert(
            0,
            style.chart(curve)
            .mark_line(color=style.GREY, strokeWidth=3, opacity=0.75)
            .encode(
                x=alt.X("position:Q", scale=scale),
                y=alt.Y("value:Q"),
                tooltip=[alt.Tooltip("value:Q", title="Calibrated score", format=".3f")],
            ),
        )
    return alt.layer(*layers).properties(height=360)


def distributions(scored: pd.DataFrame, policies: Sequence[str], column: str, bins: int = 40) -> pd.DataFrame:
    """Share of responses by score, for each policy: policy, low, high, middle, share, rows."""
    values = scored[column].dropna()
    if values.empty:
        return pd.DataFrame(columns=["policy", "low", "high", "middle", "share", "rows"])
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.05, high + 0.05
    number = min(style.bin_count(len(values) // max(1, len(policies)), bins), max(5, values.nunique()))
    parts = []
    for policy in policies:
        own = scored.loc[scored["policy"] == policy, column].dropna().to_numpy(float)
        if not own.size:
            continue
        rows, edges = np.histogram(own, bins=number, range=(low, high))
        parts.append(
            pd.DataFrame(
                {
                    "policy": policy,
                    "low": edges[:-1],
                    "high": edges[1:],
                    "middle": (edges[:-1] + edges[1:]) / 2,
                    "rows": rows,
                    "share": rows / own.size,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def distribution_title(scored: pd.DataFrame, logging: str, targets: Sequence[str], column: str) -> str:
    """Which policy's scores lie farthest from P0's, as a sentence."""
    means = scored.groupby("policy", observed=True)[column].mean().dropna()
    others = means[means.index.isin(list(targets))]
    if logging not in means or others.empty:
        return "Judge scores by policy"
    gap = others - means[logging]
    far = str(gap.abs().idxmax())
    return f"The judge scores {far} {abs(gap[far]):.3f} {'above' if gap[far] > 0 else 'below'} {logging} on average"


def distribution_chart(shares: pd.DataFrame, colours: alt.Scale) -> alt.Chart:
    """Score distribution of each policy as a step line."""
    return (
        style.chart(shares)
        .mark_line(interpolate="step", strokeWidth=2)
        .encode(
            x=alt.X("middle:Q", title=JUDGE_SCORE, scale=alt.Scale(zero=False, nice=False)),
            y=alt.Y("share:Q", title="Share of the policy's responses", axis=alt.Axis(format="%")),
            color=style.policy_colour(colours, list(shares["policy"])),
            tooltip=[
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("low:Q", title="Score from", format=".3f"),
                alt.Tooltip("high:Q", title="to", format=".3f"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
                alt.Tooltip("rows:Q", title="Responses", format=","),
            ],
        )
        .properties(height=320)
    )


def modes(scored: pd.DataFrame, bins: int = 30) -> pd.DataFrame:
    """Deterministic against uncertainty-aware score, in cells: x, x2, y, y2, rows."""
    pair = scored.dropna(subset=["judge_score", "judge_mean"])
    if pair.empty:
        return pd.DataFrame(columns=["x", "x2", "y", "y2", "rows"])
    x, y = pair["judge_score"].to_numpy(float), pair["judge_mean"].to_numpy(float)
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    high = high if high > low else low + 0.05
    rows, edges, _ = np.histogram2d(x, y, bins=bins, range=[[low, high], [low, high]])
    i, j = np.nonzero(rows)
    return pd.DataFrame(
        {"x": edges[i], "x2": edges[i + 1], "y": edges[j], "y2": edges[j + 1], "rows": rows[i, j].astype(int)}
    )


def same_modes(scored: pd.DataFrame) -> bool:
    """Whether the two scoring modes are one, to rounding."""
    return bool((scored["judge_score"] - scored["judge_mean"]).abs().max() < _SAME)


def modes_title(scored: pd.DataFrame) -> str:
    """How far the two scoring modes agree, as a sentence."""
    pair = scored.dropna(subset=["judge_score", "judge_mean"])
    if pair.empty:
        return "The judge gives one kind of score only"
    gap = (pair["judge_score"] - pair["judge_mean"]).abs()
    if gap.max() < _SAME:
        return "Both scoring modes give the same score"
    far = percent(float((gap > 0.1).mean()))
    return f"The two scoring modes differ by {gap.mean():.3f} on average ({far} by more than 0.1)"


def modes_chart(cells: pd.DataFrame) -> alt.LayerChart:
    """Where the modes agree, cells lie on the diagonal."""
    low, high = float(cells[["x", "y"]].min().min()), float(cells[["x2", "y2"]].max().max())
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    squares = (
        style.chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("x:Q", title="Deterministic score", scale=scale).bin("binned"),
            x2="x2:Q",
            y=alt.Y("y:Q", title="Uncertainty-aware mean score", scale=scale).bin("binned"),
            y2="y2:Q",
            color=alt.Color(
                "rows:Q",
                title="Responses",
                scale=alt.Scale(scheme="viridis", type="log"),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("x:Q", title="Deterministic from", format=".3f"),
                alt.Tooltip("y:Q", title="Uncertainty-aware from", format=".3f"),
                alt.Tooltip("rows:Q", title="Responses", format=","),
            ],
        )
    )
    ends = pd.DataFrame({"x": [low, high], "y": [low, high]})
    diagonal = alt.Chart(ends).mark_line(color=style.GREY, strokeDash=[4, 3]).encode(x="x:Q", y="y:Q")
    return alt.layer(squares, diagonal).properties(height=360)
