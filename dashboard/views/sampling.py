"""How results change with the number of prompts and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import percent, with_methods
from arena_assets.estimation import ESTIMATORS, estimators_that

_SHADES = (style.BLUE, style.ORANGE, style.GREEN, style.VERMILION, style.PINK, style.GREY, style.SKY)
MOST_LINES = len(_SHADES)


@dataclass(frozen=True)
class Metric:
    """A column of the grid: its name on screen, its axis, and whether more is better."""

    key: str
    label: str
    axis: str
    more: bool
    share: bool = False


METRICS = (
    Metric("rmse", "RMSE", "RMSE (label units)", more=False),
    Metric("coverage", "Coverage", "Intervals that cover the truth", more=True, share=True),
    Metric("interval_width", "Interval width", "Width of the interval (label units)", more=False),
    Metric("pairwise_accuracy", "Pairwise accuracy", "Policy pairs in the true order", more=True, share=True),
    Metric("supported", "Supported by the gates", "Estimates that the gates support", more=True, share=True),
)
AXES = {"sample_size": "Prompts in the subset (log scale)", "oracle_coverage": "Share of the prompts with P0's label"}


def prepare(grid: pd.DataFrame, scoring: str) -> pd.DataFrame:
    """The grid of one scoring mode with screen names of the methods."""
    return with_methods(grid[grid["scoring"] == scoring])


def first_methods(grid: pd.DataFrame) -> list[str]:
    """A line for each kind of method, calibrated where it can be: what is shown before anybody chooses."""
    names = []
    order = list(ESTIMATORS)
    leads = estimators_that(lambda one: one.lead)
    # An estimator stands before the one that it is but for a calibration.
    for estimator in sorted(leads, key=lambda name: (order.index(_base(name)), name != _base(name))):
        own = grid[grid["estimator"] == estimator]
        if own.empty:
            continue
        kind = "monotone" if "monotone" in set(own["reward_calibration"]) else own["reward_calibration"].iloc[0]
        names.append(str(own.loc[own["reward_calibration"] == kind, "method"].iloc[0]))
    return names or list(dict.fromkeys(grid["method"]))[:MOST_LINES]


def _base(estimator: str) -> str:
    return ESTIMATORS[estimator].variant_of or estimator


def along(grid: pd.DataFrame, axis: str, fixed: float, methods: Sequence[str], metric: Metric) -> pd.DataFrame:
    """Points of the chosen methods along one axis at a fixed value of the other: at, value, low, high."""
    other = "oracle_coverage" if axis == "sample_size" else "sample_size"
    rows = grid[(grid[other] == fixed) & grid["method"].isin(list(methods))].dropna(subset=[metric.key])
    low, high = rows[f"{metric.key}_low"], rows[f"{metric.key}_high"]
    if metric.share:
        low, high = low.clip(lower=0), high.clip(upper=1)
    return rows.assign(at=rows[axis], value=rows[metric.key], low=low, high=high)[
        ["method", "at", "value", "low", "high", "seeds", "failed"]
    ]


def along_title(points: pd.DataFrame, metric: Metric, axis: str) -> str:
    """Which method is best at the far end, as a sentence."""
    if points.empty:
        return "Nothing of the grid passes these filters"
    end = points["at"].max()
    last = points[points["at"] == end].sort_values("value", ascending=not metric.more, kind="stable")
    value = float(last["value"].iloc[0])
    shown = percent(value) if metric.share else f"{value:.3f}"
    where = f"{int(end):,} prompts" if axis == "sample_size" else f"{percent(float(end))} of the labels"
    word = "highest" if metric.more else "lowest"
    what = metric.label if metric.key == "rmse" else metric.label.lower()
    return f"At {where}, {last['method'].iloc[0]} has the {word} {what}: {shown}"


def along_chart(points: pd.DataFrame, metric: Metric, axis: str, level: float | None) -> alt.LayerChart:
    """A line for each method with its 95% band over the repetitions; the dashed line is the intervals' level."""
    methods = list(dict.fromkeys(points["method"]))
    scale = alt.Scale(type="log", nice=False) if axis == "sample_size" else alt.Scale(zero=False)
    ticks = sorted(points["at"].unique().tolist())
    format_x = ",.0f" if axis == "sample_size" else "%"
    base = style.chart(points).encode(
        x=alt.X("at:Q", title=AXES[axis], scale=scale, axis=alt.Axis(values=ticks, format=format_x)),
        color=alt.Color(
            "method:N",
            title=None,
            sort=methods,
            scale=alt.Scale(domain=methods, range=list(_SHADES[: len(methods)])),
            legend=alt.Legend(orient="top", columns=2, labelLimit=240, symbolType="circle", symbolOpacity=1),
        ),
        tooltip=[
            alt.Tooltip("method:N", title="Method"),
            alt.Tooltip("at:Q", title=AXES[axis], format=format_x),
            alt.Tooltip("value:Q", title=metric.label, format=".3f"),
            alt.Tooltip("low:Q", title="95% band from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("seeds:Q", title="Repetitions"),
            alt.Tooltip("failed:Q", title="Without an estimate"),
        ],
    )
    y = alt.Y(
        "low:Q",
        title=metric.axis,
        scale=alt.Scale(zero=False),
        axis=alt.Axis(format="%") if metric.share else alt.Axis(),
    )
    band = base.mark_area(opacity=0.16).encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=50)).encode(y="value:Q")
    layers = [band, line]
    if metric.key == "coverage" and level is not None:
        layers.append(style.rule(level, axis="y"))
    return alt.layer(*layers).properties(height=400)
