"""The headline: for each policy the truth beside the best supported estimate, and what may be concluded from it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.charts.names import METHOD, ORACLE_LABEL, count, level_words, listed, percent, with_methods
from arena_assets.charts.selection import of_policies
from arena_assets.estimation.diagnostics.gates import ESS_REFUSE, ESS_WARN
from arena_assets.estimation.estimators.registry import Assumes, estimators_that
from arena_assets.tables import rows_of


@dataclass(frozen=True)
class Conclusion:
    """A sentence and how much it may be trusted: supported, caution or refused."""

    level: str
    text: str


def best(results: pd.DataFrame, values: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """One row for each target with results: the best supported estimate that `policy_values` names.

    Where it names none, the estimate is null, and `support_reason` says why. The truth, with its interval, is that of
    all the target's labels.
    """
    frame = with_methods(results[results["policy"].isin(list(targets))])
    frame["coverage"] = style.coverage_words(frame["covered"])
    stated = supported(frame, values)
    others = frame[~frame["policy"].isin(set(stated["policy"]))]
    # The reason that is shown: why the calibrated mean is refused, else the method with the smallest error bar.
    calibrated_mean = estimators_that(lambda one: one.assumes is Assumes.TRANSPORT)
    last = ~others["estimator"].isin(calibrated_mean)
    others = others.assign(last=last).sort_values(["last", "std_error"], kind="stable")
    refused = others.drop(columns=["last"]).drop_duplicates("policy")
    silent = ["estimate", "std_error", "ci_low", "ci_high", "error"]
    refused = refused.assign(**dict.fromkeys(silent, np.nan), covered=None, support="refused")
    table = pd.concat([part for part in (stated, refused) if not part.empty]) if len(frame) else frame
    known = values.set_index("policy")[["value", "ci_low", "ci_high"]]
    for column, source in (("truth", "value"), ("truth_low", "ci_low"), ("truth_high", "ci_high")):
        table[column] = table["policy"].map(known[source]).astype(float)
    return of_policies(table, targets)


def supported(results: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Of the results, the best supported estimate of each policy that has one, as `policy_values` names it."""
    key = ["policy", *METHOD]
    return results.merge(values[key].dropna(subset=["estimator"]), on=key)


def title(table: pd.DataFrame) -> str:
    """How often the best supported estimate agrees with the truth, as a sentence."""
    judged = table[table["covered"].notna()]
    silent = list(table["policy"][table["estimate"].isna()])
    rest = f"; none is supported for {listed(silent)}" if silent else ""
    if judged.empty:
        return _unjudged(table) + rest
    hits = int(judged["covered"].astype(bool).sum())
    of = count(len(judged), "policy", "policies")
    return f"The best supported estimate covers the truth for {hits} of {of}{rest}"


def _unjudged(table: pd.DataFrame) -> str:
    """What is beside what where no interval can be held against a truth."""
    stated, known = table["estimate"].notna(), table["truth"].notna()
    if not known.any():
        return "Best supported estimate of each policy; no truth to compare with yet"
    if not stated.any():
        whose = "each policy" if known.all() else listed(list(table["policy"][known]))
        return f"The truth of {whose}, beside no estimate"
    if (stated & known).any():
        return "No interval of a best supported estimate can be held against its truth"
    return f"The best supported estimate of {listed(list(table['policy'][stated]))} has no truth beside it yet"


