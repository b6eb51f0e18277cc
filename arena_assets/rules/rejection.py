"""Which log-probabilities are no values at all, and why."""

from __future__ import annotations

import math

from arena_assets.rules.thresholds import LOWEST_LOGPROB_PER_TOKEN


def why_rejected(value: float, n_tokens: int, *, sampled: bool = False) -> str | None:
    """Why a log-probability cannot be right, or None: it is then kept as null, with this reason.

    Of a target any ln P is possible, minus infinity too: its weight is 0, and the row counts. `sampled`: the policy
    gave the response itself, so it cannot find it impossible, nor hardly possible.
    """
    if math.isnan(value) or value > 0:
        return "it is not a number" if math.isnan(value) else f"{value:.6g} is above 0: no probability exceeds 1"
    if not sampled:
        return None
    if math.isinf(value):
        return f"{value} says that the policy cannot give the response that it gave"
    if n_tokens and value / n_tokens < LOWEST_LOGPROB_PER_TOKEN:
        return f"{value / n_tokens:.1f} nats a token is below {LOWEST_LOGPROB_PER_TOKEN:g}: not a text of its own"
    return None
