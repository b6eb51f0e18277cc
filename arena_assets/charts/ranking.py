"""Does an estimator order the policies as the truth does?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import altair as alt
import pandas as pd

from arena_assets.charts import method_axis, style
from arena_assets.charts.names import METHOD, count


def rankings(accuracy: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """Rows of `method_accuracy` of the methods that are shown, by their screen names; those with a pair to order.

    Over all targets with a truth, whatever policies are shown.
    """
    names = shown[[*METHOD, "method", "family"]].drop_duplicates(METHOD)
    found = names.merge(accuracy, on=METHOD)
    found = found[found["pairs"] > 0].assign(accuracy=lambda rows: rows["pairs_right"] / rows["pairs"])
    return found.drop(columns=METHOD).reset_index(drop=True)


def true_ranking(values: pd.DataFrame) -> str:
    """Targets by their truth, best first."""
    targets = values[~values["is_logging_policy"].astype(bool)].dropna(subset=["value"])
    return " > ".join(targets.sort_values("value", ascending=False, kind="stable")["policy"])


def telling_pair(order: Sequence[str], truths: Mapping[str, float]) -> tuple[str, str]:
    """Of a method's order (best first), the pair that it gets most wrong; where it gets none, its closest call."""
    pairs = list(combinations(order, 2))
    gaps = {pair: truths[pair[0]] - truths[pair[1]] for pair in pairs}
    wrong = [pair for pair in pairs if gaps[pair] < 0]
    return min(wrong, key=gaps.__getitem__) if wrong else min(pairs, key=gaps.__getitem__)


def title(table: pd.DataFrame) -> str:
    """How many methods rank the policies right, as a sentence."""
    if table.empty:
        return "Rankings need at least two policies with an estimate and a truth"
    perfect = int((table["pairs_right"] == table["pairs"]).sum())
    clear = int((table["clear_pairs_right"] == table["clear_pairs"]).sum())
    first = f"{perfect} of {count(len(table), 'method')} order every pair of policies as the truth does"
    if clear == perfect or not table["clear_pairs"].max():
        return first
    return f"{first}; {clear} do so for the pairs that the truth tells apart"


def agreement(table: pd.DataFrame) -> alt.LayerChart:
    """Pairwise accuracy of each method as a bar from one half, what a coin would reach."""
    order = list(table["method"])
    base = style.linked(style.chart(table.dropna(subset=["accuracy"]).assign(coin=0.5)), table).encode(
        y=method_axis.rows(order),
        tooltip=[
            alt.Tooltip("method:N", title="Method"),
            alt.Tooltip("accuracy:Q", title="Pairs in the right order", format=".0%"),
            alt.Tooltip("pairs_right:Q", title="Pairs right"),
            alt.Tooltip("pairs:Q", title="of"),
            alt.Tooltip("kendall_tau:Q", title="Kendall's tau", format=".2f"),
            alt.Tooltip("ranking:N", title="Its ranking"),
        ],
    )
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("accuracy:Q", scale=scale, axis=alt.Axis(format="%"), title="Policy pairs in the right order")
    stems = base.mark_rule(strokeWidth=2, color=style.GREY, opacity=0.6).encode(x=x, x2="coin:Q")
    points = base.mark_point(size=90, filled=True, opacity=1, color=style.BLUE).encode(x=x)
    again = method_axis.values(order, (0.0, 1.0), scale, ".0%")
    return alt.layer(style.rule(0.5), *again, stems, points).properties(height=method_axis.height(order))
