"""The body of a call in what its server understands, and the key under which its answer is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arena_assets.ids import content_key
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.capabilities import Capabilities
from arena_assets.judging.remote.prompt import Messages, RemoteConfig, messages, schema

OPENAI_URL = "https://api.openai.com/v1"

_PROBE_TEXT = "Please answer with the word: hello"
_PROBE_TOKENS = 16


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


def calls(config: RemoteConfig, item: Item) -> list[Call]:
    """The answers that score `item`: one, or n_samples of them.

    The key leaves out what changes no answer (speed, prices) and what is found out only by calling (capabilities), so
    that a finished batch is known as finished without a call. Samples are numbered: a larger n_samples adds to them.
    """
    texts = messages(config, item)
    samples = config.n_samples if config.uncertainty == "samples" else 1
    shared: dict[str, Any] = {
        "url": url(config),
        "model": config.model,
        "messages": texts,
        "temperature": config.temperature,
        "limit": config.max_completion_tokens,
        "uncertainty": config.uncertainty,
        "structured": config.structured_output,
        "scale": [config.min_score, config.max_score],
    }
    if config.extra_body:  # absent where empty: answers of versions without it are found
        shared["extra_body"] = config.extra_body
    return [Call(content_key(**shared, sample=sample), texts) for sample in range(samples)]


def body(config: RemoteConfig, call: Call, known: Capabilities) -> dict[str, Any]:
    """The JSON body of a chat completion request."""
    parameters: dict[str, Any] = {
        "model": config.model,
        "messages": call.messages if known.system_role else _as_one(call.messages),
        known.limit_name: config.max_completion_tokens,
    }
    if config.temperature is not None:
        parameters["temperature"] = config.temperature
    if config.uncertainty == "logprobs":
        parameters |= {"logprobs": True, "top_logprobs": known.top_logprobs}
    if known.structured != "none":
        parameters["response_format"] = schema(config) if known.structured == "schema" else {"type": "json_object"}
    return parameters | config.extra_body


def probe_body(config: RemoteConfig, known: Capabilities) -> dict[str, Any]:
    """A request without a word of the experiment's: whether the key is good, at the price of some tokens."""
    asked = [{"role": "user", "content": _PROBE_TEXT}]
    return {"model": config.model, "messages": asked, known.limit_name: _PROBE_TOKENS} | config.extra_body


def _as_one(texts: Messages) -> Messages:
    return [{"role": "user", "content": "\n\n".join(message["content"] for message in texts)}]
