"""What each ingredient buys: the same method with and without it, on the same policy, as paired differences."""

from __future__ import annotations

from dataclasses import dataclass

import altair as alt
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import REWARD, SCORING, WEIGHT, percent, pretty, title
from arena_assets.estimation import ESTIMATORS

_KEYS = ["base", "reward_calibration", "weight_calibration", "scoring", "policy"]


@dataclass(frozen=True)
class Ingredient:
    """A change of one column from `before` to `after`."""

    key: str
    label: str
    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Measure:
    """What is compared: `better` is the sign of a good difference."""

    key: str
    label: str
    axis: str
    better: int


INGREDIENTS = (
    Ingredient("monotone", "Monotone reward calibration", "reward_calibration", "none", "monotone"),
    Ingredient("two_stage", "Two-stage reward calibration", "reward_calibration", "none", "two_stage"),
    Ingredient("second_stage", "Two-stage instead of monotone", "reward_calibration", "monotone", "two_stage"),
    Ingredient("simcal", "SIMCal weight calibration", "weight_calibration", "none", "simcal"),
    Ingredient("uncertainty", "Uncertainty-aware scores", "scoring", "deterministic", "uncertainty_aware"),
)
MEASURES = (
    Measure("error", "Absolute error", "Change of |error| (left: better)", -1),
    Measure("width", "Interval width", "Change of width (left: narrower)", -1),
    Measure("covered", "Coverage", "Change of coverage (right: now covers)", 1),
)
_KINDS = {"reward_calibration": REWARD, "weight_calibration": WEIGHT, "scoring": SCORING}


def pairs(results: pd.DataFrame, ingredient: Ingredient, measure: Measure) -> pd.DataFrame:
    """One row for each method and policy that was run both ways: before, after, difference, and what is the same."""
    # Two names for one estimator, with and without its calibration: a pair across them is a pair.
    same = {name: one.variant_of for name, one in ESTIMATORS.items() if one.variant_of}
    frame = results[results["estimate"].notna()].assign(base=lambda rows: rows["estimator"].replace(same))
    frame = frame.assign(value=_value(frame, measure)).dropna(subset=["value"])
    rest = [key for key in _KEYS if key != ingredient.column]
    sides = [
        frame[frame[ingredient.column] == level].drop_duplicates(rest).set_index(rest)["value"]
        for level in (ingredient.before, ingredient.after)
    ]
    joined = pd.concat(sides, axis=1, join="inner", keys=["before", "after"]).reset_index()
    others = [name for name in _KINDS if name != ingredient.column]
    order = {name: place for place, name in enumerate(ESTIMATORS)}
    joined = joined.sort_values("base", key=lambda base: base.map(order), kind="stable", ignore_index=True)
    return joined.assign(
        difference=joined["after"] - joined["before"],
        method=joined["base"].map(title),
        same=[
            ", ".join(pretty(_KINDS[name], value) for name, value in zip(others, row, strict=True))
            for row in joined[others].itertuples(index=False)
        ],
    )


def _value(frame: pd.DataFrame, measure: Measure) -> pd.Series:
    if measure.key == "error":
        return frame["error"].abs().astype(float)
    if measure.key == "width":
        return (frame["ci_high"] - frame["ci_low"]).astype(float)
    return frame["covered"].map({True: 1.0, False: 0.0}).astype(float)


def summary(results: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """One row for each ingredient that was run both ways: pairs, better, worse, mean, median and quartiles."""
    rows = []
    for ingredient in INGREDIENTS:
        difference = pairs(results, ingredient, measure)["difference"]
        if difference.empty:
            continue
        rows.append(
            {
                "ingredient": ingredient.label,
                "key": ingredient.key,
                "pairs": len(difference),
                "better": int((difference * measure.better > 1e-12).sum()),
                "worse": int((difference * measure.better < -1e-12).sum()),
                "mean": float(difference.mean()),
                "median": float(difference.median()),
                "low": float(difference.quantile(0.25)),
                "high": float(difference.quantile(0.75)),
            }
        )
    columns = ["ingredient", "key", "pairs", "better", "worse", "mean", "median", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def summary_title(table: pd.DataFrame, measure: Measure) -> str:
    """Which ingredient helps most often, as a sentence."""
    if table.empty:
        return "No method was run with and without an ingredient"
    share = table["better"] / table["pairs"]
    row = table.loc[share.sort_values(ascending=False).index[0]]
    what = {"error": "lowers the error", "width": "narrows the interval", "covered": "wins coverage"}[measure.key]
    return f"{row['ingredient']} helps most often: it {what} in {row['better']} of {row['pairs']} pairs"


def summary_chart(table: pd.DataFrame, measure: Measure) -> alt.LayerChart:
    """Median (dot), mean (tick) and middle half (line) of the paired differences of each ingredient."""
    base = style.chart(table.assign(share=table["better"] / table["pairs"])).encode(
        y=alt.Y("ingredient:N", sort=list(table["ingredient"]), title=None, axis=style.names_axis(210)),
        tooltip=[
            alt.Tooltip("ingredient:N", title="Ingredient"),
            alt.Tooltip("pairs:Q", title="Pairs"),
            alt.Tooltip("better:Q", title="Better"),
            alt.Tooltip("worse:Q", title="Worse"),
            alt.Tooltip("median:Q", title="Median", format="+.4f"),
            alt.Tooltip("mean:Q", title="Mean", format="+.4f"),
            alt.Tooltip("low:Q", title="Middle half from", format="+.4f"),
            alt.Tooltip("high:Q", title="to", format="+.4f"),
        ],
    )
    spread = base.mark_rule(strokeWidth=4, color=style.BLUE, opacity=0.45).encode(
        x=alt.X("low:Q", title=measure.axis), x2="high:Q"
    )
    means = base.mark_tick(thickness=2.5, size=18, color=style.VERMILION).encode(x="mean:Q")
    medians = base.mark_point(filled=True, size=90, opacity=1, color=style.BLUE).encode(x="median:Q")
    return alt.layer(style.rule(0.0), spread, means, medians).properties(height=46 * len(table) + 70)


def detail_title(paired: pd.DataFrame, ingredient: Ingredient, measure: Measure) -> str:
    """How often and how much one ingredient helps, as a sentence."""
    difference = paired["difference"] * measure.better
    better = int((difference > 1e-12).sum())
    return (
        f"{ingredient.label} helps in {better} of {len(paired)} pairs ({percent(better / len(paired))}); "
        f"median change {paired['difference'].median():+.3f}"
    )


def detail_chart(paired: pd.DataFrame, measure: Measure, colours: alt.Scale) -> alt.LayerChart:
    """Every pair as a mark, by estimator and policy."""
    shown = paired.head(style.MAX_ROWS)
    methods = list(dict.fromkeys(shown["method"]))
    marks = (
        style.chart(shown)
        .mark_point(filled=True, size=60, opacity=0.8)
        .encode(
            x=alt.X("difference:Q", title=measure.axis),
            y=alt.Y("method:N", sort=methods, title=None, axis=style.names_axis(190)),
            color=style.policy_colour(colours, list(shown["policy"])),
            tooltip=[
                alt.Tooltip("method:N", title="Estimator"),
                alt.Tooltip("policy:N", title="Policy"),
                alt.Tooltip("same:N", title="The same in both"),
                alt.Tooltip("before:Q", title="Without", format=".4f"),
                alt.Tooltip("after:Q", title="With", format=".4f"),
                alt.Tooltip("difference:Q", title="Change", format="+.4f"),
            ],
        )
    )
    return alt.layer(style.rule(0.0), marks).properties(height=style.row_height(len(methods)))
