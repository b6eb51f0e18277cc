"""Judges score every response, oracles label a slice of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeGuard

from pydantic import Field, StrictFloat, StrictInt, model_validator

from arena_assets.config.base import Mark, Name, Section
from arena_assets.config.imported import ImportedJudge, ImportedOracle


class LikelihoodJudge(Section):
    """Scores a response by exp(mean log-probability per token) under a neutral prompt; needs no rubric."""

    kind: Literal["likelihood"]
    model: Annotated[Name, Mark.MODEL]
    system_prompt: str = "You are a helpful assistant."
    # The neutral prompt's answer is judged at temperature 1, so that no policy's own temperature flatters it.


class RubricJudge(Section):
    """Reads the probabilities of the score tokens after a rubric prompt, in one forward pass of a local model."""

    kind: Literal["rubric"]
    model: Annotated[Name, Mark.MODEL]
    rubric: str
    min_score: int = 1
    max_score: int = 5

    @model_validator(mode="after")
    def _scale(self) -> RubricJudge:
        if not 0 <= self.min_score < self.max_score <= 9:
            raise ValueError(
                f"min_score {self.min_score} and max_score {self.max_score}: scores are single digits, "
                "0 <= min_score < max_score <= 9, because each must be one token"
            )
        return self


def runs_llama(scorer: Section) -> TypeGuard[LikelihoodJudge | RubricJudge]:
    """Whether a judge or oracle is a local model."""
    return isinstance(scorer, LikelihoodJudge | RubricJudge)


class Prices(Section):
    """Dollars per million tokens, as listed; `mode: batch` pays half."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)


# What the other settings say, and what the reading of answers rests on.
_SET_ELSEWHERE = {
    "model", "messages", "temperature", "max_tokens", "max_completion_tokens", "logprobs", "top_logprobs",
    "response_format", "stream", "n",
}  # fmt: skip


class _OpenAI(Section):
    """Any server that speaks the OpenAI API.

    Scores are whole numbers, because the probabilities of score tokens are read at the digits of one.
    """

    kind: Literal["openai"]
    model: str = Field(min_length=1)
    rubric: str = Field(min_length=1)
    base_url: str | None = Field(None, description="null: OpenAI itself", pattern=r"^https?://")
    api_key_env: Annotated[str | None, Mark.TRANSPORT] = Field(
        "OPENAI_API_KEY", pattern=r"^[A-Z][A-Z0-9_]*$", description="variable with the key; null: the server needs none"
    )
    min_score: int = Field(0, ge=0)
    max_score: int = Field(10, le=100)
    temperature: float | None = Field(0.0, ge=0, le=2, description="null: not sent (reasoning models refuse it)")
    max_completion_tokens: int = Field(64, ge=1, description="reasoning models need thousands")
    mode: Annotated[Literal["online", "batch"], Mark.TRANSPORT] = "online"
    uncertainty: Literal["logprobs", "samples", "interval", "none"] = "logprobs"
    n_samples: int = Field(5, ge=2, le=50, description="answers for each response under `uncertainty: samples`")
    structured_output: Literal["auto", "off"] = "auto"
    concurrency: Annotated[int, Mark.TRANSPORT] = Field(16, ge=1, le=512)
    requests_per_minute: Annotated[int | None, Mark.TRANSPORT] = Field(None, ge=1)
    tokens_per_minute: Annotated[int | None, Mark.TRANSPORT] = Field(None, ge=1)
    timeout_s: Annotated[float, Mark.TRANSPORT] = Field(60.0, gt=0)
    max_retries: Annotated[int, Mark.TRANSPORT] = Field(6, ge=0, le=20)
    retry_unscored: Annotated[int, Mark.TRANSPORT] = Field(
        2, ge=0, le=20, description="how often later runs ask again where no verdict came"
    )
    extra_body: Annotated[dict[str, Any], Mark.WHEN_SET] = Field(
        {}, description="more of the request's body, such as OpenRouter's `provider`"
    )
    extra_headers: Annotated[dict[str, str], Mark.TRANSPORT] = Field(
        {}, description="more headers; `{key}` in a value stands for the key"
    )
    batch_enqueued_tokens: Annotated[int | None, Mark.TRANSPORT] = Field(
        None, ge=1000, description="tokens that the account may have in batches at once; null: learned from refusals"
    )
    batch_poll_s: Annotated[float, Mark.TRANSPORT] = Field(
        30.0, gt=0, description="how often `mode: batch` asks whether a batch has ended"
    )
    max_cost_usd: Annotated[float | None, Mark.TRANSPORT] = Field(None, ge=0, description="for the whole experiment")
    prices: Annotated[Prices | None, Mark.TRANSPORT] = None

    @model_validator(mode="after")
    def _consistent(self) -> _OpenAI:
        if self.min_score >= self.max_score:
            raise ValueError(f"min_score {self.min_score} must be below max_score {self.max_score}")
        if self.max_cost_usd is not None and self.prices is None:
            raise ValueError("max_cost_usd needs prices: without them no cost is known")
        if self.uncertainty == "samples" and self.temperature == 0:
            raise ValueError("uncertainty: samples needs a temperature above 0 (or null): at 0 all answers are equal")
        if taken := sorted(_SET_ELSEWHERE & set(self.extra_body)):
            raise ValueError(f"extra_body: {', '.join(taken)} would overrule what other settings or the project decide")
        if self.api_key_env is None and self.base_url is None:
            raise ValueError("api_key_env: null is for servers of your own; OpenAI needs a key, or state base_url")
        return self


