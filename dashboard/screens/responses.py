"""Responses: prompts with the responses of all policies side by side, searched, filtered and paged."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from arena_assets import pipeline
from dashboard import elements, session
from dashboard.data import loads, tokens
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import load
from dashboard.data.tokens import Tokens
from dashboard.screens.one_prompt import Context, Tables, show
from dashboard.views import evidence, only
from dashboard.views import responses as view

_PAGE = 5
_COLUMNS = ["prompt_id", "policy", "response", "finish_reason", "n_response_tokens", "reason"]


def render(chosen: Chosen) -> None:
    """The page."""
    prompts = load(chosen.store, pipeline.PROMPTS.name, ["prompt_id", "prompt"])
    responses = load(chosen.store, pipeline.RESPONSES.name, _COLUMNS)
    judged, labelled = loads.judged(chosen.store), loads.labelled(chosen.store)
    scored, weights = loads.scores(chosen.store), loads.weights(chosen.store)
    logged = load(chosen.store, pipeline.LOGPROBS.name, ["prompt_id", "total_logprob", "target_logps"])
    if not elements.shown(chosen, "The prompts", prompts, responses, scored, weights):
        return
    if responses.empty:
        st.info("Prompts are sampled; no policy has answered yet.", icon=":material/hourglass_empty:")
    parts = (prompts, responses, judged, labelled, weights, logged, loads.reference_points(chosen))
    tables, kept = Tables(*(part.frame for part in parts)), tokens.by_total(chosen.store)
    st.fragment(_found)(loads.roles_of(chosen), tables, scored.frame, kept)


def _found(who: Roles, tables: Tables, scored: pd.DataFrame, kept: Mapping[float, Tokens]) -> None:
    left, middle, right = st.columns([3, 2, 1], vertical_alignment="bottom")
    text = left.text_input(
        "Search", key="search", bind="query-params", placeholder="Words in a prompt or a response, or a prompt id"
    )
    with middle:
        by = session.select("Order", list(view.ORDERS), "order", lambda key: view.ORDERS[key])
    policies = session.several("Policies", list(who.all), "policy")
    ids = _only(view.find(tables.prompts, tables.responses, text, policies), tables.weights, scored)
    order = view.ordered(ids, by, weights=tables.weights, scored=scored, responses=tables.responses, policies=policies)
    pages = view.page_count(len(order), _PAGE)
    if st.session_state.get("page", 1) > pages:
        # A new search has fewer pages than the one that is shown.
        st.session_state["page"] = 1
    number = right.number_input(f"Page (of {pages:,})", 1, pages, key="page", bind="query-params")
    shown, _, _ = view.page_of(order, int(number), _PAGE)
    elements.finding(view.count_title(len(order), len(tables.prompts), text))
    st.caption(
        f"ln P: log-probability (nats) of {elements.escape(who.logging)}'s response under the policy; "
        "log weight: how far it lies above the logging policy's own."
    )
    if not shown:
        st.info("No prompt passes this search and these filters.", icon=":material/search_off:")
        return
    page, context = tables.of(shown), Context(who, policies, evidence.whole(tables.weights), kept)
    for one in shown:
        show(one, page.of([one]), context)


def _only(ids: pd.Series, weights: pd.DataFrame, scored: pd.DataFrame) -> pd.Series:
    """Those of the ids that pass the filter of the address, which says itself, and how to be rid of it."""
    asked = only.parse(st.query_params.get("only", ""))
    if asked is None:
        return ids
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.info(elements.escape(asked.words), icon=":material/filter_alt:")
    right.button("Show all prompts", icon=":material/filter_alt_off:", on_click=_show_all)
    return ids[ids.isin(asked.prompts({"weights": weights, "scored": scored}))]


def _show_all() -> None:
    del st.query_params["only"]
