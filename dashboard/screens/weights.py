"""Weights: what P0's data can say about each policy, and which prompts say it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from arena_assets import pipeline
from arena_assets.charts import overlap, style
from arena_assets.charts.names import percent
from arena_assets.tables import WEIGHT_CURVE, WEIGHT_DIAGNOSTICS
from dashboard import elements, links, session
from dashboard.data import loads
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import load
from dashboard.views.only import WEIGHT, Only


def render(chosen: Chosen) -> None:
    """The page."""
    found, rejected = loads.weights(chosen.store), loads.rejected(chosen.store)
    known, curve = (beside(chosen.store, table) for table in (WEIGHT_DIAGNOSTICS, WEIGHT_CURVE))
    if not elements.shown(chosen, "The log-probabilities", found, rejected, known, curve):
        return
    who = loads.roles_of(chosen)
    table = overlap.of_targets(known.frame, who.targets)
    if not known.files:
        st.info("How far the weights carry is shown once the results are materialised.", icon=":material/info:")
    elif table.empty:
        st.info("Every log-probability was rejected.", icon=":material/info:")
    else:
        _overview(table, who)
        _curves(chosen.name, found.frame, table, curve.frame, who)
    _rejected(rejected.frame, found.frame["prompt_id"].nunique())
    present = set(found.frame.dropna(subset=["log_weight"])["policy"])
    # The policy that rests on the fewest rows first: there they matter.
    ordered = [*table.sort_values("ess_fraction")["policy"], *who.targets]
    policies = [policy for policy in dict.fromkeys(ordered) if policy in present]
    if policies:
        st.fragment(_heaviest)(chosen, found.frame, policies)


def _overview(table: pd.DataFrame, who: Roles) -> None:
    clone = overlap.clone_sentence(table, who.clones)
    if clone is not None:
        exact, text = clone
        (st.success if exact else st.error)(
            elements.escape(text), icon=":material/verified:" if exact else ":material/error:"
        )
    scale = style.policy_scale(who.logging, who.targets)
    elements.figure(overlap.overlap_title(table), overlap.overlap, table, scale)
    with st.expander("Diagnostics in numbers"):
        elements.table(
            table.drop(columns=["largest_abs_log_weight", "log_weight_cap"]),
            "weight_summary",
            column_config={
                "ess": st.column_config.NumberColumn("effective rows", format="%.1f"),
                "ess_fraction": st.column_config.NumberColumn("share of rows", format="percent"),
                "max_weight_share": st.column_config.NumberColumn("largest share", format="percent"),
                "top5_weight_share": st.column_config.NumberColumn("heaviest 5% carry", format="percent"),
                "pareto_k": st.column_config.NumberColumn("Pareto k of the tail", format="%.2f"),
                "affinity": st.column_config.NumberColumn("affinity to P0", format="%.2f"),
                "mean_weight": st.column_config.NumberColumn("mean weight", format="%.3f"),
                "median_log_weight": st.column_config.NumberColumn("median log weight, nats", format="%.2f"),
                "sd_log_weight": st.column_config.NumberColumn("sd of log weight, nats", format="%.2f"),
            },
        )


def _curves(name: str, frame: pd.DataFrame, table: pd.DataFrame, curve: pd.DataFrame, who: Roles) -> None:
    scale = style.policy_scale(who.logging, who.targets)
    colours = dict(zip(scale.domain, scale.range, strict=True))
    rows = [row for _, row in table.iterrows()]
    for start in range(0, len(rows), 2):
        for column, row in zip(st.columns(2, gap="large"), rows[start : start + 2], strict=False):
            with column:
                bins = _linked(overlap.histogram(frame, row["policy"]), name, who, str(row["policy"]))
                elements.figure(
                    overlap.histogram_title(row), overlap.histogram_chart, bins, colours.get(row["policy"], style.BLUE)
                )
    left, right = st.columns(2, gap="large")
    with left:
        elements.figure(
            overlap.concentration_title(curve),
            overlap.concentration_chart,
            curve,
            scale,
            note="A curve that starts high rests on few rows.",
        )
    with right:
        elements.figure(
            overlap.tail_title(table),
            overlap.tail_chart,
            curve,
            scale,
            note="Far to the right and falling slowly: a few rows outweigh all others.",
        )


def _linked(bins: pd.DataFrame, name: str, who: Roles, policy: str) -> pd.DataFrame:
    """Each bar with the responses behind it; the outermost hold all that lies beyond them."""
    low = bins["low"].where(bins["zero"] | (bins.index != bins.index[~bins["zero"]].min()), -np.inf)
    high = bins["high"].where(bins.index != bins.index.max(), np.inf)
    ends = zip(low.where(~bins["zero"], -np.inf), high.where(~bins["zero"], -np.inf), strict=True)
    ranges = [Only(WEIGHT, policy, float(first), float(last)) for first, last in ends]
    address = [links.responses(name, (who.logging, policy), order="weight", only=one) for one in ranges]
    return bins.assign(href=address)


def _rejected(rejected: pd.DataFrame, rows: int) -> None:
    elements.finding(overlap.rejected_title(rejected, rows))
    if not rejected.empty:
        reasons = rejected.groupby(["policy", "reason"]).size().rename("rows").reset_index()
        elements.table(reasons.sort_values("rows", ascending=False), "rejected_reasons")
        with st.expander("Each of them"):
            elements.table(
                rejected.head(1000),
                "rejected",
                column_config={"value": st.column_config.NumberColumn("value, nats", format="%.2f")},
            )


def _heaviest(chosen: Chosen, frame: pd.DataFrame, policies: list[str]) -> None:
    st.divider()
    policy = session.segment("Which prompts carry the estimate of", policies, "heaviest")
    top = overlap.heaviest(frame, policy)
    texts = load(chosen.store, pipeline.LOGPROBS.name, ["prompt_id", "prompt", "response"])
    top = top.merge(texts.frame, on="prompt_id", how="left")
    whole = percent(float(top["share"].sum()))
    elements.finding(f"The heaviest {len(top)} prompts carry {whole} of the weight of {policy}")
    top["open"] = [links.responses(chosen.name, search=one) for one in top["prompt_id"]]
    elements.table(
        top[["open", "share", "cumulative", "weight", "log_weight", "n_response_tokens", "prompt", "response"]],
        "heaviest_rows",
        column_config={
            "open": st.column_config.LinkColumn("", display_text="open", width="small"),
            "share": st.column_config.ProgressColumn("share of weight", format="percent", min_value=0, max_value=1),
            "cumulative": st.column_config.NumberColumn(format="percent"),
            "weight": st.column_config.NumberColumn(format="compact"),
            "log_weight": st.column_config.NumberColumn("log weight, nats", format="%.2f"),
            "n_response_tokens": st.column_config.NumberColumn("tokens"),
        },
    )
    if top.empty:
        return
    with st.expander("The heaviest of them in full"):
        for row in top.head(3).to_dict("records"):
            st.caption(f"Carries {percent(row['share'])} of the weight")
            elements.plain(str(row["prompt"]))
            elements.plain(row["response"] if isinstance(row["response"], str) else "(no response)")
