"""One prompt with the responses of all policies side by side, and what is known of each. Always as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import elements
from dashboard.data.catalog import Roles
from dashboard.data.tokens import Tokens
from dashboard.views import evidence, shaded
from dashboard.views import responses as view

# Responses beyond so many characters scroll in a box of so many pixels, so that a page stays a page.
_LONG, _SCROLLED = 350, 260
_FORMATS: dict[Any, Any] = {
    "ln P": "{:.1f}", "log weight": "{:+.3f}", "weight": "{:.3g}", "share": "{:.2%}",
    **dict.fromkeys(("judge score", "judge mean", "judge sd", "label"), "{:.3f}"),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Tables:
    """What is shown of prompts: of all of them, of those of a page, or of one. points: by prompt_id."""

    prompts: pd.DataFrame
    responses: pd.DataFrame
    judged: pd.DataFrame
    labelled: pd.DataFrame
    weights: pd.DataFrame
    logged: pd.DataFrame
    points: pd.DataFrame

    def of(self, ids: Sequence[str]) -> Tables:
        """The rows of these prompts alone."""
        return Tables(*(frame[frame["prompt_id"].isin(ids)] for frame in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Context:
    """What holds for all prompts of a page. whole: of `evidence.whole`; kept: token scores by their sum."""

    who: Roles
    policies: Sequence[str]
    whole: Mapping[str, float]
    kept: Mapping[float, Tokens]


def show(one: str, tables: Tables, context: Context) -> None:
    """The prompt `one`, whose rows `tables` are."""
    who, policies = context.who, context.policies
    answered = _by_policy(tables.responses)
    known = _evidence(tables, context.whole)
    stated = tables.points["reference_points"].iloc[0] if len(tables.points) else ()
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
                else:
                    _response(row, known, who, list(map(list, stated)), height)
        with st.expander("Scores and weights in numbers"):
            _numbers(known, policies, who)
        _tokens(tables.logged, context)


def _tokens(logged: pd.DataFrame, context: Context) -> None:
    """P0's response, each token shaded by how far a target's probability lies from P0's, where the tokens are kept."""
    if logged.empty:
        return
    who, row = context.who, logged.iloc[0]
    own = context.kept.get(row["total_logprob"])
    if own is None or not own.pieces:
        return
    with st.expander(f"Where policies differ, token by token of {who.logging}'s response"):
        for policy in [name for name in context.policies if name != who.logging]:
            target = context.kept.get(row["target_logps"].get(policy))
            differences = None if target is None else shaded.ratios(own, target)
            if differences is None:
                st.caption(elements.escape(f"{policy} read other tokens, or they were not kept"))
                continue
            st.caption(elements.escape(shaded.sentence(policy, own.pieces, differences)))
            st.html(shaded.shaded(own.pieces, differences))


def _response(
    row: Mapping[str, Any], known: evidence.Evidence, who: Roles, stated: list[list[str]], height: int | None
) -> None:
    policy = str(row["policy"])
    ratio = 0.0 if policy == who.logging else known.log_weights.get(policy)
    under = None if known.total is None or ratio is None else known.total + ratio
    scored = {**known.judged.get(policy, {}), **known.labelled.get(policy, {})}
    st.caption(elements.escape(view.facts(row, scored, None if policy == who.logging else ratio, under)))
    there = isinstance(row["response"], str)
    elements.plain((row["response"] if there else f"(left out: {row['reason']})") or "(empty response)", height=height)
    if there and (met := evidence.points(stated, row["response"], strip_thinking=policy in who.thinking)):
        st.caption(elements.escape(met))


def _numbers(known: evidence.Evidence, policies: Sequence[str], who: Roles) -> None:
    table = known.numbers(policies, who.logging).set_index("policy")
    st.table(table.style.format(_FORMATS, na_rep="–"))
    st.caption(
        elements.escape(
            f"ln P, log weight, weight and share are of {who.logging}'s response under each policy; the share is that "
            "of the policy's whole weight. Judge sd: how unsure the judge is of its score."
        )
    )
    for reason in known.reasons(policies):
        elements.plain(reason)


def _evidence(tables: Tables, whole: Mapping[str, float]) -> evidence.Evidence:
    ratios = dict(zip(tables.weights["policy"].astype(str), tables.weights["log_weight"].astype(float), strict=True))
    total = float(tables.logged["total_logprob"].iloc[0]) if len(tables.logged) else None
    return evidence.Evidence(_by_policy(tables.judged), _by_policy(tables.labelled), ratios, total, whole)


def _by_policy(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(row["policy"]): row for row in frame.to_dict("records")}
