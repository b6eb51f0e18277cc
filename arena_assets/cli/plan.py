"""`arena run --dry-run`: what the whole experiment will take, before anything is spent."""

from __future__ import annotations

import dagster as dg
import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.judging.forecast import CHARACTERS_PER_TOKEN, Forecast, TokenCounts, forecast
from arena_assets.progress import duration
from arena_assets.state import standings
from arena_assets.storage import Store

# Chatbot Arena's prompts have a median of 58 and a mean of about 160 characters; templates add some twenty tokens.
_PROMPT_TOKENS = 160 / CHARACTERS_PER_TOKEN + 20


def show(experiment: Experiment, store: Store) -> int:
    """Print policies' tokens and hours and the API's calls, tokens, dollars and hours; nothing is run."""
    counts, basis = token_counts(experiment, store)
    tokens = experiment.prompts * sum(counts.responses.values())
    replayed = experiment.prompts * counts.responses[experiment.logging_policy.name] * len(experiment.policies)
    print(f"{experiment.name}: {experiment.prompts} prompts, {len(experiment.policies)} policies; {basis}")
    print(f"  responses   {_big(tokens)} tokens sampled by llama.cpp")
    print(f"  logprobs    {_big(replayed)} tokens scored by llama.cpp ({experiment.engine.scoring})")
    with dg.DagsterInstance.get() as instance:
        speed = tokens_per_second(experiment, instance)
    if speed is None:
        print("  time        unknown until a batch was run here: run one, then ask again")
    else:
        print(f"  time        {duration((tokens + replayed) / speed)} at the {speed:.0f} tokens/s measured here")
    entries = forecast(experiment, counts)
    for entry in entries:
        print(f"  {entry.role:<12}{_api(entry)}")
    priced = [entry for entry in entries if entry.cost_usd is not None]
    if priced:
        expected, most = sum(e.cost_usd or 0 for e in priced), sum(e.max_cost_usd or 0 for e in priced)
        print(f"  in all      about ${expected:,.2f}, at most ${most:,.2f}; nothing was spent")
    else:
        print(
            "  in all      no call costs anything" if not entries else "  in all      unknown: no prices are configured"
        )
    return 0


def token_counts(experiment: Experiment, store: Store) -> tuple[TokenCounts, str]:
    """Mean tokens of prompts and responses: of the batches that are done, else an upper bound."""
    parts = []
    for standing in standings(experiment, store, [pipeline.RESPONSES]):
        if standing.state.done:
            columns = ["policy", "n_prompt_tokens", "n_response_tokens"]
            parts.append(store.read(standing.step.name, standing.partition, columns))
    bound = {policy.name: float(policy.max_tokens) for policy in experiment.policies}
    if not parts:
        return TokenCounts(_PROMPT_TOKENS, bound), "lengths: every response as long as max_tokens allows"
    frame = pd.concat(parts)
    means = frame.groupby("policy")["n_response_tokens"].mean()
    own = {name: float(means.get(name, most)) for name, most in bound.items()}
    return TokenCounts(float(frame["n_prompt_tokens"].mean()), own), f"lengths: means of {len(parts)} finished batches"


def tokens_per_second(experiment: Experiment, instance: dg.DagsterInstance) -> float | None:
    """Response tokens a second, mean of the last batches that were sampled in one go, or None."""
    key = dg.AssetKey([experiment.name, pipeline.RESPONSES.name])
    speeds = []
    for record in instance.fetch_materializations(key, limit=20).records:
        entry = record.asset_materialization.metadata.get("tokens_per_second") if record.asset_materialization else None
        if entry is not None and float(str(entry.value)) > 0:
            speeds.append(float(str(entry.value)))
    return sum(speeds) / len(speeds) if speeds else None


def _api(entry: Forecast) -> str:
    cost = (
        "price unknown"
        if entry.cost_usd is None
        else f"about ${entry.cost_usd:,.2f}, at most ${entry.max_cost_usd:,.2f}"
    )
    time = "within 24 hours a batch" if entry.hours is None else duration(entry.hours * 3600)
    return (
        f"{entry.calls:,} calls to {entry.model}, {_big(entry.prompt_tokens)} tokens read, "
        f"{_big(entry.completion_tokens)} written, {cost}, {time}"
    )


def _big(number: float) -> str:
    return f"{number / 1e6:.1f} million" if number >= 1e6 else f"{number:,.0f}"
