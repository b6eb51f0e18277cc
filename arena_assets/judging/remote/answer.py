"""An answer as the server sent it, as the journal keeps it, and the verdict that answers give."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena_assets.config.judges import Prices
from arena_assets.errors import JudgeError
from arena_assets.judging.costs import cost_usd
from arena_assets.judging.protocol import Verdict
from arena_assets.judging.remote.distribution import Token, moments, score_distribution
from arena_assets.judging.remote.parse import NoVerdictError, read_interval, read_score
from arena_assets.judging.remote.prompt import RemoteConfig

# A normal distribution's 95% interval is this many standard deviations wide.
_WIDTH_95 = 2 * 1.959964


class MalformedError(ValueError):
    """A body that is no chat completion; asking again may help."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Alternative(_Part):
    token: str
    logprob: float


class _TokenLogprob(_Alternative):
    top_logprobs: list[_Alternative] = []


class _Logprobs(_Part):
    content: list[_TokenLogprob] | None = None


class _Message(_Part):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Part):
    message: _Message
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Usage(_Part):
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(0, ge=0)


class Completion(_Part):
    """A chat completion, as far as it is read."""

    choices: list[_Choice] = Field(min_length=1)
    model: str = ""
    usage: _Usage | None = None


class Answer(BaseModel):
    """What the journal keeps of an answer: enough to score it again without paying again."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str | None
    refusal: str | None = None
    finish: str | None = None
    scores: dict[int, float] | None = None
    unclear: str | None = Field(None, description="why the token probabilities give no distribution")
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None

    @property
    def cut(self) -> bool:
        return self.finish == "length"


def read_completion(raw: str | bytes) -> Completion:
    """Raises MalformedError where `raw` is no chat completion."""
    try:
        return Completion.model_validate_json(raw)
    except ValidationError as error:
        raise MalformedError(error.errors(include_url=False, include_input=False)[0]["msg"]) from None


def answer_of(config: RemoteConfig, completion: Completion, *, batch: bool = False) -> Answer:
    """What to keep of a completion.

    Raises:
        MalformedError: token probabilities were asked for and an answer with text came without.
    """
    choice, usage = completion.choices[0], completion.usage
    text = choice.message.content
    scores, unclear = None, None
    if config.uncertainty == "logprobs" and text:
        if choice.logprobs is None or not choice.logprobs.content:
            raise MalformedError(NO_LOGPROBS)
        try:
            scores = _distribution(config, text, choice.logprobs.content)
        except NoVerdictError as error:
            unclear = str(error)
    prices: Prices | None = config.prices
    return Answer(
        text=text,
        refusal=choice.message.refusal or ("filtered" if choice.finish_reason == "content_filter" else None),
        finish=choice.finish_reason,
        scores=scores,
        unclear=unclear,
        model=completion.model,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cost_usd=cost_usd(prices, usage.prompt_tokens, usage.completion_tokens, batch=batch)
        if usage and prices
        else None,
    )


NO_LOGPROBS = "the model returned no token probabilities"


def _distribution(config: RemoteConfig, text: str, tokens: Sequence[_TokenLogprob]) -> dict[int, float]:
    found = read_score(text, config.min_score, config.max_score)
    # The token itself is listed even where it was an unlikely draw.
    listed = [Token(one.token, tuple(_listed(one))) for one in tokens]
    whole_numbers = config.base_url is None
    return score_distribution(
        listed, text, found.start, found.end, config.min_score, config.max_score, whole_numbers=whole_numbers
    )


def _listed(token: _TokenLogprob) -> list[tuple[str, float]]:
    alternatives = {one.token: one.logprob for one in token.top_logprobs}
    return list(({token.token: token.logprob} | alternatives).items())


def has_score(config: RemoteConfig, answer: Answer) -> bool:
    """Whether an answer holds a score, so that it serves even where it was cut."""
    try:
        text = _text(answer)
        if config.uncertainty == "interval":
            read_interval(text, config.min_score, config.max_score)
        else:
            read_score(text, config.min_score, config.max_score)
    except NoVerdictError:
        return False
    return True


def load_answer(record: Mapping[str, Any]) -> Answer:
    """An answer from its journal record.

    Raises:
        JudgeError: the record is none of this program's.
    """
    try:
        return Answer.model_validate(record)
    except ValidationError as error:
        raise JudgeError(f"the journal holds a record that is no answer: {error.error_count()} faults") from error


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


def _score(config: RemoteConfig, answers: Sequence[Answer]) -> tuple[float, float | None, float | None]:
    low, high = config.min_score, config.max_score
    width = high - low
    first = answers[0]
    text = _text(first)
    if config.uncertainty == "interval":
        interval = read_interval(text, low, high)
        mean = (interval.score - low) / width
        spread = ((interval.high - interval.low) / width / _WIDTH_95) ** 2
        return mean, mean, min(spread, mean * (1 - mean))
    score = (read_score(text, low, high).score - low) / width
    if config.uncertainty == "none":
        return score, None, None
    if config.uncertainty == "logprobs":
        if first.scores is None:
            raise NoVerdictError(first.unclear or NO_LOGPROBS)
        return score, *moments(first.scores, low, high)
    samples = [score]
    for answer in answers[1:]:
        samples.append((read_score(_text(answer), low, high).score - low) / width)
    mean = statistics.fmean(samples)
    # The n - 1 form is unbiased, and can exceed what a score within 0 and 1 with this mean can have.
    return score, mean, min(statistics.variance(samples), mean * (1 - mean))


def _text(answer: Answer) -> str:
    if answer.refusal:
        raise NoVerdictError(f"the judge refused: {answer.refusal[:200]}")
    if not (answer.text or "").strip():
        raise NoVerdictError("the answer is empty" + (", cut at max_completion_tokens" if answer.cut else ""))
    return answer.text or ""
