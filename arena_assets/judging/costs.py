"""What judging costs: the price of a call, what a journal says was spent, and the estimate before anything is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upath import UPath

from arena_assets.config.judges import OpenAIJudge, OpenAIOracle, Prices
from arena_assets.errors import StorageError
from arena_assets.journal import read_parts
from arena_assets.slices import expected_share

if TYPE_CHECKING:
    from arena_assets.config import Experiment

BATCH_FACTOR = 0.5  # OpenAI's Batch API, by its price list
CHARACTERS_PER_TOKEN = 4.0  # OpenAI's rule of thumb for English
SECONDS_PER_CALL = 1.5  # a short answer of a hosted model; concurrency and rate limits matter more


def cost_usd(prices: Prices, prompt_tokens: float, completion_tokens: float, *, batch: bool = False) -> float:
    """Dollars for these tokens."""
    full = (prices.prompt * prompt_tokens + prices.completion * completion_tokens) / 1e6
    return full * (BATCH_FACTOR if batch else 1.0)


def spent_usd(folder: UPath) -> float:
    """Dollars spent so far by the journals below `folder`, those of all batches: `<data>/journal/judge_scores`.

    Raises:
        StorageError: a journal cannot be read.
    """
    total, seen = 0.0, set()
    try:
        for data in read_parts(folder, below=True).values():
            for line in data.split(b"\n"):
                try:
                    record = json.loads(line)
                    key, cost = record["key"], record.get("cost_usd")
                except (ValueError, KeyError, AttributeError, TypeError):
                    continue  # a line torn by a crash
                if key not in seen and isinstance(cost, int | float):
                    seen.add(key)
                    total += cost
    except OSError as error:
        raise StorageError(f"the journals below {folder} cannot be read: {error}") from error
    return total


@dataclass(frozen=True)
class TokenCounts:
    """Mean tokens of a user's prompt, and of each policy's response, from what exists or as an upper bound."""

    prompt: float
    responses: Mapping[str, float]


@dataclass(frozen=True)
class Estimate:
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


def estimate(experiment: Experiment, counts: TokenCounts) -> list[Estimate]:
    """Estimates of the parts that call an API, before anything is spent: a pure function of the configuration."""
    found: list[Estimate] = []
    n = experiment.prompts
    if isinstance(experiment.judge, OpenAIJudge):
        rows = {policy.name: float(n) for policy in experiment.policies}
        found.append(_estimate("judge", experiment.judge, rows, counts))
    if isinstance(experiment.oracle, OpenAIOracle) and experiment.oracle.enabled:
        calibration, validation = (expected_share(experiment.oracle, name, n) for name in ("calibration", "validation"))
        rows = dict.fromkeys(experiment.target_names, n * validation)
        rows[experiment.logging_policy.name] = n * calibration
        found.append(_estimate("oracle", experiment.oracle, rows, counts))
    return found


def _estimate(
    role: Literal["judge", "oracle"],
    config: OpenAIJudge | OpenAIOracle,
    rows: Mapping[str, float],
    counts: TokenCounts,
) -> Estimate:
    from arena_assets.judging.protocol import Item
    from arena_assets.judging.remote.prompt import messages

    frame = sum(len(message["content"]) for message in messages(config, Item("", "", "", ""))) / CHARACTERS_PER_TOKEN
    samples = config.n_samples if config.uncertainty == "samples" else 1
    calls = math.ceil(sum(rows.values())) * samples
    prompt = samples * sum(share * (frame + counts.prompt + counts.responses[name]) for name, share in rows.items())
    answer = min(config.max_completion_tokens, 24 if config.uncertainty == "interval" else 8)
    batch = config.mode == "batch"
    prices = config.prices
    limit = config.max_completion_tokens
    return Estimate(
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
