"""Estimators: every estimate with its interval beside the truth, errors, rankings, and the table behind them."""

from __future__ import annotations

import io

import pandas as pd
import streamlit as st

from arena_assets.charts import clones, errors, forest, names, nearness, ranking, selection, style
from arena_assets.charts.selection import ALL, MAIN
from arena_assets.estimation import REWARD_CALIBRATIONS, SCORINGS, WEIGHT_CALIBRATIONS
from arena_assets.tables import ABLATION_RESULTS, METHOD_ACCURACY, POLICY_VALUES
from dashboard import elements, links, session
from dashboard.data import loads
from dashboard.data.analysed import beside
from dashboard.data.catalog import Chosen, Roles

_KINDS = {MAIN: "main kind", ALL: "all kinds"}
_VIEWS = {"intervals": "Intervals", "errors": "Errors and rankings", "table": "Table"}
_COLUMNS = [name for name in ABLATION_RESULTS.names if name not in ABLATION_RESULTS.timing]


def render(chosen: Chosen) -> None:
    """The page."""
    results = loads.results(chosen.store)
    values, accuracy = (beside(chosen.store, table) for table in (POLICY_VALUES, METHOD_ACCURACY))
    if not elements.shown(chosen, "The results", results, values, accuracy) or values.empty:
        return
    # A filter re-runs this part alone.
    st.fragment(_filtered)(results.frame, values.frame, accuracy.frame, loads.roles_of(chosen), chosen.name)


def _filtered(results: pd.DataFrame, values: pd.DataFrame, accuracy: pd.DataFrame, who: Roles, name: str) -> None:
    rows = _filters(selection.estimates_of_targets(results, who.targets), who)
    frame = forest.prepare(rows)
    frame = frame.assign(href=[_behind(name, who, *of) for of in zip(frame["policy"], frame["ess"], strict=True)])
    _failures(rows)
    if frame.empty:
        st.info("No estimate passes these filters.", icon=":material/filter_alt_off:")
        return
    view = session.segment("Show", list(_VIEWS), "view", lambda key: _VIEWS[key])
    if view == "intervals":
        _forests(frame, values, who)
    elif view == "errors":
        _errors(frame, values, accuracy, who, name)
    else:
        _table(rows, name)


def _behind(name: str, who: Roles, policy: str, ess: float) -> str:
    """The responses behind an estimate: those that weigh most, or those on which judge and oracle disagree."""
    return links.responses(name, (who.logging, policy), order="gap" if pd.isna(ess) else "weight")


def _forests(frame: pd.DataFrame, values: pd.DataFrame, who: Roles) -> None:
    policies = [policy for policy in who.targets if policy in set(frame["policy"])]
    bounds = forest.domain(frame, values)
    st.html(style.estimate_legend())
    level = names.level_words(values)
    st.caption(f"Lines are {level} intervals, the grey band is the truth with its own. {forest.CUT} {links.HINT}")
    for start in range(0, len(policies), 2):
        for column, policy in zip(st.columns(2, gap="large"), policies[start : start + 2], strict=False):
            with column:
                said = forest.title(frame, policy, values)
                elements.figure(said, forest.forest, frame, policy, bounds, values)
                if policy in who.clones:
                    st.caption(elements.escape(clones.sentence(frame[frame["policy"] == policy], who.logging)))


def _errors(frame: pd.DataFrame, values: pd.DataFrame, accuracy: pd.DataFrame, who: Roles, name: str) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        elements.figure(
            nearness.title(frame),
            errors.chart,
            frame,
            style.policy_scale(who.logging, who.targets),
            note="Each mark is one policy, a cross where the interval misses; right of the dashed line it is too high. "
            "What uses a policy's own labels is never called closest: the truth is made of them.",
        )
    with right:
        ranks = ranking.rankings(accuracy, frame)
        if len(ranks):
            truths = dict(zip(values["policy"], values["value"], strict=True))
            pairs = [ranking.telling_pair(order.split(" > "), truths) for order in ranks["ranking"]]
            ranks = ranks.assign(href=[links.responses(name, pair, order="apart") for pair in pairs])
            elements.figure(
                ranking.title(ranks),
                ranking.agreement,
                ranks,
                note=f"True order: {ranking.true_ranking(values)}. The dashed line is what a coin would reach. "
                "A click opens the responses of the pair that a method gets most wrong, or else its closest.",
            )
        else:
            st.info(ranking.title(ranks), icon=":material/info:")
    with st.expander("Rankings in numbers"):
        elements.table(ranks.drop(columns=["href"], errors="ignore"), "rankings")


def _filters(results: pd.DataFrame, who: Roles) -> pd.DataFrame:
    first, second = st.columns(2)
    with first:
        families = session.several("Estimator family", list(names.FAMILIES), "family")
    with second:
        policies = session.several("Policies", [p for p in who.targets if p in set(results["policy"])], "policy")
    columns = st.columns(4, vertical_alignment="bottom")
    with columns[0]:
        reward = session.select(
            "Reward calibration",
            [MAIN, *REWARD_CALIBRATIONS, ALL],
            "reward",
            lambda value: _KINDS.get(value) or names.pretty(names.REWARD, value),
            help="Main kind: monotone where the estimator takes it, else raw scores",
        )
    with columns[1]:
        weight = session.select(
            "Weight calibration",
            [MAIN, *WEIGHT_CALIBRATIONS, ALL],
            "weight",
            lambda value: _KINDS.get(value) or names.pretty(names.WEIGHT, value),
            help="Main kind: raw weights, SIMCal where the estimator has no other",
        )
    with columns[2]:
        present = [mode for mode in SCORINGS if mode in set(results["scoring"])]
        scoring = session.select(
            "Judge score",
            [*present, ALL],
            "scoring",
            lambda value: "both" if value == ALL else names.pretty(names.SCORING, value),
        )
    with columns[3]:
        hide = session.switch("Hide refused estimates", "supported_only")
    return selection.choose_rows(
        results,
        families=families,
        policies=policies,
        reward=reward,
        weight=weight,
        scoring=scoring,
        hide_refused=hide,
    )


def _failures(rows: pd.DataFrame) -> None:
    failed = rows[rows["estimate"].isna()]
    if failed.empty:
        return
    with st.expander(f"{names.count(len(failed), 'method')} gave no estimate"):
        elements.table(names.with_methods(failed)[["method", "policy", "reason"]], "failed_methods")


def _table(rows: pd.DataFrame, name: str) -> None:
    shown = names.with_methods(rows)
    shown = shown[["method", *_COLUMNS]]
    elements.finding(f"All {names.count(len(shown), 'estimate')} of these filters")
    numbers = ["estimate", "std_error", "ci_low", "ci_high", "truth", "error", "ess_fraction", "max_weight_share"]
    elements.table(
        shown,
        "estimates",
        column_config={column: st.column_config.NumberColumn(format="%.3f") for column in numbers}
        | {"ess": st.column_config.NumberColumn("effective rows", format="%.1f")},
    )
    data = shown.drop(columns=["method"])
    left, middle, _ = st.columns([1, 1, 3])
    left.download_button(
        "Download CSV",
        data.to_csv(index=False).encode(),
        f"{name}_estimates.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    middle.download_button(
        "Download Parquet",
        _parquet(data),
        f"{name}_estimates.parquet",
        "application/vnd.apache.parquet",
        icon=":material/download:",
        on_click="ignore",
    )


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
