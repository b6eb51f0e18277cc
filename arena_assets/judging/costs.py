"""What judging costs: the price of a call, and what the journals say was spent."""

from __future__ import annotations

import json

from upath import UPath

from arena_assets.config.judges import Prices
from arena_assets.errors import StorageError
from arena_assets.journal import read_parts

BATCH_FACTOR = 0.5  # OpenAI's Batch API, by its price list


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