def beside_truth(table: pd.DataFrame, values: pd.DataFrame) -> alt.LayerChart:
    """Truth (diamond) and best supported estimate (dot) of each policy, with intervals; the dashed line is P0."""
    level, logged = level_words(values), logging_value(values)
    order = list(table["policy"])
    marks = pd.concat([_truths(table), _estimates(table)], ignore_index=True)
    kinds = ["truth", "estimate"]
    if "href" in table:
        marks = marks.merge(table[["policy", "href"]], on="policy")
    base = style.linked(style.chart(marks), marks).encode(
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
            alt.Tooltip("low:Q", title=f"{level} from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("note:N", title="Note"),
        ],
    )
    scale = alt.Scale(zero=False, nice=True)
    intervals = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", scale=scale, title=ORACLE_LABEL), x2="high:Q")
    points = base.mark_point(size=130, filled=True, opacity=1).encode(
        x=alt.X("value:Q", scale=scale),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["diamond", "circle"]), title=None),
    )
    layers: list[alt.Chart] = [intervals, points]
    if logged is not None:
        line = pd.DataFrame({"value": [logged], "what": ["P0, mean label of its own responses"]})
        layers.insert(
            0,
            alt.Chart(line)
            .mark_rule(color=style.GREY, strokeDash=[5, 4], strokeWidth=1.5)
            .encode(x="value:Q", tooltip=[alt.Tooltip("what:N", title="What"), alt.Tooltip("value:Q", format=".3f")]),
        )
    return alt.layer(*layers).properties(height=62 * len(order) + 110)


def logging_value(values: pd.DataFrame) -> float | None:
    """P0's mean label; None where it has none."""
    known = values.loc[values["is_logging_policy"].astype(bool), "value"].dropna()
    return float(known.iloc[0]) if len(known) else None


def _truths(table: pd.DataFrame) -> pd.DataFrame:
    known = table.dropna(subset=["truth"])
    return pd.DataFrame(
        {
            "policy": known["policy"],
            "kind": "truth",
            "what": "truth: mean label of its own responses",
            "value": known["truth"],
            "low": known["truth_low"].fillna(known["truth"]),
            "high": known["truth_high"].fillna(known["truth"]),
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


def conclusions(table: pd.DataFrame, values: pd.DataFrame, weights: pd.DataFrame) -> list[Conclusion]:
    """What may be said of each policy, of their order by their own labels, and of what the weights carry.

    table: of `best`; values, weights: `policy_values` and `weight_diagnostics`.
    """
    found = [_of_policy(row) for row in table.to_dict("records")]
    return [*found, *_against_logged(table, values), *_of_weights(weights, list(table["policy"]))]


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


def _against_logged(table: pd.DataFrame, values: pd.DataFrame) -> list[Conclusion]:
    known = values[values["policy"].isin(set(table["policy"]))].dropna(subset=["minus_logging_ci_low"])
    logging = values.loc[values["is_logging_policy"].astype(bool), "policy"].iloc[0]
    below, above = known["minus_logging_ci_high"] < 0, known["minus_logging_ci_low"] > 0
    groups = {
        f"clearly below {logging}": set(known["policy"][below]),
        f"clearly above {logging}": set(known["policy"][above]),
        f"not told apart from {logging}": set(known["policy"][~(below | above)]),
    }
    ordered = {where: [name for name in table["policy"] if name in names] for where, names in groups.items()}
    parts = [f"{listed(names)} {where}" for where, names in ordered.items() if names]
    if not parts:
        return []
    return [
        Conclusion("supported", f"By their labels, with {logging} at {logging_value(values):.3f}: {'; '.join(parts)}.")
    ]


def _of_weights(weights: pd.DataFrame, policies: list[str]) -> list[Conclusion]:
    rows = {row["policy"]: row for row in rows_of(weights.dropna(subset=["ess_fraction"]))}
    found = []
    for policy in policies:
        if policy not in rows or rows[policy]["ess"] >= ESS_WARN:
            continue
        row, share = rows[policy], float(rows[policy]["ess_fraction"])
        refused = float(row["ess"]) < ESS_REFUSE
        verb = "say nothing reliable about" if refused else "are uncertain for"
        found.append(
            Conclusion(
                "refused" if refused else "caution",
                f"IPS, SNIPS and doubly robust estimates {verb} {policy}: its weights rest on "
                f"{count(round(float(row['ess'])), 'effective row')} of {int(row['n']):,} ({percent(share)}).",
            )
        )
    return found
