"""`arena run --dry-run`: what is missing, and what it will take, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import pandas as pd

from arena_assets import pipeline
from arena_assets.cli import weights
from arena_assets.cli.choice import EVERYTHING, Choice
from arena_assets.config import Experiment
from arena_assets.corpus.sample import require_enough
from arena_assets.judging.forecast import CHARACTERS_PER_TOKEN, Forecast, TokenCounts, forecast
from arena_assets.progress import duration
from arena_assets.state import standings
from arena_assets.storage import Store

# Chatbot Arena's prompts have a median of 58 and a mean of about 160 characters; templates add some twenty tokens.
_PROMPT_TOKENS = 160 / CHARACTERS_PER_TOKEN + 20


def show(experiment: Experiment, store: Store, choice: Choice = EVERYTHING) -> int:
    """Print policies' tokens and hours and the API's calls, tokens, dollars and hours; nothing is run.

    Of a batch that was interrupted the items in its journal are counted as well: they will take less.

    Raises:
        CorpusError: the corpus is there, and has fewer prompts than are asked for.
    """
    if store.exists(pipeline.CORPUS.name):
        require_enough(experiment, int(store.notes(pipeline.CORPUS.name)["rows"]))
    undone = missing(experiment, store, choice)
    whole = len(experiment.partitions)
    print(f"{experiment.name}: {experiment.prompts} prompts in {whole} batches, {len(experiment.policies)} policies")
    if not undone:
        print("  nothing is missing: the comparison takes seconds")
        return 0
    for name, partitions in undone.items():
        print(f"  {name:<14}{len(partitions)} of {whole} batches are to be made")
    if experiment.origin == "imported":
        print("  in all        seconds: the batches are cut from the import, nothing is sampled, scored or paid")
        return 0
    counts, basis = token_counts(experiment, store)
    _print_llama(experiment, undone, counts)
    entries = forecast(experiment, counts, undone)
    for entry in entries:
        print(f"  {entry.role:<14}{_api(entry)}")
    priced = [entry for entry in entries if entry.cost_usd is not None]
    if priced:
        expected, most = sum(e.cost_usd or 0 for e in priced), sum(e.max_cost_usd or 0 for e in priced)
        print(f"  in all        about ${expected:,.2f}, at most ${most:,.2f}; nothing was spent")
    else:
        print(f"  in all        {'unknown: no prices are configured' if entries else 'no call costs anything'}")
    print(f"  {basis}")
    return 0


def missing(experiment: Experiment, store: Store, choice: Choice) -> dict[str, list[str]]:
    """The partitions that are to be made of each step, by its name; steps of which nothing is missing are left out."""
    found: dict[str, list[str]] = {step.name: [] for step in experiment.batch_steps}
    for partition in choice.partitions or experiment.partitions:
        for step in choice.steps(experiment, store, partition):
            found[step.name].append(partition)
    return {name: partitions for name, partitions in found.items() if partitions}


def _print_llama(experiment: Experiment, undone: Mapping[str, Sequence[str]], counts: TokenCounts) -> None:
    """What llama.cpp is to do, and how long that takes at the speed that was measured here."""

    def prompts(name: str) -> int:
        bounds = (experiment.batch_bounds(partition) for partition in undone.get(name, ()))
        return sum(stop - first for first, stop in bounds)

    sampled = prompts(pipeline.RESPONSES.name) * sum(counts.responses.values())
    p0 = counts.responses[experiment.logging_policy.name]
    replayed = prompts(pipeline.LOGPROBS.name) * p0 * _passes(experiment)
    if not sampled + replayed:
        return
    print(f"  llama.cpp     {_big(sampled)} tokens sampled, {_big(replayed)} scored ({experiment.engine.scoring})")
    with dg.DagsterInstance.get() as instance:
        speed = tokens_per_second(experiment, instance)
    if speed is None:
        print("  time          unknown until a batch was run here: run one, then ask again")
    else:
        print(f"  time          {duration((sampled + replayed) / speed)} at the {speed:.0f} tokens/s measured here")
    for number, line in enumerate(weights.describe(experiment)):
        print(f"  {'' if number else 'weights':<14}{line}")


def _passes(experiment: Experiment) -> int:
    """Passes over each of P0's responses: what differs in temperature alone shares one, a clone has its own."""
    others = [policy for policy in experiment.policies if policy.name not in experiment.clones]
    return len(experiment.clones) + len(
        {(policy.model, policy.system_prompt, repr(policy.chat_template_kwargs)) for policy in others}
    )


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
