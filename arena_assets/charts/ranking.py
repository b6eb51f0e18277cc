"""Does an estimator order the policies as the truth does?"""

from __future__ import annotations

from itertools import combinations

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import count
from arena_assets.estimation.rank_agreement import rank_agreement

COLUMNS = ["method", "family", "policies", "tau", "pairs", "right", "accuracy", "clear_pairs", "clear_right", "ranking"]


def rankings(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each method: Kendall's tau, and the share of policy pairs that it orders as the truth does.

    A pair is clear where the truths differ by more than 1.96 of their joint standard error; ties of the truth are
    no pair. Methods with fewer than two estimates are left out.
    """
    rows = []
    for method, group in frame.dropna(subset=["estimate", "truth"]).groupby("method", sort=False):
        if len(group) >= 2:
            rows.append({"method": method, "family": group["family"].iloc[0], **_compare(group)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _compare(group: pd.DataFrame) -> dict[str, object]:
    estimate, truth = group["estimate"].to_numpy(float), group["truth"].to_numpy(float)
    noise = group["truth_std_error"].fillna(0.0).to_numpy(float)
    pairs = right = clear = clear_right = 0
    for i, j in combinations(range(len(group)), 2):
        gap = truth[i] - truth[j]
        if gap == 0:
            continue
        agrees = bool(np.sign(estimate[i] - estimate[j]) == np.sign(gap))
        pairs, right = pairs + 1, right + agrees
        if abs(gap) > 1.96 * np.hypot(noise[i], noise[j]):
            clear, clear_right = clear + 1, clear_right + agrees
    order = group.sort_values("estimate", ascending=False)["policy"]
    return {
        "policies": len(group),
        "tau": rank_agreement(estimate, truth).kendall_tau,
        "pairs": pairs,
        "right": right,
        "accuracy": right / pairs if pairs else np.nan,
        "clear_pairs": clear,
        "clear_right": clear_right,
        "ranking": " > ".join(order),
    }


def true_ranking(frame: pd.DataFrame) -> str:
    """Policies by their truth, best first."""
    truth = frame.dropna(subset=["truth"]).groupby("policy")["truth"].first().sort_values(ascending=False)
    return " > ".join(truth.index)


def title(table: pd.DataFrame) -> str:
    """How many methods rank the policies right, as a sentence."""
    if table.empty:
        return "Rankings need at least two policies with an estimate and a truth"
    perfect = int((table["right"] == table["pairs"]).sum())
    clear = int((table["clear_right"] == table["clear_pairs"]).sum())
    first = f"{perfect} of {count(len(table), 'method')} order every pair of policies as the truth does"
    if clear == perfect or not table["clear_pairs"].max():
        return first
    return f"{first}; {clear} do so for the pairs that the truth tells apart"


def agreement(table: pd.DataFrame) -> alt.LayerChart:
    """Pairwise accuracy of each method as a bar from one half, what a coin would reach."""
    base = style.chart(table.dropna(subset=["accuracy"]).assign(coin=0.5)).encode(
        y=alt.Y("method:N", sort=list(table["method"]), title=None, axis=style.names_axis(190)),
        tooltip=[
            alt.Tooltip("method:N", title="Method"),
            alt.Tooltip("accuracy:Q", title="Pairs in the right order", format=".0%"),
            alt.Tooltip("right:Q", title="Pairs right"),
            alt.Tooltip("pairs:Q", title="of"),
            alt.Tooltip("tau:Q", title="Kendall's tau", format=".2f"),
            alt.Tooltip("ranking:N", title="Its ranking"),
        ],
    )
    x = alt.X(
        "accuracy:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"), title="Policy pairs in the right order"
    )
    stems = base.mark_rule(strokeWidth=2, color=style.GREY, opacity=0.6).encode(x=x, x2="coin:Q")
    points = base.mark_point(size=90, filled=True, opacity=1, color=style.BLUE).encode(x=x)
    coin = alt.Chart(pd.DataFrame({"coin": [0.5]})).mark_rule(color=style.GREY, strokeDash=[4, 3]).encode(x="coin:Q")
    return alt.layer(coin, stems, points).properties(height=style.row_height(len(table)))
