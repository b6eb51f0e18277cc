"""Servers that speak OpenAI's protocol with an accent: each row behaves as one of them does, and is understood."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arena_assets.errors import JudgeError
from tests.judging.accents import UNDERSTOOD, Row, error, refusing
from tests.judging.fault_server import Body, FaultServer, completion, item_number
from tests.judging.remote_judge import judge, numbered, score

Serve = Callable[..., FaultServer]
N = 25


@pytest.mark.parametrize("row", UNDERSTOOD, ids=lambda row: row.name)
def test_a_server_is_understood_after_the_first_calls(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, row: Row
) -> None:
    def script(request: Body) -> tuple[int, Any]:
        return row.script(request) or (200, completion(request, 7))

    server = serve(script=script)
    with caplog.at_level(logging.WARNING):
        found = score(judge(server, max_retries=0, **row.options), numbered(N), tmp_path)
    assert {(verdict.status, verdict.score) for verdict in found} == {("ok", 0.7)}
    assert len(server.requests) == N + row.wasted
    assert row.last(server.requests[-1])
    assert len([record for record in caplog.records if server.url in record.message]) == row.wasted


MISTRALS = {"detail": [{"loc": ["body", "logprobs"], "msg": "Extra inputs are not permitted"}]}
WITHOUT_PROBABILITIES = {
    "LiteLLM": (400, error("does not support parameters: ['logprobs', 'top_logprobs']")),
    "OpenAI": (403, error("You are not allowed to request logprobs from this model")),
    "Gemini": (400, [error("Logprobs is not enabled for models/gemini-x")]),
    "Mistral": (422, MISTRALS),
    "llama-cpp-python": (500, error("logprobs is not supported for models created with logits_all=False")),
    "OpenRouter, in a 200": (200, error("logprobs are not supported", code=400)),
}


@pytest.mark.parametrize(("status", "body"), WITHOUT_PROBABILITIES.values(), ids=WITHOUT_PROBABILITIES)
def test_a_model_without_probabilities_is_said_at_the_first_call(
    serve: Serve, tmp_path: Path, status: int, body: Any
) -> None:
    server = serve(script=refusing(lambda b: "logprobs" in b, status, body))
    with pytest.raises(JudgeError, match=r"no token probabilities\. Set uncertainty.*the server says: .*(?i:logprobs)"):
        score(judge(server, max_retries=0), numbered(N), tmp_path)
    assert len(server.requests) == 1


def test_a_name_in_a_complaint_is_no_lesson_where_it_was_not_sent(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda _: (400, error("Cannot answer 'what are logprobs and temperature?'")))
    config = judge(server, max_retries=0, uncertainty="none", temperature=None)
    (found,) = score(config, numbered(1), tmp_path)
    assert found.status == "failed"
    assert "what are logprobs" in (found.reason or "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, error("'max_tokens' or 'max_completion_tokens' is too large: 64. The maximum context length is 2048")),
        (
            400,
            error("The prompt triggered the content management policy: temperature, logprobs", code="content_filter"),
        ),
        (403, error("Input flagged by moderation: system message not allowed")),
    ],
)
def test_what_is_said_of_an_item_teaches_nothing(serve: Serve, tmp_path: Path, status: int, body: Any) -> None:
    server = serve(script=lambda b: (status, body) if item_number(b) == 0 else None)
    found = score(judge(server), numbered(5), tmp_path)
    assert [verdict.status for verdict in found] == ["failed"] + ["ok"] * 4
    assert {len(b["messages"]) for b in server.requests} == {2}
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, error("Rate limit exceeded: free-models-per-day", code=429), "Rate limit exceeded: free-models-per-day"),
        (200, error("Provider returned error", code=502, metadata={"raw": "upstream is asleep"}), "upstream is asleep"),
        (200, {"choices": [{"error": {"code": 502, "message": "cut off upstream"}}]}, "cut off upstream"),
        (200, "<html><title>x</title><body>Bad gateway of ACME</body></html>", "Bad gateway of ACME"),
        (200, {"choices": [], "detail": "no worker"}, "no worker"),
        (400, {"detail": [{"loc": ["body", "seed"], "msg": "Field required"}]}, "Field required"),
        (400, {"error": "model is loading"}, "model is loading"),
        (500, [error("INTERNAL trouble at Gemini")], "INTERNAL trouble at Gemini"),
        (503, "plain words", "plain words"),
    ],
)
def test_the_servers_own_words_reach_the_person(
    serve: Serve, tmp_path: Path, status: int, body: Any, says: str
) -> None:
    server = serve(script=lambda _: (status, body))
    found = score(judge(server, max_retries=0), numbered(2), tmp_path)
    assert [verdict.status for verdict in found] == ["failed"] * 2
    assert all(says in (verdict.reason or "") for verdict in found)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (402, error("Insufficient credits"), "no credit.*Insufficient credits"),
        (200, error("Insufficient credits", code=402), "no credit.*Insufficient credits"),
        (200, error("No auth credentials found", code=401), "refused the key.*No auth credentials found"),
        (404, error('model "judge-1" not found, try pulling it first'), "try pulling it first"),
    ],
)
def test_what_would_fail_every_call_stops_in_any_dress(
    serve: Serve, tmp_path: Path, status: int, body: Any, says: str
) -> None:
    server = serve(script=lambda _: (status, body))
    with pytest.raises(JudgeError, match=says):
        score(judge(server), numbered(N), tmp_path)
    assert len(server.requests) == 1


def test_an_error_in_a_200_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    errors = iter([error("busy", code=503), error("busy")])
    server = serve(script=lambda b: (200, next(errors, None) or completion(b, 7)))
    found = score(judge(server, max_retries=3), numbered(3), tmp_path)
    assert [verdict.score for verdict in found] == [0.7] * 3
    assert len(server.requests) == 5


def test_a_later_provider_that_understands_less_teaches_too(serve: Serve, tmp_path: Path) -> None:
    asked: list[Body] = []

    def script(request: Body) -> tuple[int, Body]:
        asked.append(request)
        if len(asked) > 5 and "response_format" in request:
            return 400, error("response_format is not supported by this provider")
        return 200, completion(request, 7)

    found = score(judge(serve(script=script), concurrency=1), numbered(N), tmp_path)
    assert {verdict.status for verdict in found} == {"ok"}
    assert len(asked) == N + 1


def test_azure_takes_its_version_and_key_where_it_wants_them(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    config = judge(server, extra_headers={"api-key": "{key}", "x-ms-client": "arena"}).model_copy(
        update={"base_url": f"{server.url}?api-version=2024-10-21"}
    )
    (found,) = score(config, numbered(1, 7), tmp_path)
    assert found.score == 0.7
    assert server.paths == ["/v1/chat/completions?api-version=2024-10-21"]
    assert server.headers[0]["api-key"].startswith("sk-test-")
    assert server.headers[0]["x-ms-client"] == "arena"


def test_openrouter_takes_its_provider_and_another_provider_is_another_question(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    config = judge(server, extra_body={"provider": {"order": ["a"]}})
    score(config, numbered(2), tmp_path)
    assert server.requests[-1]["provider"] == {"order": ["a"]}
    score(config, numbered(2), tmp_path)
    assert len(server.requests) == 2
    score(judge(server, extra_body={"provider": {"order": ["b"]}}), numbered(2), tmp_path)
    assert len(server.requests) == 4


def test_extra_body_overrules_no_other_setting(serve: Serve) -> None:
    with pytest.raises(ValueError, match="extra_body: messages, temperature would overrule"):
        judge(serve(), extra_body={"temperature": 1, "messages": []})
