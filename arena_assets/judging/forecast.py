"""What judging will take, before anything is spent: calls, tokens, dollars, hours."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from arena_assets.config import Experiment
from arena_assets.config.judges import OpenAIJudge, OpenAIOracle
from arena_assets.judging.costs import cost_usd
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.prompt import messages
from arena_assets.pipeline import JUDGE_SCORES, ORACLE_LABELS, Step
from arena_assets.slices import expected_labels

CHARACTERS_PER_TOKEN = 4.0  # OpenAI's rule of thumb for English
SECONDS_PER_CALL = 1.5  # a short answer of a hosted model; concurrency and rate limits matter more


@dataclass(frozen=True)
class TokenCounts:
    """Mean tokens of a user's prompt, and of each policy's response, from what exists or as an upper bound."""

    prompt: float
    responses: Mapping[str, float]


@dataclass(frozen=True)
class Forecast:
    """What a judge or an oracle will take.

    cost_usd expects short answers; max_cost_usd has every answer as long as max_completion_tokens allows. Both are None
    without prices. hours: None in batch mode, which promises 24 hours a batch and usually takes less.
    """

    role: Literal["judge", "oracle"]
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    max_cost_usd: float | None
    hours: float | None


def forecast(
    experiment: Experiment, counts: TokenCounts, undone: Mapping[str, Collection[str]] | None = None
) -> list[Forecast]:
    """Forecasts for the parts that call an API, before anything is spent: a pure function of its arguments.

    undone: the partitions that are to be made, by the name of the step; None: all of every step.
    """

    def bounds(step: Step) -> list[tuple[int, int]]:
        partitions = experiment.partitions if undone is None else undone.get(step.name, ())
        return [experiment.batch_bounds(partition) for partition in partitions]

    found: list[Forecast] = []
    judged, labelled = bounds(JUDGE_SCORES), bounds(ORACLE_LABELS)
    if judged and isinstance(experiment.judge, OpenAIJudge):
        rows = {policy.name: float(sum(stop - first for first, stop in judged)) for policy in experiment.policies}
        found.append(_forecast("judge", experiment.judge, rows, counts))
    oracle = experiment.oracle
    if labelled and isinstance(oracle, OpenAIOracle) and oracle.enabled:
        rows = dict.fromkeys(
            experiment.target_names, sum(expected_labels(oracle, "validation", *one) for one in labelled)
        )
        rows[experiment.logging_policy.name] = sum(expected_labels(oracle, "calibration", *one) for one in labelled)
        found.append(_forecast("oracle", oracle, rows, counts))
    return found


def _forecast(
    role: Literal["judge", "oracle"],
    config: OpenAIJudge | OpenAIOracle,
    rows: Mapping[str, float],
    counts: TokenCounts,
) -> Forecast:
    frame = sum(len(message["content"]) for message in messages(config, Item("", "", "", ""))) / CHARACTERS_PER_TOKEN
    samples = config.n_samples if config.uncertainty == "samples" else 1
    calls = math.ceil(sum(rows.values())) * samples
    prompt = samples * sum(share * (frame + counts.prompt + counts.responses[name]) for name, share in rows.items())
    answer = min(config.max_completion_tokens, 24 if config.uncertainty == "interval" else 8)
    batch = config.mode == "batch"
    prices = config.prices
    limit = config.max_completion_tokens
    return Forecast(
        role=role,
        model=config.model,
        calls=calls,
        prompt_tokens=round(prompt),
        completion_tokens=calls * answer,
        cost_usd=None if prices is None else cost_usd(prices, prompt, calls * answer, batch=batch),
        max_cost_usd=None if prices is None else cost_usd(prices, prompt, calls * limit, batch=batch),
        hours=None if batch else _hours(config, calls, prompt + calls * limit),
    )


def _hours(config: OpenAIJudge | OpenAIOracle, calls: int, tokens: float) -> float:
    minutes = [calls * SECONDS_PER_CALL / config.concurrency / 60]
    if config.requests_per_minute:
        minutes.append(calls / config.requests_per_minute)
    if config.tokens_per_minute:
        minutes.append(tokens / config.tokens_per_minute)
    return max(minutes) / 60
