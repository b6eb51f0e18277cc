"""Rules of `responses`."""

from __future__ import annotations

import math

import pandas as pd

from arena_assets import pipeline
from arena_assets.rules.finding import Batch, Outcome, Rule, below, none_of
from arena_assets.rules.thresholds import MAX_MISSING_SHARE, TRUNCATED_SHARE_TO_NOTE
from arena_assets.tables import rows_of


def too_long_prompts(responses: pd.DataFrame) -> frozenset[str]:
    """Prompts that were left out for every policy before anything was sampled: their values are not missing."""
    left_out = responses["finish_reason"].eq("left_out").groupby(responses["prompt_id"]).all()
    return frozenset(left_out[left_out].index)


def left_out_for_all(batch: Batch) -> frozenset[str]:
    """The too long prompts of a batch that is made from responses; none where the responses are not at hand."""
    responses = batch.upstream.get(pipeline.RESPONSES.name)
    return frozenset() if responses is None else too_long_prompts(responses)


def _every_policy(batch: Batch) -> Outcome:
    prompts = batch.upstream[pipeline.PROMPTS.name]["prompt_id"]
    wanted = {(prompt, policy.name) for prompt in prompts for policy in batch.experiment.policies}
    got = set(zip(batch.table["prompt_id"], batch.table["policy"], strict=True))
    missing = sorted("/".join(key) for key in wanted - got)
    unknown = sorted("/".join(key) for key in got - wanted)
    bad = missing + unknown
    return none_of(bad, "responses are missing or of an unknown prompt or policy", "re-run the partition", len(wanted))


def _tokens(batch: Batch) -> Outcome:
    bad = []
    limits = {policy.name: policy.max_tokens for policy in batch.experiment.policies}
    for row in rows_of(batch.table[batch.table["finish_reason"] != "left_out"]):
        limit = limits.get(row["policy"], 0)
        whole = (
            row["response_tokens"] is not None
            and 1 <= len(row["response_tokens"]) == row["n_response_tokens"] <= limit
            and row["finish_reason"] in ("stop", "length")
            and (row["finish_reason"] == "stop" or row["n_response_tokens"] == limit)
            and math.isfinite(row["sampling_logprob"])
        )
        if not whole:
            bad.append(f"{row['prompt_id']}/{row['policy']}")
    return none_of(
        bad,
        "responses lack tokens, a finite log-probability or a fitting finish reason",
        "re-run the partition",
        len(batch.table),
    )


def _left_out(batch: Batch) -> Outcome:
    """Only of prompts that other policies answered: else policies are compared on different prompts."""
    table = batch.table
    alike = too_long_prompts(table)
    out = table[(table["finish_reason"] == "left_out") & ~table["prompt_id"].isin(alike)]
    bad = [f"{row['prompt_id']}/{row['policy']}: {row['reason']}" for row in rows_of(out)]
    remedy = "raise engine.context_tokens or lower max_tokens"
    return below(len(bad) / max(len(table), 1), MAX_MISSING_SHARE, bad, "responses are left out", remedy, len(table))


def _too_long(batch: Batch) -> Outcome:
    first = batch.table[batch.table["prompt_id"].isin(too_long_prompts(batch.table))].drop_duplicates("prompt_id")
    bad = [f"{row['prompt_id']}: {row['reason']}" for row in rows_of(first)]
    remedy = "the others are compared; `corpus: {max_tokens: auto}` samples others in their place"
    total = batch.table["prompt_id"].nunique()
    return none_of(bad, "prompts are too long for a policy and left out for all", remedy, total)


def _some_fit(batch: Batch) -> Outcome:
    answered = bool((batch.table["finish_reason"] != "left_out").any())
    remedy = "; raise engine.context_tokens or lower max_tokens"
    return Outcome(answered, "prompts fit the context" if answered else "no prompt fits the context" + remedy)


def _empty(batch: Batch) -> Outcome:
    table = batch.table
    bad = [f"{row['prompt_id']}/{row['policy']}" for row in rows_of(table[table["response"] == ""])]
    return none_of(
        bad, "responses ended at once and are empty", "look at them; they are scored as they are", len(table)
    )


def _truncated(batch: Batch) -> Outcome:
    table = batch.table
    share = table["finish_reason"].eq("length").groupby(table["policy"]).mean()
    worst = share.max() if len(share) else 0.0
    text = ", ".join(f"{policy} {value:.0%}" for policy, value in share.items())
    return Outcome(
        bool(worst <= TRUNCATED_SHARE_TO_NOTE),
        f"cut at max_tokens: {text}"
        + ("" if worst <= TRUNCATED_SHARE_TO_NOTE else "; raise max_tokens if that is not meant"),
        {f"truncated {policy}": float(value) for policy, value in share.items()},
    )


def _imported(_: Batch) -> Outcome:
    return Outcome(True, "imported responses have no tokens of ours: nothing to check")


RESPONSE_RULES = (
    Rule("every_policy", "every prompt has a response of every policy", _every_policy),
    Rule(
        "whole_tokens",
        "token ids, finish reason and sampling log-probability fit together",
        _tokens,
        of_imports=_imported,
    ),
    Rule("few_left_out", "few prompts are left out for some policies and not for others", _left_out),
    Rule("some_fit", "not every prompt is longer than the context", _some_fit),
    Rule("all_fit", "no prompt is longer than the context", _too_long, blocking=False),
    Rule("not_empty", "no response is empty", _empty, blocking=False),
    Rule("few_truncated", "few responses are cut at max_tokens", _truncated, blocking=False),
)
