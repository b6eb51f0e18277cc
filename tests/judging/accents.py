"""OpenAI's protocol as servers speak it: each row behaves as one of them does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.judging.fault_server import Body, completion

Script = Callable[[Body], tuple[int, Any] | None]


def refusing(condition: Callable[[Body], Any], status: int, body: Any) -> Script:
    """A server that answers as usual where `condition` does not hold of the request."""
    return lambda request: (status, body) if condition(request) else None


def error(message: str, **more: Any) -> Body:
    return {"error": {"message": message, **more}}


def changed(change: Callable[[Body], Any]) -> Script:
    """A server whose completions are changed in place by `change`."""

    def script(request: Body) -> tuple[int, Body]:
        answer = completion(request, 7)
        change(answer)
        return 200, answer

    return script


def choice(answer: Body) -> Body:
    found: Body = answer["choices"][0]
    return found


def as_object(request: Body) -> bool:
    return bool(request.get("response_format", {}).get("type") == "json_schema")


NO_ENUM = "Invalid value at 'generation_config.response_schema.properties[0].value.enum[0]' (TYPE_STRING), 0"
EXTRA = {"type": "extra_forbidden", "loc": ["body", "max_tokens"], "msg": "Extra inputs are not permitted"}
THOUGHT = {"token": '{"score": 3}', "logprob": -0.1, "top_logprobs": []}


@dataclass(frozen=True)
class Row:
    """wasted: requests that only taught something. last: what the last request must have held."""

    name: str
    script: Script
    options: dict[str, Any] = field(default_factory=dict)
    wasted: int = 0
    last: Callable[[Body], Any] = bool


UNDERSTOOD = [
    Row(
        "vLLM --max-logprobs 5",
        refusing(
            lambda b: b.get("top_logprobs", 0) > 5,
            400,
            {
                "object": "error",
                "message": "Requested sample logprobs of 20, which is greater than max allowed: 5",
                "code": 400,
            },
        ),
        wasted=1,
        last=lambda b: b["top_logprobs"] == 5,
    ),
    Row(
        "vLLM, error of later versions",
        refusing(
            lambda b: b.get("top_logprobs", 0) > 8,
            400,
            error("Requested sample logprobs of 20, which is greater than max allowed: 8", type="BadRequestError"),
        ),
        wasted=1,
        last=lambda b: b["top_logprobs"] == 8,
    ),
    Row(
        "Gemini: logprobs in a range",
        refusing(
            lambda b: b.get("top_logprobs", 0) > 19,
            400,
            [error("Invalid value for logprobs: must be in the range [0, 20), at most 19", code=400)],
        ),
        wasted=1,
        last=lambda b: b["top_logprobs"] == 19,
    ),
    Row(
        "top_logprobs, without saying how many",
        refusing(lambda b: b.get("top_logprobs", 0) > 5, 422, error("top_logprobs is too large")),
        wasted=1,
        last=lambda b: b["top_logprobs"] == 5,
    ),
    Row(
        "LiteLLM: top_logprobs null",
        changed(lambda a: [token.update(top_logprobs=None) for token in choice(a)["logprobs"]["content"]]),
    ),
    Row(
        "llama-server: logprob null of what cannot be",
        changed(lambda a: choice(a)["logprobs"]["content"][-1]["top_logprobs"].append({"token": "x", "logprob": None})),
    ),
    Row(
        "Gemini: no enumeration of numbers",
        refusing(
            lambda b: "response_format" in b,
            400,
            [error(NO_ENUM)],
        ),
        wasted=1,
        last=lambda b: "response_format" not in b,
    ),
    Row(
        "llama-cpp-python: a list of literals is no offer",
        refusing(
            as_object,
            500,
            error("[{'loc': ('body', 'response_format', 'type'), 'msg': \"Input should be 'text' or 'json_object'\"}]"),
        ),
        wasted=1,
        last=lambda b: "response_format" not in b,
    ),
    Row(
        "Groq: objects and no schema",
        refusing(as_object, 400, error("This model does not support response format `json_schema`; use json_object")),
        wasted=1,
        last=lambda b: b["response_format"] == {"type": "json_object"},
    ),
    Row(
        "DeepSeek: neither, said twice",
        refusing(lambda b: "response_format" in b, 400, error("response_format must be text or json_object")),
        wasted=2,
        last=lambda b: "response_format" not in b,
    ),
    Row(
        "OpenRouter: no provider for the parameters",
        refusing(
            lambda b: "response_format" in b,
            404,
            error("No endpoints found that can handle the requested parameters.", code=404),
        ),
        wasted=1,
        last=lambda b: "response_format" not in b,
    ),
    Row(
        "Ollama: grammar, as an error of its own",
        refusing(lambda b: "response_format" in b, 500, {"error": "failed to parse grammar"}),
        wasted=1,
        last=lambda b: "response_format" not in b,
    ),
    Row(
        "Azure's reasoning models: max_completion_tokens",
        refusing(
            lambda b: "max_tokens" in b,
            400,
            error("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
        ),
        wasted=1,
        last=lambda b: "max_completion_tokens" in b,
    ),
    Row(
        "Mistral: each field that it does not know",
        refusing(
            lambda b: "max_tokens" in b,
            422,
            {"detail": [EXTRA]},
        ),
        wasted=1,
        last=lambda b: "max_completion_tokens" in b,
    ),
    Row(
        "vLLM with Gemma: no system message",
        refusing(lambda b: b["messages"][0]["role"] == "system", 400, error("System role not supported")),
        wasted=1,
        last=lambda b: len(b["messages"]) == 1 and "Is it right?" in b["messages"][0]["content"],
    ),
    Row(
        "two lessons",
        lambda b: (
            (400, error("max_tokens is unsupported"))
            if "max_tokens" in b
            else (400, error("json_schema is not supported"))
            if "response_format" in b
            else None
        ),
        wasted=2,
        last=lambda b: "max_completion_tokens" in b and "response_format" not in b,
    ),
    Row(
        "Mistral's reasoning models: content as parts",
        changed(
            lambda a: choice(a)["message"].update(
                content=[
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Score: 3"}]},
                    {"type": "text", "text": '{"score": 7}'},
                ]
            )
        ),
    ),
    Row(
        "vLLM --reasoning-parser: thinking in a field of its own, with its tokens",
        changed(
            lambda a: (
                choice(a)["message"].update(reasoning_content='{"score": 3}'),
                choice(a)["logprobs"]["content"].insert(0, THOUGHT),
            )
        ),
    ),
    Row(
        "raw pieces of a byte-level vocabulary",
        changed(
            lambda a: [
                token.update(token=token["token"].replace(" ", "Ġ"))
                for token in choice(a)["logprobs"]["content"]
            ]
        ),
    ),
    Row("LiteLLM: usage null", changed(lambda a: a.update(usage=None, model=None))),
    Row("Gemini: tokens null", changed(lambda a: a.update(usage={"prompt_tokens": 9, "completion_tokens": None}))),
]  # fmt: skip
