"""The headline: for each policy the truth beside the best supported estimate, and what may be concluded from it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import count, listed, percent, with_methods, with_truths
from arena_assets.estimation.diagnostics.gates import ESS_CRITICAL, ESS_GOOD
from arena_assets.estimation.estimators.registry import Assumes, estimators_that
from arena_assets.estimation.ranking import best_supported


@dataclass(frozen=True)
class Conclusion:
    """A sentence and how much it may be trusted: supported, caution or refused."""

    level: str
    text: str


def best(results: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """One row for each target with results: its best supported estimate that needs no label of its own responses.

    Where the gates refuse all, the estimate is null, and `support_reason` says why. The truth is that of all the
    target's labels.
    """
    # Made of the very labels that the truth is made of, an estimate shows nothing beside the truth.
    own = results["estimator"].isin(estimators_that(lambda one: one.own_labels))
    frame = with_truths(with_methods(results[results["policy"].isin(list(targets)) & ~own]))
    frame["coverage"] = style.coverage_words(frame["covered"])
    stated = best_supported(frame)
    others = frame[~frame["policy"].isin(set(stated["policy"]))]
    # The reason that is shown: why the calibrated mean is refused, else the method with the smallest error bar.
    calibrated_mean = estimators_that(lambda one: one.assumes is Assumes.TRANSPORT)
    last = ~others["estimator"].isin(calibrated_mean)
    others = others.assign(last=last).sort_values(["last", "std_error"], kind="stable")
    refused = others.drop(columns=["last"]).drop_duplicates("policy")
    silent = ["estimate", "std_error", "ci_low", "ci_high", "error"]
    refused = refused.assign(**dict.fromkeys(silent, np.nan), covered=None, support="refused")
    table = pd.concat([part for part in (stated, refused) if not part.empty]) if len(frame) else frame
    order = {policy: place for place, policy in enumerate(targets)}
    return table.sort_values("policy", key=lambda names: names.map(order), ignore_index=True)


def title(table: pd.DataFrame) -> str:
    """How often the best supported estimate agrees with the truth, as a sentence."""
    judged = table[table["covered"].notna()]
    silent = list(table["policy"][table["estimate"].isna()])
    rest = f"; none is supported for {listed(silent)}" if silent else ""
    if judged.empty:
        return f"Best supported estimate of each policy; no truth to compare with yet{rest}"
    hits = int(judged["covered"].astype(bool).sum())
    of = count(len(judged), "policy", "policies")
    return f"The best supported estimate covers the truth for {hits} of {of}{rest}"


def beside_truth(table: pd.DataFrame, logged_mean: float | None) -> alt.LayerChart:
    """Truth (diamond) and best supported estimate (dot) of each policy, with 95% intervals; the dashed line is P0."""
    order = list(table["policy"])
    marks = pd.concat([_truths(table), _estimates(table)], ignore_index=True)
    kinds = ["truth", "estimate"]
    base = style.chart(marks).encode(
        y=alt.Y("policy:N", sort=order, title=None, axis=alt.Axis(labelFontWeight="bold")),
        yOffset=alt.YOffset("kind:N", sort=kinds, scale=alt.Scale(domain=kinds, paddingOuter=0.7)),
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=kinds, range=[style.GREY, style.BLUE]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=[
            alt.Tooltip("policy:N", title="Policy"),
            alt.Tooltip("what:N", title="What"),
            alt.Tooltip("value:Q", title="Value", format=".3f"),
            alt.Tooltip("low:Q", title="95% from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("note:N", title="Note"),
        ],
    )
    scale = alt.Scale(zero=False, nice=True)
    intervals = base.mark_rule(strokeWidth=3).encode(
        x=alt.X("low:Q", scale=scale, title="Mean oracle label (0 to 1)"), x2="high:Q"
    )
    points = base.mark_point(size=130, filled=True, opacity=1).encode(
        x=alt.X("value:Q", scale=scale),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["diamond", "circle"]), title=None),
    )
    layers: list[alt.Chart] = [intervals, points]
    if logged_mean is not None:
        line = pd.DataFrame({"value": [logged_mean], "what": ["P0, mean label of its own responses"]})
        layers.insert(
            0,
            alt.Chart(line)
            .mark_rule(color=style.GREY, strokeDash=[5, 4], strokeWidth=1.5)
            .encode(x="value:Q", tooltip=[alt.Tooltip("what:N", title="What"), alt.Tooltip("value:Q", format=".3f")]),
        )
    return alt.layer(*layers).properties(height=62 * len(order) + 110)


def _truths(table: pd.DataFrame) -> pd.DataFrame:
    known = table.dropna(subset=["truth"])
    half = 1.96 * known["truth_std_error"].fillna(0.0)
    return pd.DataFrame(
        {
            "policy": known["policy"],
            "kind": "truth",
            "what": "truth: mean label of its own responses",
            "value": known["truth"],
            "low": known["truth"] - half,
            "high": known["truth"] + half,
            "note": "",
        }
    )


def _estimates(table: pd.DataFrame) -> pd.DataFrame:
    stated = table.dropna(subset=["estimate"])
    return pd.DataFrame(
        {
            "policy": stated["policy"],
            "kind": "estimate",
            "what": stated["method"],
            "value": stated["estimate"],
            "low": stated["ci_low"],
            "high": stated["ci_high"],
            "note": stated["support"] + ", " + stated["coverage"],
        }
    )


def conclusions(
    results: pd.DataFrame, table: pd.DataFrame, logging: str, logged: tuple[float, float] | None
) -> list[Conclusion]:
    """What may and may not be concluded, in plain words. `logged` is P0's mean label and its standard error."""
    found = [_of_policy(row) for row in table.to_dict("records")]
    if logged is not None:
        found += _against_logged(table, logging, logged)
    return found + _of_weights(results, list(table["policy"]))


