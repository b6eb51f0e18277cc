"""An answer as the journal keeps it: its text, what it cost, and how often it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena_assets.config.judges import Prices
from arena_assets.errors import JudgeError
from arena_assets.judging.costs import cost_usd
from arena_assets.judging.remote.completion import Completion
from arena_assets.judging.remote.distribution import score_distribution
from arena_assets.judging.remote.numbers import NoVerdictError
from arena_assets.judging.remote.parse import read_score
from arena_assets.judging.remote.prompt import RemoteConfig

NO_LOGPROBS = "the model returned no token probabilities"


class Answer(BaseModel):
    """What the journal keeps of an answer: enough to score it again without paying again.

    Journals of earlier versions lack the fields that have a default; their text is read like any other.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: str | None
    refusal: str | None = None
    finish: str | None = None
    thinking: str | None = Field(None, description="kept where nothing else came, to be looked at and never read")
    scores: dict[int, float] | None = None
    scored_at: int | None = Field(None, description="where in the text the score of these probabilities stands")
    unclear: str | None = Field(None, description="why the token probabilities give no distribution")
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    asked: int = Field(1, description="how often it was asked for; each time has a record of its own")
    batch: str | None = Field(None, description="the batch that it came in")

    @property
    def cut(self) -> bool:
        return self.finish == "length"

    def after(self, earlier: Answer) -> Answer:
        """This answer with what `earlier` ones to the same question cost."""
        costs = [cost for cost in (earlier.cost_usd, self.cost_usd) if cost is not None]
        return self.model_copy(
            update={
                "prompt_tokens": earlier.prompt_tokens + self.prompt_tokens,
                "completion_tokens": earlier.completion_tokens + self.completion_tokens,
                "cost_usd": sum(costs) if costs else None,
            }
        )


def answer_of(config: RemoteConfig, completion: Completion, *, batch: str | None = None) -> Answer:
    """What to keep of a completion, which came in `batch` where that is given."""
    usage, text, prices = completion.usage, completion.text, config.prices
    scores, scored_at, unclear = _distribution(config, completion)
    return Answer(
        text=text,
        refusal=completion.refusal,
        finish=completion.finish,
        thinking=None if (text or "").strip() else completion.thinking,
        scores=scores,
        scored_at=scored_at,
        unclear=unclear,
        model=completion.model,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cost_usd=_cost(prices, completion, batch=batch is not None),
        batch=batch,
    )


def latest(records: Sequence[Mapping[str, Any]]) -> Answer:
    """The last of the answers to one question.

    Raises:
        JudgeError: a record is none of this program's.
    """
    return _in_order(records)[-1]


def all_paid(records: Sequence[Mapping[str, Any]]) -> Answer:
    """The last of the answers to one question, with the tokens and dollars of all of them.

    Raises:
        JudgeError: a record is none of this program's.
    """
    answers = _in_order(records)
    last = answers[-1]
    for earlier in reversed(answers[:-1]):
        last = last.after(earlier)
    return last


def load_answer(record: Mapping[str, Any]) -> Answer:
    """An answer from its journal record.

    Raises:
        JudgeError: the record is none of this program's.
    """
    try:
        return Answer.model_validate(record)
    except ValidationError as error:
        raise JudgeError(f"the journal holds a record that is no answer: {error.error_count()} faults") from error


def _in_order(records: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """As they were asked for: records of several journals stand journal by journal."""
    return sorted((load_answer(record) for record in records), key=lambda answer: answer.asked)


def _cost(prices: Prices | None, completion: Completion, *, batch: bool) -> float | None:
    usage = completion.usage
    if prices is None or usage is None or not usage.prompt_tokens:
        return None
    return cost_usd(prices, usage.prompt_tokens, usage.completion_tokens, batch=batch)


def _distribution(
    config: RemoteConfig, completion: Completion
) -> tuple[dict[int, float] | None, int | None, str | None]:
    """The distribution over scores with its place, or why there is none; nothing where none was asked for."""
    text = completion.text
    if config.uncertainty != "logprobs" or not text:
        return None, None, None
    tokens = completion.tokens()
    if tokens is None:
        return None, None, NO_LOGPROBS
    low, high, whole_numbers = config.min_score, config.max_score, config.base_url is None
    try:
        found = read_score(text, low, high, cut=completion.finish == "length")
        scores = score_distribution(tokens, text, found.start, found.end, low, high, whole_numbers=whole_numbers)
    except NoVerdictError as error:
        return None, None, str(error)
    return scores, found.start, None
