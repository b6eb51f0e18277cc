"""What the engine is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena_assets.llama.template import Prompt


@dataclass(frozen=True)
class Generate:
    """Sample a response of at most `max_tokens` tokens from the random stream `seed`."""

    key: str
    prompt: Prompt
    temperature: float
    max_tokens: int
    seed: int

    @property
    def length(self) -> int:
        """Most tokens that the cache must hold; the last token sampled is never fed back."""
        return len(self.prompt.tokens) + self.max_tokens - 1

    @property
    def room(self) -> int:
        """The length by which a GPU's batches are shaped, the same for sampling and for scoring what was sampled."""
        return self.length


@dataclass(frozen=True)
class Force:
    """Teacher forcing: the log-probability of each token of `response` after the prompt.

    `max_tokens` is what the response was sampled with, 0 where that is unknown: see `room`.
    """

    key: str
    prompt: Prompt
    temperature: float
    response: tuple[int, ...]
    max_tokens: int = 0

    @property
    def length(self) -> int:
        return len(self.prompt.tokens) + len(self.response) - 1

    @property
    def room(self) -> int:
        """The length that the job had when the response was sampled after this prompt."""
        return len(self.prompt.tokens) + max(self.max_tokens, len(self.response)) - 1


@dataclass(frozen=True)
class Probe:
    """The log-probability of each of some candidates as the token that follows the prompt."""

    key: str
    prompt: Prompt
    candidates: tuple[int, ...]
    temperature: float = 1.0

    @property
    def length(self) -> int:
        return len(self.prompt.tokens)

    @property
    def room(self) -> int:
        return self.length


Job = Generate | Force | Probe


@dataclass(frozen=True)
class Done:
    """A finished job: `tokens` sampled, forced or probed, and ln P of each, float64 (tokens,), nats."""

    key: str
    tokens: tuple[int, ...]
    logprobs: NDArray[np.float64]
    finish_reason: str

    @property
    def total(self) -> float:
        """ln P(response | prompt), nats; 0.0 for an empty response."""
        return float(np.sum(self.logprobs))
