"""What the engine is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

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

    `max_tokens` is what the response was sampled with, 0 where that is unknown: see `room`. A job that `shares` may be
    answered by one pass with others of its prompt and response, which differ from it in temperature alone: logits are
    read once for each, so the pass changes no bit of them. `also`: those others, see `in_passes`.
    """

    key: str
    prompt: Prompt
    temperature: float
    response: tuple[int, ...]
    max_tokens: int = 0
    shares: bool = False
    also: tuple[Force, ...] = ()

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
AnyJob = TypeVar("AnyJob", bound=Job)


def asked_by(job: AnyJob) -> tuple[AnyJob | Force, ...]:
    """The jobs that the pass of this one answers."""
    return (job, *job.also) if isinstance(job, Force) else (job,)


def in_passes(jobs: Iterable[Job]) -> list[Job]:
    """One job a pass, in order: of those that share and have prompt, response and room in common, the first with the
    others in its `also`."""
    passes: dict[object, list[Job]] = {}
    for job in jobs:
        shared = isinstance(job, Force) and job.shares
        same = (job.prompt, job.response, job.max_tokens) if isinstance(job, Force) and shared else job.key
        passes.setdefault(same, []).append(job)
    return [_as_one(group) for group in passes.values()]


def _as_one(group: list[Job]) -> Job:
    first, *others = group
    if not isinstance(first, Force) or not others:
        return first
    return replace(first, also=tuple(other for other in others if isinstance(other, Force)))


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
