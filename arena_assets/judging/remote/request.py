"""The body of a call, what the server turned out to understand of it, and the key under which its answer is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_assets.ids import content_key
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.prompt import Messages, RemoteConfig, messages, schema

OPENAI_URL = "https://api.openai.com/v1"
TOP_LOGPROBS = 20  # the most that OpenAI lists


@dataclass(frozen=True)
class Dialect:
    """What a server understands; found out once, with the first call."""

    structured: bool
    limit_name: str
    top_logprobs: int = TOP_LOGPROBS


@dataclass(frozen=True)
class Call:
    """One answer to ask for: the messages, and the key of everything that determines it."""

    key: str
    messages: Messages

    @property
    def characters(self) -> int:
        return sum(len(message["content"]) for message in self.messages)


def url(config: RemoteConfig) -> str:
    return config.base_url or OPENAI_URL


def first_dialect(config: RemoteConfig) -> Dialect:
    """What to try first. Only OpenAI's newer models insist on max_completion_tokens; other servers may ignore it."""
    limit_name = "max_tokens" if config.base_url else "max_completion_tokens"
    return Dialect(structured=config.structured_output == "auto", limit_name=limit_name)


def narrowed(dialect: Dialect, complaint: str) -> tuple[Dialect, str] | None:
    """The dialect without what a server's error complains of, and what that was; None where it names nothing known."""
    if dialect.structured and any(word in complaint for word in ("response_format", "json_schema", "structured")):
        plain = Dialect(False, dialect.limit_name, dialect.top_logprobs)
        return plain, "the server knows no structured outputs; answers are read by the parser"
    if dialect.limit_name == "max_tokens" and "max_completion_tokens" in complaint:
        return Dialect(dialect.structured, "max_completion_tokens", dialect.top_logprobs), (
            "the server wants max_completion_tokens"
        )
    if dialect.top_logprobs > 5 and "top_logprobs" in complaint:
        return Dialect(dialect.structured, dialect.limit_name, 5), "the server lists 5 token probabilities, not 20"
    return None


def calls(config: RemoteConfig, item: Item) -> list[Call]:
    """The answers that score `item`: one, or n_samples of them.

    The key leaves out what changes no answer (speed, prices) and what is found out only by calling (the dialect), so
    that a finished batch is known as finished without a call. Samples are numbered: a larger n_samples adds to them.
    """
    texts = messages(config, item)
    samples = config.n_samples if config.uncertainty == "samples" else 1
    shared = {
        "url": url(config),
        "model": config.model,
        "messages": texts,
        "temperature": config.temperature,
        "limit": config.max_completion_tokens,
        "uncertainty": config.uncertainty,
        "structured": config.structured_output,
        "scale": [config.min_score, config.max_score],
    }
    return [Call(content_key(**shared, sample=sample), texts) for sample in range(samples)]


def body(config: RemoteConfig, call: Call, dialect: Dialect) -> dict[str, Any]:
    """The JSON body of a chat completion request."""
    parameters: dict[str, Any] = {
        "model": config.model,
        "messages": call.messages,
        dialect.limit_name: config.max_completion_tokens,
    }
    if config.temperature is not None:
        parameters["temperature"] = config.temperature
    if config.uncertainty == "logprobs":
        parameters |= {"logprobs": True, "top_logprobs": dialect.top_logprobs}
    if dialect.structured:
        parameters["response_format"] = schema(config)
    return parameters