class OpenAIJudge(_OpenAI):
    """A judge behind the OpenAI API."""


JudgeConfig = Annotated[LikelihoodJudge | RubricJudge | OpenAIJudge | ImportedJudge, Field(discriminator="kind")]


class _Slice(Section):
    """Which responses are labelled: by hash of prompt_id, so more prompts extend the slice and never reshuffle it."""

    enabled: Annotated[bool, Mark.SLICE] = True
    calibration: Annotated[StrictFloat | StrictInt, Mark.SLICE] = Field(
        0.5, description="P0's responses to label: a fraction or a number"
    )
    validation: Annotated[StrictFloat | StrictInt, Mark.SLICE] = Field(
        1.0, description="each target's responses to label, likewise"
    )
    stratify: Annotated[bool, Mark.SLICE] = Field(
        False, description="spread the slice evenly over the judge's scores; needs fractions"
    )

    @property
    def slice(self) -> dict[str, Any]:
        """What determines which responses are labelled."""
        return {name: getattr(self, name) for name in _Slice.model_fields}

    @model_validator(mode="after")
    def _sizes(self) -> _Slice:
        for name in ("calibration", "validation"):
            size = getattr(self, name)
            if isinstance(size, float) and not 0 <= size <= 1:
                raise ValueError(
                    f"{name}: {size} is a fraction and must lie within 0 and 1 (write a whole number for a count)"
                )
            if size < 0:
                raise ValueError(f"{name}: {size} must not be negative")
            if isinstance(size, int) and size == 1:
                raise ValueError(f"{name}: 1 could mean one response or all of them; write 1.0 for all")
            if self.stratify and isinstance(size, int) and size:
                raise ValueError(
                    f"{name}: {size} is a number, which means the first {size} prompts of the sample; these cannot be "
                    "spread over the judge's scores. With stratify, write a fraction"
                )
        return self


class ReferenceOracle(_Slice):
    """The share of the prompt's reference points that the response contains; needs no model."""

    kind: Literal["reference"]


class FileOracle(_Slice):
    """Labels from people: a CSV, JSONL or Parquet with prompt_id, policy, label (0 to 1)."""

    kind: Literal["file"]
    path: Annotated[str, Mark.FILE]


class RubricOracle(_Slice, RubricJudge):
    """A local model with a rubric as oracle."""

    kind: Literal["rubric"]


class OpenAIOracle(_Slice, _OpenAI):
    """An expensive model behind the OpenAI API as oracle; a label is one number, so it asks for no uncertainty."""

    uncertainty: Literal["logprobs", "samples", "interval", "none"] = "none"


OracleConfig = Annotated[
    ReferenceOracle | FileOracle | RubricOracle | OpenAIOracle | ImportedOracle, Field(discriminator="kind")
]
