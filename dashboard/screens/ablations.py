"""Ablations: what each ingredient buys, as paired differences, and how results change with sample and labels."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from arena_assets.charts import selection, style
from dashboard import elements, session
from dashboard.data import loads
from dashboard.data.catalog import Chosen, Roles
from dashboard.screens import studies
from dashboard.views import ingredients


def render(chosen: Chosen) -> None:
    """The page."""
    results = loads.results(chosen.store)
    if not elements.shown(chosen, "The results", results):
        return
    who = loads.roles_of(chosen)
    st.fragment(_ingredients)(selection.estimates_of_targets(results.frame, who.targets), who)
    st.divider()
    studies.grid(chosen)
    st.divider()
    studies.simulation()


def _ingredients(results: pd.DataFrame, who: Roles) -> None:
    left, right = st.columns(2, vertical_alignment="bottom")
    measures = {measure.key: measure for measure in ingredients.MEASURES}
    with left:
        measure = measures[session.segment("Compare", list(measures), "measure", lambda key: measures[key].label)]
    with right:
        kept = session.switch("Without refused estimates", "supported_only")
    if kept:
        results = results[results["support"] != "refused"]
    table = ingredients.summary(results, measure)
    if table.empty:
        st.info(
            "No method was run both with and without an ingredient: choose a larger grid in the analysis section.",
            icon=":material/info:",
        )
        return
    elements.figure(
        ingredients.summary_title(table, measure),
        ingredients.summary_chart,
        table,
        measure,
        note="Each pair is one method on one policy, run with and without the ingredient. Dot: median; tick: mean; "
        "line: the middle half of the pairs. Pairs share data, so they are no independent trials.",
    )
    # Another ingredient changes nothing above.
    st.fragment(_detail)(results, measure, table, who)


def _detail(results: pd.DataFrame, measure: ingredients.Measure, table: pd.DataFrame, who: Roles) -> None:
    by_key = {one.key: one for one in ingredients.INGREDIENTS if one.key in set(table["key"])}
    ingredient = by_key[session.select("Ingredient", list(by_key), "ingredient", lambda key: by_key[key].label)]
    paired = ingredients.pairs(results, ingredient, measure)
    scale = style.policy_scale(who.logging, who.targets)
    elements.figure(
        ingredients.detail_title(paired, ingredient, measure),
        ingredients.detail_chart,
        paired,
        measure,
        scale,
        note="Each mark is one pair.",
    )
    with st.expander("Pairs in numbers"):
        elements.table(paired[["method", "policy", "same", "before", "after", "difference"]], "pairs")
        elements.table(table.drop(columns=["key"]), "ingredients")
