"""What judging costs: the price of a call, and what the journals say was spent."""

from __future__ import annotations

import math

from upath import UPath

from arena_assets.config.judges import Prices
from arena_assets.errors import StorageError
from arena_assets.journal import records_below

BATCH_FACTOR = 0.5  # OpenAI's Batch API, by its price list


def cost_usd(prices: Prices, prompt_tokens: float, completion_tokens: float, *, batch: bool = False) -> float:
    """Dollars for these tokens."""
    full = (prices.prompt * prompt_tokens + prices.completion * completion_tokens) / 1e6
    return full * (BATCH_FACTOR if batch else 1.0)


def spent_usd(folder: UPath) -> float:
    """Dollars spent so far by the journals below `folder`, those of all batches: `<data>/journal/judge_scores`.

    Every answer that was paid for counts, also one that a later answer to the same call replaced: the journal's item is
    the last, but the money of the others is gone.

    Raises:
        StorageError: a journal cannot be read.
    """
    try:
        costs = [record.get("cost_usd") for record in records_below(folder)]
    except OSError as error:
        raise StorageError(f"the journals below {folder} cannot be read: {error}") from error
    return math.fsum(cost for cost in costs if isinstance(cost, int | float))
