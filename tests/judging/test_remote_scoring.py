"""A judge behind an API: what it asks, what it makes of the answers, what stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.config.judges import OpenAIOracle
from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.judging.protocol import Item
from arena_assets.judging.scorers import build_scorer
from arena_assets.progress import silent
from tests.judging.fault_server import Body, FaultServer, completion, item_number
from tests.judging.remote_judge import KEY, judge, numbered, score

Serve = Callable[..., FaultServer]
PRICES = {"prompt": 1000.0, "completion": 2000.0}


def answering(text: str | None, finish: str = "stop", **message: Any) -> Callable[[Body], tuple[int, Body]]:
    def script(body: Body) -> tuple[int, Body]:
        answer = completion(body, 5, text=text or "", finish=finish)
        answer["choices"][0]["message"] |= {"content": text, **message}
        return 200, answer

    return script


def test_one_call_gives_both_scores(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    found = score(judge(server, prices=PRICES), numbered(30), tmp_path)
    assert [verdict.status for verdict in found] == ["ok"] * 30
    assert [verdict.score for verdict in found] == [pytest.approx(n % 11 / 10) for n in range(30)]
    seven = found[7]
    assert seven.mean == pytest.approx(0.75, abs=1e-6)  # (0.6 * 7 + 0.3 * 8 + 0.1 * 9) / 10
    assert seven.variance == pytest.approx(0.0045, abs=1e-6)  # 0.6 * 0.05**2 + 0.3 * 0.05**2 + 0.1 * 0.15**2
    tokens = seven.prompt_tokens, seven.completion_tokens
    assert seven.cost_usd == pytest.approx((tokens[0] * 1000 + tokens[1] * 2000) / 1e6)
    assert len(server.requests) == 30
    assert server.requests[0]["response_format"]["json_schema"]["strict"] is True
    assert server.requests[0]["top_logprobs"] == 20
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_concurrency_is_used_and_bounded(serve: Serve, tmp_path: Path) -> None:
    server = serve(latency=0.05)
    score(judge(server, concurrency=5), numbered(31), tmp_path)
    assert server.most_at_once == 5


def test_a_second_run_asks_nothing_a_changed_rubric_everything(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    first = score(judge(server), numbered(8), tmp_path)
    assert score(judge(server, concurrency=2, max_retries=1, timeout_s=9), numbered(8), tmp_path) == first
    assert len(server.requests) == 8
    score(judge(server), numbered(10), tmp_path)
    assert len(server.requests) == 10
    for change in ({"rubric": "Is it kind?"}, {"model": "judge-2"}, {"temperature": 0.5}, {"max_score": 9}):
        before = len(server.requests)
        score(judge(server, **change), numbered(8), tmp_path)
        assert len(server.requests) == before + 8, change


def test_what_is_made_afresh_is_asked_and_paid_for_again_and_counts_from_then_on(serve: Serve, tmp_path: Path) -> None:
    answers = iter(["no verdict", "still none", "Score: 3", "Score: 8"])
    server = serve(script=lambda body: (200, completion(body, 0, text=next(answers))))
    config = judge(server, prices=PRICES, uncertainty="none", max_retries=0, retry_unscored=1)
    for status in ("unscored", "unscored"):  # asked a second time, by the rule for answers without a verdict
        (found,) = score(config, numbered(1), tmp_path)
        assert found.status == status
    one = spent_usd(UPath(tmp_path)) / 2
    for value, paid in ((0.3, 3), (0.8, 4)):
        (found,) = score(config, numbered(1), tmp_path, afresh=True)
        assert (found.score, len(server.requests)) == (value, paid)
        assert score(config, numbered(1), tmp_path) == [found]
        assert spent_usd(UPath(tmp_path)) == pytest.approx(paid * one)


def test_equal_responses_are_asked_and_paid_for_once(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    items = [
        Item("p1", "P0", "Q", "item 4"),
        Item("p1", "pi_clone", "Q", "item 4"),
        Item("p1", "pi_bad", "Q", "item 5"),
    ]
    first, clone, other = score(judge(server, prices=PRICES), items, tmp_path)
    assert len(server.requests) == 2
    assert first.score == clone.score == 0.4
    assert (clone.prompt_tokens, clone.completion_tokens, clone.cost_usd) == (0, 0, 0.0)
    total = (first.cost_usd or 0) + (other.cost_usd or 0)
    assert spent_usd(UPath(tmp_path)) == pytest.approx(total)


def test_samples_give_mean_and_variance_over_answers(serve: Serve, tmp_path: Path) -> None:
    draws = iter([2, 4, 9, 5, 5, 5])

    def script(body: Body) -> tuple[int, Body]:
        return 200, completion(body, next(draws))

    server = serve(script=script)
    options: dict[str, Any] = {"uncertainty": "samples", "temperature": 1.0, "concurrency": 1}
    (found,) = score(judge(server, n_samples=3, **options), numbered(1), tmp_path)
    assert (found.score, found.mean) == (0.2, pytest.approx(0.5))
    assert found.variance == pytest.approx(0.13)  # (0.3**2 + 0.1**2 + 0.4**2) / 2
    assert "logprobs" not in server.requests[0]
    score(judge(server, n_samples=5, **options), numbered(1), tmp_path)
    assert len(server.requests) == 5  # three were known


def test_interval_gives_its_normal_variance(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    (found,) = score(judge(server, uncertainty="interval"), numbered(1, 5), tmp_path)
    assert (found.score, found.mean) == (0.5, 0.5)
    assert found.variance == pytest.approx((0.2 / 3.919928) ** 2)
    assert "logprobs" not in server.requests[0]


def test_an_oracle_asks_for_no_uncertainty_and_no_temperature_where_null(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    options = {"kind": "openai", "model": "o", "rubric": "r", "base_url": server.url, "temperature": None}
    config = OpenAIOracle.model_validate(options)
    with Journal(tmp_path) as journal:
        scorer = build_scorer(config, environment={"OPENAI_API_KEY": KEY})
        (found,) = scorer.score(numbered(1, 3), journal=journal, progress=silent)
    assert (found.score, found.mean, found.variance) == (0.3, None, None)
    assert not {"logprobs", "temperature"} & set(server.requests[0])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answering(None, refusal="I cannot judge this."), "refused: I cannot judge this"),
        (answering("", "content_filter"), "refused: filtered"),
        (answering("  "), "the answer is empty"),
        (answering("", "length"), "cut at max_completion_tokens"),
        (answering('{"score": 12}'), "off the scale"),
        (answering("What a nice text"), "no verdict"),
    ],
)
def test_no_verdict_is_unscored_never_zero_and_asked_again_by_later_runs(
    serve: Serve, tmp_path: Path, script: Any, reason: str
) -> None:
    server = serve(script=script)
    config = judge(server, prices=PRICES, retry_unscored=1)
    (first,) = score(config, numbered(1), tmp_path)
    assert (first.status, first.score, first.mean, first.variance) == ("unscored", None, None, None)
    assert reason in (first.reason or "")
    assert (first.cost_usd or 0) > 0
    asked = len(server.requests)
    (second,) = score(config, numbered(1), tmp_path)
    assert (second.status, second.reason) == (first.status, f"{first.reason} (asked 2 times)")
    assert second.cost_usd == pytest.approx(2 * (first.cost_usd or 0))
    assert spent_usd(UPath(tmp_path)) == pytest.approx(second.cost_usd)
    assert len(server.requests) == 2 * asked
    assert score(config, numbered(1), tmp_path) == [second]
    assert len(server.requests) == 2 * asked


def test_a_server_without_structured_outputs_is_recognised_once(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        if "response_format" in body:
            return 500, {
                "error": {"message": "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}]"}
            }
        return 200, completion(body, 7, text="I judge.\nScore: 7")

    server = serve(script=script)
    with caplog.at_level(logging.WARNING):
        found = score(judge(server), numbered(20), tmp_path)
    assert {verdict.score for verdict in found} == {0.7}
    assert sum("response_format" in body for body in server.requests) == 1
    assert len(server.requests) == 21
    assert [record.message for record in caplog.records if "structured" in record.message] == [
        f"{server.url}: the server knows no structured outputs; answers are read by the parser"
    ]


def test_a_server_that_fails_on_a_schema_without_naming_it(serve: Serve, tmp_path: Path) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        return (500, {"error": {"message": "internal error"}}) if "response_format" in body else None

    server = serve(script=script)
    assert {verdict.status for verdict in score(judge(server, max_retries=0), numbered(9), tmp_path)} == {"ok"}
    assert len(server.requests) == 10


def test_a_first_item_that_fails_leaves_the_others_their_schema(serve: Serve, tmp_path: Path) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        return (500, {"error": {"message": "internal error"}}) if item_number(body) == 0 else None

    server = serve(script=script)
    found = score(judge(server, max_retries=0), numbered(9), tmp_path)
    assert [verdict.status for verdict in found] == ["failed"] + ["ok"] * 8
    assert all("response_format" in body for body in server.requests[2:])


def test_structured_output_off_never_asks_for_it(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    score(judge(server, structured_output="off"), numbered(2), tmp_path)
    assert not any("response_format" in body for body in server.requests)


def test_the_name_of_the_token_limit_is_found_out(serve: Serve, tmp_path: Path) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        if "max_tokens" in body:
            return 400, {"error": {"message": "Unsupported parameter: use 'max_completion_tokens' instead."}}
        return None

    server = serve(script=script)
    assert [one.status for one in score(judge(server), numbered(3), tmp_path)] == ["ok"] * 3
    assert len(server.requests) == 4


@pytest.mark.parametrize("how", ["error", "silent"])
def test_a_model_without_probabilities_is_said(serve: Serve, tmp_path: Path, how: str) -> None:
    def script(body: Body) -> tuple[int, Body]:
        if how == "error":
            return 403, {"error": {"message": "You are not allowed to request logprobs from this model"}}
        return 200, completion(body | {"logprobs": None}, 3)

    with pytest.raises(JudgeError, match=r"no token probabilities.*Set uncertainty: samples or interval"):
        score(judge(serve(script=script)), numbered(5), tmp_path)
