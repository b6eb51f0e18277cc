"""Two analyses, or two methods of one, side by side on the policies that both have: values, differences, intervals."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.headline import supported
from arena_assets.charts.names import METHOD, ORACLE_LABEL, count, listed, with_methods
from arena_assets.charts.selection import of_policies
from arena_assets.estimation.estimators.estimate import critical_value

BEST = "best supported"
_SIDE = ["policy", "method", "value", "std_error", "df", "low", "high", "support"]
_OF_RESULTS = {"estimate": "value", "ci_low": "low", "ci_high": "high"}
# Several differences are shown at once, so each side's intervals hold together.
_OF_CONTRASTS = {"difference": "value", "simultaneous_ci_low": "low", "simultaneous_ci_high": "high"}


def methods(results: pd.DataFrame, *, other_than_best: bool = False) -> list[str]:
    """What a side can be: the best supported estimate of each policy, or one method. results: `with_methods`.

    other_than_best: the first that the gates do not refuse everywhere comes first.
    """
    every = [BEST, *dict.fromkeys(results["method"])]
    held = results.loc[results["support"] != "refused", "method"]
    first = str(held.iloc[0]) if other_than_best and len(held) else BEST
    return [first, *(name for name in every if name != first)]


def values(results: pd.DataFrame, policy_values: pd.DataFrame, method: str) -> pd.DataFrame:
    """One side: a row for each policy of which `method` has an estimate. results: `with_methods`."""
    rows = supported(results, policy_values) if method == BEST else results[results["method"] == method]
    return rows.dropna(subset=["estimate"]).rename(columns=_OF_RESULTS)[_SIDE].reset_index(drop=True)


def minus_logging(
    results: pd.DataFrame, policy_values: pd.DataFrame, contrasts: pd.DataFrame, method: str, logging: str
) -> pd.DataFrame:
    """One side as the difference of each policy to P0 under the same method. contrasts: `policy_contrasts`."""
    chosen = values(results, policy_values, method)[["policy", "method"]]
    keys = results[["policy", "method", *METHOD]].merge(chosen, on=["policy", "method"])
    own = contrasts[contrasts["reference"] == logging].rename(columns=_OF_CONTRASTS)
    return keys.merge(own, on=["policy", *METHOD])[_SIDE]


def beside(left: pd.DataFrame, right: pd.DataFrame, level: float, *, one_analysis: bool = False) -> pd.DataFrame:
    """The policies that both sides have, with `difference`, right - left, and its Welch interval.

    The two are taken for independent: too wide rather than too narrow where they share prompts. In one analysis a
    method's estimate is the same on both sides, and differs from itself by nothing.
    """
    table = left.merge(right, on="policy", suffixes=("_left", "_right"), sort=False)
    gap = table["value_right"] - table["value_left"]
    squares = [table[f"std_error_{side}"].astype(float) ** 2 for side in ("left", "right")]
    degrees = [table[f"df_{side}"].astype(float) for side in ("left", "right")]
    total = squares[0] + squares[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        df = total**2 / sum(one**2 / each for one, each in zip(squares, degrees, strict=True))
    same = (table["method_left"] == table["method_right"]) & one_analysis
    total, df = total.mask(same, 0.0), df.mask(same)
    half = [
        critical_value(level, each) * float(np.sqrt(one)) if one > 0 and each > 0 else np.nan
        for one, each in zip(total, df, strict=True)
    ]
    refused = (table["support_left"] == "refused") | (table["support_right"] == "refused")
    low, high = (gap + sign * np.array(half) for sign in (-1, 1))
    return table.assign(difference=gap, low=low.mask(same, 0.0), high=high.mask(same, 0.0), refused=refused)


def title(table: pd.DataFrame, left: str, right: str) -> str:
    """For which policies the sides differ beyond chance, as a sentence."""
    known = table[~table["refused"]].dropna(subset=["low"])
    apart = known[(known["low"] > 0) | (known["high"] < 0)]
    said = [f"{one.policy} ({one.difference:+.3f})" for one in apart.itertuples()]
    if known.empty:
        return f"{right} and {left} share no policy of which both have a difference that the gates do not refuse"
    of = count(len(known), "common policy", "common policies")
    if not said:
        return f"{right} differs from {left} beyond chance for none of {of}"
    return f"{right} differs from {left} beyond chance for {len(said)} of {of}: {listed(said)}"


def outside(left: Sequence[str], right: Sequence[str]) -> str:
    """Policies that one side alone has, as a sentence; none: empty."""
    parts = [
        f"only {side}: {listed([name for name in own if name not in set(other)])}"
        for side, own, other in (("left", left, right), ("right", right, left))
        if set(own) - set(other)
    ]
    return f"Not compared, {'; '.join(parts)}." if parts else ""


def sides_chart(table: pd.DataFrame, left: str, right: str) -> alt.LayerChart:
    """The value of each side with its interval, a pair of rows for each policy."""
    names = {"left": f"left: {left}", "right": f"right: {right}"}
    long = pd.concat(
        [
            pd.DataFrame({name: table[f"{name}_{side}"] for name in _SIDE[1:]}).assign(
                policy=table["policy"], side=names[side]
            )
            for side in names
        ]
    )
    order, sides = list(table["policy"]), list(names.values())
    base = style.chart(long).encode(
        y=alt.Y("policy:N", sort=order, title=None, axis=alt.Axis(labelFontWeight="bold")),
        yOffset=alt.YOffset("side:N", sort=sides, scale=alt.Scale(domain=sides, paddingOuter=0.7)),
        color=alt.Color(
            "side:N",
            title=None,
            scale=alt.Scale(domain=sides, range=[style.GREY, style.BLUE]),
            legend=alt.Legend(orient="top", columns=1, labelLimit=420),
        ),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("side:N", title="Side"),
            alt.Tooltip("method:N", title="Method"),
            alt.Tooltip("value:Q", title="Value", format=".3f"),
            alt.Tooltip("low:Q", title="Interval from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("support:N", title="Gates say"),
        ],
    )
    scale = alt.Scale(zero=False)
    intervals = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", scale=scale, title=ORACLE_LABEL), x2="high:Q")
    points = _points(
        base.encode(x=alt.X("value:Q", scale=scale)), long["support"] == "refused", "datum.support == 'refused'"
    )
    return alt.layer(intervals, *points).properties(height=58 * len(order) + 130)


def _points(base: alt.Chart, refused: pd.Series, test: str) -> list[alt.Chart]:
    """Dots, hollow where refused; no layer without a row, of which Vega would warn."""
    solid = base.transform_filter(f"!({test})").mark_point(size=120, filled=True, opacity=1)
    hollow = base.transform_filter(test).mark_point(size=120, strokeWidth=2, opacity=1)
    return [layer for layer, there in ((solid, not refused.all()), (hollow, refused.any())) if there]


def difference_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Right minus left with its interval; hollow where the gates refuse a side."""
    base = style.chart(table[["policy", "difference", "low", "high", "refused"]]).encode(
        y=alt.Y("policy:N", sort=list(table["policy"]), title=None, axis=alt.Axis(labelFontWeight="bold")),
        color=alt.condition("datum.refused", alt.value(style.GREY), alt.value(style.VERMILION)),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("difference:Q", title="Right minus left", format="+.3f"),
            alt.Tooltip("low:Q", title="Interval from", format="+.3f"),
            alt.Tooltip("high:Q", title="to", format="+.3f"),
            alt.Tooltip("refused:N", title="The gates refuse a side"),
        ],
    )
    intervals = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title="Right minus left"), x2="high:Q")
    points = _points(base.encode(x="difference:Q"), table["refused"], "datum.refused")
    return alt.layer(style.rule(0.0), intervals, *points).properties(height=58 * len(table) + 130)


def named(results: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """The targets' estimates with the names of their methods, in the targets' order."""
    return with_methods(of_policies(results, targets))
