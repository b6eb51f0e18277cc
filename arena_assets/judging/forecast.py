"""What judging will take, before anything is spent: calls, tokens, dollars, hours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from arena_assets.config import Experiment
from arena_assets.config.judges import OpenAIJudge, OpenAIOracle
from arena_assets.judging.costs import cost_usd
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.prompt import messages
from arena_assets.slices import expected_share

CHARACTERS_PER_TOKEN = 4.0  # OpenAI's rule of thumb for English
SECONDS_PER_CALL = 1.5  # a short answer of a hosted model; concurrency and rate limits matter more


@dataclass(frozen=True)
class TokenCounts:
    """Mean tokens of a user's prompt, and of each policy's response, from what exists or as an upper bound."""

    prompt: float
    responses: Mapping[str, float]


@dataclass(frozen=True)
class Forecast:
    """What a judge or an oracle will take for the whole experiment.

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


def forecast(experiment: Experiment, counts: TokenCounts) -> list[Forecast]:
    """Forecasts for the parts that call an API, before anything is spent: a pure function of the configuration."""
    found: list[Forecast] = []
    n = experiment.prompts
    if isinstance(experiment.judge, OpenAIJudge):
        rows = {policy.name: float(n) for policy in experiment.policies}
        found.append(_forecast("judge", experiment.judge, rows, counts))
    if isinstance(experiment.oracle, OpenAIOracle) and experiment.oracle.enabled:
        calibration, validation = (expected_share(experiment.oracle, name, n) for name in ("calibration", "validation"))
        rows = dict.fromkeys(experiment.target_names, n * validation)
        rows[experiment.logging_policy.name] = n * calibration
        found.append(_forecast("oracle", experiment.oracle, rows, counts))
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