def _of_policy(row: dict[Hashable, Any]) -> Conclusion:
    policy, level = row["policy"], str(row["support"])
    reason = row["support_reason"] if isinstance(row["support_reason"], str) else ""
    if level == "refused":
        why = f" ({row['method']}: {reason})" if reason else ""
        return Conclusion(
            "refused", f"{policy}: no estimate is supported{why}. Labels of its own responses would tell."
        )
    interval = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
    said = f"{policy}: {row['method']} estimates {row['estimate']:.3f} ({interval})"
    if pd.notna(row["truth"]):
        agrees = {True: "which covers", False: "which misses"}.get(row["covered"], "beside")
        said += f", {agrees} the truth {row['truth']:.3f}"
    return Conclusion(level, f"{said}. Caution: {reason}." if level == "caution" and reason else f"{said}.")


def _against_logged(table: pd.DataFrame, logging: str, logged: tuple[float, float]) -> list[Conclusion]:
    mean, error = logged
    known = table.dropna(subset=["truth"])
    gap = known["truth"] - mean
    clear = gap.abs() > 1.96 * np.hypot(known["truth_std_error"].fillna(0.0), error)
    groups = {
        f"clearly below {logging}": list(known["policy"][clear & (gap < 0)]),
        f"clearly above {logging}": list(known["policy"][clear & (gap > 0)]),
        f"not told apart from {logging}": list(known["policy"][~clear]),
    }
    parts = [f"{listed(names)} {where}" for where, names in groups.items() if names]
    if not parts:
        return []
    return [Conclusion("supported", f"By their labels, with {logging} at {mean:.3f}: {'; '.join(parts)}.")]


def _of_weights(results: pd.DataFrame, policies: list[str]) -> list[Conclusion]:
    weighted = results[
        results["estimator"].isin(estimators_that(lambda one: one.family.weights)) & results["ess_fraction"].notna()
    ]
    found = []
    for policy in policies:
        rows = weighted[weighted["policy"] == policy]
        if rows.empty:
            continue
        row = rows.sort_values("ess_fraction").iloc[0]
        ess, share = float(row["ess"]), float(row["ess_fraction"])
        if share < ESS_GOOD:
            verb = "say nothing reliable about" if share < ESS_CRITICAL else "are uncertain for"
            found.append(
                Conclusion(
                    "refused" if share < ESS_CRITICAL else "caution",
                    f"IPS, SNIPS and doubly robust estimates {verb} {policy}: its weights rest on "
                    f"{count(round(ess), 'effective row')} of {int(row['n']):,} ({percent(share)}).",
                )
            )
    return found
