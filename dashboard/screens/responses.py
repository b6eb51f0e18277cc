"""Responses: prompts with the responses of all policies side by side, searched and paged. Always as plain text."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from arena_assets import pipeline
from dashboard import elements, session
from dashboard.data import loads
from dashboard.data.catalog import Chosen, Roles
from dashboard.data.files import load
from dashboard.views import responses as view

_PAGE = 5
# Responses beyond so many characters scroll in a box of so many pixels, so that a page stays a page.
_LONG, _SCROLLED = 350, 260
_COLUMNS = ["prompt_id", "policy", "response", "finish_reason", "n_response_tokens", "reason"]


@dataclass(frozen=True, eq=False)
class _Tables:
    """What is shown of prompts: of all of them, of those of a page, or of one."""

    prompts: pd.DataFrame
    responses: pd.DataFrame
    scored: pd.DataFrame
    weights: pd.DataFrame
    logged: pd.DataFrame

    def of(self, ids: list[str]) -> _Tables:
        """The rows of these prompts alone."""
        every = (self.prompts, self.responses, self.scored, self.weights, self.logged)
        return _Tables(*(frame[frame["prompt_id"].isin(ids)] for frame in every))


def render(chosen: Chosen) -> None:
    """The page."""
    prompts = load(chosen.store, pipeline.PROMPTS.name, ["prompt_id", "prompt"])
    responses = load(chosen.store, pipeline.RESPONSES.name, _COLUMNS)
    scored, weights = loads.scores(chosen.store), loads.weights(chosen.store)
    logged = load(chosen.store, pipeline.LOGPROBS.name, ["prompt_id", "total_logprob"])
    if not elements.shown(chosen, "The prompts", prompts, responses, scored, weights):
        return
    if responses.empty:
        st.info("Prompts are sampled; no policy has answered yet.", icon=":material/hourglass_empty:")
    tables = _Tables(*(table.frame for table in (prompts, responses, scored, weights, logged)))
    st.fragment(_found)(loads.roles_of(chosen), tables)


def _found(who: Roles, tables: _Tables) -> None:
    left, middle, right = st.columns([3, 2, 1], vertical_alignment="bottom")
    text = left.text_input(
        "Search", key="search", bind="query-params", placeholder="Words in a prompt or a response, or a prompt id"
    )
    with middle:
        by = session.select("Order", list(view.ORDERS), "order", lambda key: view.ORDERS[key])
    policies = session.several("Policies", list(who.all), "policy")
    ids = view.find(tables.prompts, tables.responses, text, policies)
    order = view.ordered(
        ids, by, weights=tables.weights, scored=tables.scored, responses=tables.responses, policies=policies
    )
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
        st.info("No prompt holds this text.", icon=":material/search_off:")
        return
    page = tables.of(shown)
    for one in shown:
        _prompt(one, policies, who, page.of([one]))


def _prompt(one: str, policies: list[str], who: Roles, tables: _Tables) -> None:
    answered = {row["policy"]: row for row in tables.responses.to_dict("records")}
    judged = {row["policy"]: row for row in tables.scored.to_dict("records")}
    ratios = dict(zip(tables.weights["policy"].astype(str), tables.weights["log_weight"], strict=True))
    total = float(tables.logged["total_logprob"].iloc[0]) if len(tables.logged) else None
    height = _SCROLLED if tables.responses["response"].str.len().max() > _LONG else None
    text = str(tables.prompts["prompt"].iloc[0])
    with st.container(border=True):
        st.caption(f"Prompt {one}")
        elements.plain(text, height=_SCROLLED if len(text) > 1500 else None)
        for column, policy in zip(st.columns(len(policies)), policies, strict=True):
            with column:
                elements.finding(policy)
                row = answered.get(policy)
                if row is None:
                    st.caption("no response yet")
                    continue
                ratio = 0.0 if policy == who.logging else ratios.get(policy)
                under = None if total is None or ratio is None else total + ratio
                shown = None if policy == who.logging else ratio
                st.caption(elements.escape(view.facts(row, judged.get(policy, {}), shown, under)))
                said = row["response"] if isinstance(row["response"], str) else f"(left out: {row['reason']})"
                elements.plain(said or "(empty response)", height=height)
