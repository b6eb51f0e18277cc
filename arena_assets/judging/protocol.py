"""What every judge and oracle speaks: items in, one verdict an item out, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from arena_assets.journal import Journal
from arena_assets.progress import Progress

Status = Literal["ok", "unscored", "failed"]


@dataclass(frozen=True)
class Item:
    """A response to score."""

    prompt_id: str
    policy: str
    prompt: str
    response: str
    # The sampled ids, end-of-turn included: a local judge of the policy's own model reads them, others the text.
    tokens: tuple[int, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """A score, or the reason why there is none; a failure is never a score of 0.

    score: the deterministic score, 0 to 1. mean, variance: the uncertainty-aware one; the variance is the judge's
    own, at most mean (1 - mean).
    """

    status: Status
    score: float | None = None
    mean: float | None = None
    variance: float | None = None
    reason: str | None = None
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None


class Scorer(Protocol):
    """A judge or an oracle."""

    @property
    def name(self) -> str:
        """What scores, for the table's `model` column."""
        ...

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        """One verdict an item, in the items' order.

        A single item that cannot be scored yields a verdict with its reason; what makes every item fail (a wrong key,
        an unreadable file, an exhausted budget) raises JudgeError. Answers that were paid for, or took long, go into
        `journal` as they arrive, keyed by everything that determines them, and are taken from there the next time.
        """
        ...
