"""A chat completion as servers send it: what is read of it, in the shapes that compatible servers give it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from arena_assets.judging.remote.distribution import Token

_SHOWN = 300


class MalformedError(ValueError):
    """A body that is no chat completion; asking again may help."""


class ServerError(Exception):
    """An error within a body of HTTP 200. status: its code where it is one of HTTP's."""

    def __init__(self, words: str, status: int | None) -> None:
        super().__init__(words)
        self.status = status


def _text_of_parts(content: Any) -> Any:
    """A list of parts as the text that it shows: parts of thinking are none of it (Mistral's reasoning models)."""
    if not isinstance(content, list):
        return content
    texts = [
        part if isinstance(part, str) else part.get("text")
        for part in content
        if isinstance(part, str) or (isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"))
    ]
    return "".join(text for text in texts if isinstance(text, str))


def _or(empty: Any) -> BeforeValidator:
    """Null where the protocol has something, as LiteLLM and Gemini send it."""
    return BeforeValidator(lambda value: empty() if value is None else value)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Alternative(_Part):
    token: str
    logprob: Annotated[float, _or(lambda: -math.inf)]


class _TokenLogprob(_Alternative):
    top_logprobs: Annotated[list[_Alternative], _or(list)] = []


class _Logprobs(_Part):
    content: list[_TokenLogprob] | None = None


class _Message(_Part):
    content: Annotated[str | None, BeforeValidator(_text_of_parts)] = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(_Part):
    message: Annotated[_Message, _or(_Message)] = _Message()
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None
    error: Any = None


class _Usage(_Part):
    prompt_tokens: Annotated[int, _or(int)] = Field(0, ge=0)
    completion_tokens: Annotated[int, _or(int)] = Field(0, ge=0)


class Completion(_Part):
    """A chat completion, as far as it is read."""

    choices: list[_Choice] = Field(min_length=1)
    model: Annotated[str, _or(str)] = ""
    usage: _Usage | None = None

    @property
    def text(self) -> str | None:
        return self.choices[0].message.content

    @property
    def thinking(self) -> str | None:
        """What came in a field of its own, which no verdict is read from."""
        message = self.choices[0].message
        return next((field for field in (message.reasoning_content, message.reasoning) if isinstance(field, str)), None)

    @property
    def finish(self) -> str | None:
        return self.choices[0].finish_reason

    @property
    def refusal(self) -> str | None:
        """The refusal in its own words, or that a filter withheld the answer (Gemini adds which)."""
        filtered = re.search(
            r"content_?filter|safety|prohibited|blocklist|recitation", self.finish or "", re.IGNORECASE
        )
        return self.choices[0].message.refusal or ("filtered" if filtered else None)

    def tokens(self) -> list[Token] | None:
        """The answer's tokens with their probabilities; None where the server sent none."""
        logprobs = self.choices[0].logprobs
        if logprobs is None or not logprobs.content:
            return None
        # The token itself is listed even where it was an unlikely draw.
        return [
            Token.of(one.token, {one.token: one.logprob} | {other.token: other.logprob for other in one.top_logprobs})
            for one in logprobs.content
        ]


def read_completion(raw: str | bytes | dict[str, Any]) -> Completion:
    """A body as a completion.

    Raises:
        MalformedError: it is none; the text quotes what came instead. ServerError: it holds an error.
    """
    body: Any = raw
    if isinstance(raw, str | bytes):
        try:
            body = json.loads(raw)
        except ValueError:
            raise MalformedError(f"no JSON but {server_words(raw)!r}") from None
    _raise_error(body)
    try:
        return Completion.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise MalformedError(f"{where}: {first['msg']}, in {server_words(json.dumps(body))!r}") from None


def _raise_error(body: Any) -> None:
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, dict):
        return
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = body.get("error") or choice.get("error")
    if body.get("object") == "error":
        error = body
    if not error and choice.get("finish_reason") == "error":
        error = "the provider ended the answer with an error"
    if error:
        code = error.get("code") if isinstance(error, dict) else None
        status = int(str(code)) if re.fullmatch(r"[45]\d\d", str(code)) else None
        raise ServerError(server_words(json.dumps({"error": error})), status)


def server_words(raw: str | bytes) -> str:
    """What a server says in an error's body: its message, the words of the provider behind it, or its page's text."""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    try:
        found = _messages(json.loads(text))
    except ValueError:
        page = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", text) if "<" in text else text
        found = [page if page.strip() else text]
    words = " ".join(dict.fromkeys(" ".join(part.split()) for part in found if part.strip())) or text
    return " ".join(words.split())[:_SHOWN]


def _messages(body: Any) -> list[str]:
    if isinstance(body, str):
        return [body]
    if isinstance(body, Sequence):
        return [words for part in body for words in _messages(part)]
    if not isinstance(body, dict):
        return []
    told = ("error", "message", "msg", "detail", "loc", "metadata", "raw", "reasons")
    found = [words for name in told if name in body for words in _messages(body[name])]
    # Azure and OpenAI say in a code alone that a filter refused.
    code = body.get("code")
    return [*found, code] if isinstance(code, str) and not code.isdigit() and found else found
