"""Which log-probabilities are no values at all, and why."""

from __future__ import annotations

import math

from arena_assets.rules.thresholds import LOWEST_LOGPROB_PER_TOKEN


def why_rejected(value: float, n_tokens: int) -> str | None:
    """Why a log-probability cannot be right, or None: it is then kept as null, with this reason."""
    if not math.isfinite(value):
        return f"{value} is not finite"
    if value > 0:
        return f"{value:.6g} is above 0: no probability exceeds 1"
    if n_tokens and value / n_tokens < LOWEST_LOGPROB_PER_TOKEN:
        return f"{value / n_tokens:.1f} nats a token is below {LOWEST_LOGPROB_PER_TOKEN:g}: not a plausible text"
    return None
