"""The reference oracle: the share of a prompt's reference points that a response contains, a truth without a model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from arena_assets.errors import JudgeError
from arena_assets.ids import normalise_text
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.progress import Progress

Points = Sequence[Sequence[str]]

# What Unicode's compatibility folding leaves apart, although writers use one for the other.
_PUNCTUATION = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "‐": "-", "–": "-", "−": "-"})


class ReferenceScorer:
    """Scores by reference points: a point is a list of spellings, any of which counts, as whole words in any case."""

    name = "reference points"

    def __init__(self, points: Mapping[str, Points]) -> None:
        """`points`: the reference points of each prompt, by prompt_id.

        Raises:
            JudgeError: a point has no spelling, so no response could ever contain it.
        """
        self._points = points
        empty = [
            prompt_id
            for prompt_id, own in points.items()
            if any(not any(fold(spelling) for spelling in point) for point in own)
        ]
        if empty:
            raise JudgeError(
                f"{len(empty)} prompts have a reference point without any spelling (first: {', '.join(empty[:3])}); "
                "give each point at least one spelling, or remove it"
            )

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        """One verdict an item; nothing is journalled, since scoring anew costs nothing."""
        del journal
        verdicts = [self._verdict(item) for item in items]
        progress(len(verdicts), len(verdicts))
        return verdicts

    def _verdict(self, item: Item) -> Verdict:
        points = self._points.get(item.prompt_id)
        if not points:
            return Verdict("unscored", reason="the prompt has no reference points", model=self.name, cost_usd=0.0)
        share = share_contained(points, item.response)
        return Verdict("ok", score=share, mean=share, variance=0.0, model=self.name, cost_usd=0.0)


def share_contained(points: Points, response: str) -> float:
    """Share of `points` that `response` contains, 0 to 1."""
    return sum(contained(points, response)) / len(points)


def contained(points: Points, response: str) -> list[bool]:
    """Whether `response` contains each of `points`."""
    text = fold(response)
    return [any(contains(text, fold(spelling)) for spelling in point) for point in points]


def fold(text: str) -> str:
    """`text` as it is compared: normalised, without case, with one kind of quote and dash."""
    return normalise_text(text).translate(_PUNCTUATION).casefold()


def contains(text: str, spelling: str) -> bool:
    """Whether `text` contains `spelling` as whole words (both folded): 7 is not in 17, nor in 3.7 or 7,000."""
    if not spelling:
        return False
    before = r"(?<!\w)" if spelling[0].isalnum() else ""
    after = r"(?!\w)" if spelling[-1].isalnum() else ""
    if spelling[0].isdigit():
        before += r"(?<!\d[.,])"
    if spelling[-1].isdigit():
        after += r"(?![.,]\d)"
    return re.search(before + re.escape(spelling) + after, text) is not None
