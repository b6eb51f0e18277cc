"""Finding prompts: search, order and pages, as pure functions of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

ORDERS = {
    "sampled": "as sampled",
    "weight": "largest weight",
    "gap": "judge and oracle apart",
    "label": "lowest label",
    "apart": "policies apart by label",
    "length": "longest",
}


def find(prompts: pd.DataFrame, responses: pd.DataFrame, text: str, policies: Sequence[str]) -> pd.Series:
    """Ids of the prompts that hold `text`, or whose response of one of `policies` does; case does not matter."""
    wanted = text.strip()
    if not wanted:
        return prompts["prompt_id"]
    exact = prompts["prompt_id"] == wanted
    here = exact | prompts["prompt"].str.contains(wanted, case=False, regex=False, na=False)
    own = responses[responses["policy"].isin(list(policies))]
    there = own.loc[own["response"].str.contains(wanted, case=False, regex=False, na=False), "prompt_id"]
    return prompts.loc[here | prompts["prompt_id"].isin(set(there)), "prompt_id"]


def ordered(
    ids: pd.Series,
    by: str,
    *,
    weights: pd.DataFrame,
    scored: pd.DataFrame,
    responses: pd.DataFrame,
    policies: Sequence[str],
) -> list[str]:
    """The ids in the wanted order; prompts without a value come last, in the sample's order."""
    shown = list(policies)
    if by == "weight":
        own = weights[weights["policy"].isin(shown)]
        value = -own.groupby("prompt_id")["log_weight"].max()
    elif by == "gap":
        own = scored[scored["policy"].isin(shown)]
        score = own["judge_mean"].fillna(own["judge_score"])
        value = -(own["oracle_label"] - score).abs().groupby(own["prompt_id"]).max()
    elif by == "label":
        value = scored[scored["policy"].isin(shown)].groupby("prompt_id")["oracle_label"].min()
    elif by == "apart":
        labels = scored[scored["policy"].isin(shown)].groupby("prompt_id")["oracle_label"]
        value = -(labels.max() - labels.min()).where(labels.count() > 1)
    elif by == "length":
        value = -responses[responses["policy"].isin(shown)].groupby("prompt_id")["n_response_tokens"].max()
    else:
        return [str(one) for one in ids]
    rank = ids.map(value).to_numpy(dtype=float, na_value=np.nan)
    order = np.argsort(np.where(np.isnan(rank), np.inf, rank), kind="stable")
    return [str(one) for one in ids.iloc[order]]


def page_count(found: int, size: int) -> int:
    """How many pages there are; one also where nothing was found."""
    return max(1, -(-found // size))


def page_of(ids: Sequence[str], number: int, size: int) -> tuple[list[str], int, int]:
    """The ids of page `number` (from 1, brought within range), that number, and how many pages there are."""
    pages = page_count(len(ids), size)
    number = min(max(number, 1), pages)
    return list(ids[(number - 1) * size : number * size]), number, pages


def facts(response: Mapping[str, Any], scored: Mapping[str, Any], weight: float | None, logged: float | None) -> str:
    """What is known of one response, in one line: length, scores, label, and P0's response under it."""
    parts = [f"{response['n_response_tokens']} tokens"]
    if response.get("finish_reason") == "length":
        parts.append("cut at the limit")
    same = scored.get("judge_score") == scored.get("judge_mean")
    means = () if same else (("judge_mean", "judge mean"),)
    for name, word in (("judge_score", "judge"), *means, ("oracle_label", "label")):
        value = scored.get(name)
        if isinstance(value, float) and not np.isnan(value):
            parts.append(f"{word} {value:.2f}")
    if logged is not None and not np.isnan(logged):
        parts.append(f"ln P {logged:.1f}")
    if weight is not None and not np.isnan(weight):
        parts.append(f"log weight {weight:+.2f}")
    return " · ".join(parts)


def count_title(found: int, every: int, text: str) -> str:
    """How many prompts the search and the filters leave, as a sentence."""
    if text.strip():
        return f"{found:,} of {every:,} prompts hold the text"
    return f"{every:,} prompts" if found == every else f"{found:,} of {every:,} prompts"
