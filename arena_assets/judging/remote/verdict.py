"""The verdict that an item's answers give, read anew from their kept texts."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from arena_assets.judging.protocol import Verdict
from arena_assets.judging.remote.answer import NO_LOGPROBS, Answer
from arena_assets.judging.remote.distribution import moments
from arena_assets.judging.remote.numbers import Found, NoVerdictError
from arena_assets.judging.remote.parse import read_interval, read_score
from arena_assets.judging.remote.prompt import RemoteConfig

# A normal distribution's 95% interval is this many standard deviations wide.
_WIDTH_95 = 2 * 1.959964


def verdict(config: RemoteConfig, answers: Sequence[Answer]) -> Verdict:
    """The verdict that an item's answers give: the first is the deterministic score, all give mean and variance."""
    costs = [answer.cost_usd for answer in answers]
    paid: dict[str, Any] = {
        "model": answers[0].model or config.model,
        "prompt_tokens": sum(answer.prompt_tokens for answer in answers),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
        "cost_usd": None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
    }
    try:
        score, mean, variance = _score(config, answers)
    except NoVerdictError as error:
        return Verdict("unscored", reason=str(error), **paid)
    return Verdict("ok", score=score, mean=mean, variance=variance, **paid)


def why_unread(config: RemoteConfig, answer: Answer) -> str | None:
    """Why an answer gives no verdict, so that it is asked for again; None where it gives one."""
    try:
        if config.uncertainty == "interval":
            read_interval(_text(answer), config.min_score, config.max_score)
        else:
            found = _read(config, answer)
            if config.uncertainty == "logprobs":
                _scores(answer, found)
    except NoVerdictError as error:
        return str(error)
    return None


def _score(config: RemoteConfig, answers: Sequence[Answer]) -> tuple[float, float | None, float | None]:
    low, high = config.min_score, config.max_score
    width = high - low
    first = answers[0]
    if config.uncertainty == "interval":
        interval = read_interval(_text(first), low, high)
        mean = (interval.score - low) / width
        spread = ((interval.high - interval.low) / width / _WIDTH_95) ** 2
        return mean, mean, min(spread, mean * (1 - mean))
    found = _read(config, first)
    score = (found.score - low) / width
    if config.uncertainty == "none":
        return score, None, None
    if config.uncertainty == "logprobs":
        return score, *moments(_scores(first, found), low, high)
    samples = [score, *((_read(config, answer).score - low) / width for answer in answers[1:])]
    mean = statistics.fmean(samples)
    # The n - 1 form is unbiased, and can exceed what a score within 0 and 1 with this mean can have.
    return score, mean, min(statistics.variance(samples), mean * (1 - mean))


def _read(config: RemoteConfig, answer: Answer) -> Found:
    return read_score(_text(answer), config.min_score, config.max_score, cut=answer.cut)


def _scores(answer: Answer, found: Found) -> dict[int, float]:
    """The probabilities of the scores, which must be those at the score that was found in the answer."""
    if answer.scores is None:
        raise NoVerdictError(answer.unclear or NO_LOGPROBS)
    # Earlier versions kept no place, and may have read another number of the answer as its score.
    same = found.score in answer.scores if answer.scored_at is None else found.start == answer.scored_at
    if not same:
        raise NoVerdictError("the token probabilities that are kept belong to another number of the answer")
    return answer.scores


def _text(answer: Answer) -> str:
    if answer.refusal:
        raise NoVerdictError(f"the judge refused: {answer.refusal[:200]}")
    if not (answer.text or "").strip():
        cut = ", cut at max_completion_tokens" if answer.cut else ""
        thought = f" but {len(answer.thinking)} characters of thinking" if answer.thinking else ""
        raise NoVerdictError(f"the answer is empty{thought}{cut}")
    return answer.text or ""
