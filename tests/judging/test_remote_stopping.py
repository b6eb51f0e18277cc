"""What stops remote judging, and what does not: keys, faults, budgets, limits."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.config.judges import OpenAIJudge
from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.judging.remote.asking import BudgetReachedError
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import silent
from tests.judging.fault_server import Body, FaultServer, item_number
from tests.judging.remote_judge import KEY, judge, numbered, score

Serve = Callable[..., FaultServer]
PRICES = {"prompt": 1000.0, "completion": 2000.0}


@pytest.mark.parametrize(("status", "requests"), [(401, 1), (403, 2)])
def test_a_refused_key_stops_at_once_and_is_not_quoted(
    serve: Serve, tmp_path: Path, status: int, requests: int
) -> None:
    server = serve(script=lambda _: (status, {"error": {"message": f"Incorrect API key provided: {KEY}"}}))
    with pytest.raises(JudgeError, match=rf"HTTP {status}: check that OPENAI_API_KEY") as caught:
        score(judge(server), numbered(50), tmp_path)
    assert len(server.requests) == requests
    assert "Incorrect API key provided: ***" in str(caught.value)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_key_that_is_refused_later_stops_too_and_keeps_what_came(serve: Serve, tmp_path: Path) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        return (401, {"error": {"message": "revoked"}}) if item_number(body) == 20 else None

    server = serve(script=script, latency=0.02)
    with pytest.raises(JudgeError, match="HTTP 401"):
        score(judge(server, concurrency=4), numbered(200), tmp_path)
    assert 20 < len(server.requests) <= 28
    with Journal(tmp_path) as journal:
        assert len(journal) == len(server.requests) - 1  # what was under way is kept


@pytest.mark.parametrize(
    ("status", "headers", "message", "says"),
    [
        (404, {}, "no such model", "does not know the model judge-1"),
        (400, {}, "temperature does not support 0.0", "set temperature: null"),
        (429, {}, "insufficient_quota", "quota is used up"),
        (429, {"Retry-After": "900"}, "later", "asks to wait 900 s"),
    ],
)
def test_what_would_fail_every_call_stops(
    serve: Serve, tmp_path: Path, status: int, headers: dict[str, str], message: str, says: str
) -> None:
    server = serve(script=lambda _: (status, {"error": {"message": message}}, headers))
    with pytest.raises(JudgeError, match=says):
        score(judge(server, max_retries=0), numbered(40), tmp_path)
    assert len(server.requests) == 1


def test_a_faulty_item_is_failed_with_its_reason_and_alone_asked_again(serve: Serve, tmp_path: Path) -> None:
    broken = {3, 17}

    def script(body: Body) -> tuple[int, Body] | None:
        if item_number(body) in broken:
            return 400, {"error": {"message": "This model's maximum context length is 8192 tokens"}}
        return None

    server = serve(script=script)
    found = score(judge(server), numbered(30), tmp_path)
    assert [n for n, verdict in enumerate(found) if verdict.status == "failed"] == [3, 17]
    assert "HTTP 400" in (found[3].reason or "")
    assert "8192" in (found[3].reason or "")
    assert found[3].score is None
    asked = len(server.requests)
    broken.clear()
    assert {verdict.status for verdict in score(judge(server), numbered(30), tmp_path)} == {"ok"}
    assert len(server.requests) == asked + 2


def test_a_dead_server_stops_after_some_failures(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda _: (503, {"error": {"message": "down"}}))
    with pytest.raises(JudgeError, match=r"the last 20 calls .* HTTP 503"):
        score(judge(server, max_retries=0), numbered(200), tmp_path)
    assert len(server.requests) < 80


def test_nothing_listens(tmp_path: Path) -> None:
    config = judge(FaultServer(url="http://127.0.0.1:9/v1"), max_retries=0)
    found = score(config, numbered(2), tmp_path)
    assert {verdict.status for verdict in found} == {"failed"}
    assert "127.0.0.1:9/v1 cannot be reached" in (found[0].reason or "")


def test_the_budget_is_never_exceeded_and_a_higher_one_goes_on(serve: Serve, tmp_path: Path) -> None:
    server = serve(latency=0.01)
    says: list[str] = []
    config = judge(server, prices=PRICES, max_cost_usd=5.0, max_completion_tokens=20)
    with pytest.raises(BudgetReachedError, match=r"max_cost_usd of \$5\.0000 leaves no room.*Raise") as caught:
        score(config, numbered(100), tmp_path, progress=lambda *args: says.append(args[-1]))
    spent = spent_usd(UPath(tmp_path))
    assert 4.0 < spent <= 5.0
    assert f"${spent:.4f} is spent" in str(caught.value)
    assert any("spent of $5.00" in note for note in says)
    asked = len(server.requests)
    found = score(config.model_copy(update={"max_cost_usd": None}), numbered(100), tmp_path)
    assert {verdict.status for verdict in found} == {"ok"}
    assert len(server.requests) == 100
    assert asked < 100


def test_the_budget_counts_what_other_batches_spent(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    config = judge(server, prices=PRICES, max_cost_usd=5.0)
    with pytest.raises(BudgetReachedError, match=r"\$4\.9990 is spent, 0 answers"):
        score(config, numbered(3), tmp_path, spent_usd=lambda: 4.999)
    assert server.requests == []


def test_rate_limits_hold(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    score(judge(server, requests_per_minute=1200), numbered(60), tmp_path)
    span = server.times[-1] - server.times[0]
    # 20 a second after a bucket of 20: 40 requests wait for their turn.
    assert 1.9 <= span < 4
    server = serve()
    tokens = 60 * 1000
    started = time.monotonic()
    score(judge(server, tokens_per_minute=tokens, max_completion_tokens=8), numbered(15), tmp_path / "b")
    used = sum(sum(len(m["content"]) for m in body["messages"]) // 4 + 8 for body in server.requests)
    assert used / (time.monotonic() - started + 1) <= tokens / 60


def test_a_missing_key_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))
    config = OpenAIJudge(kind="openai", model="m", rubric="r", api_key_env="MY_JUDGE_KEY")
    with pytest.raises(JudgeError, match=r"set MY_JUDGE_KEY in the environment, or write MY_JUDGE_KEY=\.\.\. into"):
        OpenAIScorer(config, environment={})
    with pytest.raises(JudgeError, match="MY_JUDGE_KEY holds blanks") as caught:
        OpenAIScorer(config, environment={"MY_JUDGE_KEY": "sk two"})
    assert "sk two" not in str(caught.value)
    (tmp_path / ".env").write_text('MY_JUDGE_KEY="sk-from-file"\n')
    assert "sk-from-file" not in repr(vars(OpenAIScorer(config, environment={})))


def test_a_server_of_ones_own_may_need_no_key(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    scorer = OpenAIScorer(judge(server, api_key_env=None), environment={})
    with Journal(tmp_path) as journal:
        assert scorer.score(numbered(1), journal=journal, progress=silent)[0].status == "ok"


def test_the_key_appears_nowhere(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(body: Body) -> tuple[int, Body] | None:
        if item_number(body) % 3 == 0:
            return 400, {"error": {"message": f"Bad request with the key {KEY}"}}
        return None

    notes: list[str] = []
    with caplog.at_level(logging.DEBUG):
        found = score(judge(serve(script=script)), numbered(9), tmp_path, progress=lambda *a: notes.append(str(a)))
    assert "***" in (found[3].reason or "")
    output = capsys.readouterr()
    texts = [caplog.text, output.out, output.err, str(found), *notes]
    texts += [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert len(json.dumps(texts)) > 1000
    assert not any(KEY in text for text in texts)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"uncertainty": "samples"}, "needs a temperature above 0"),
        ({"max_cost_usd": 1.0}, "needs prices"),
        ({"min_score": 5, "max_score": 5}, "must be below"),
        ({"api_key_env": None}, "is for servers of your own"),
        ({"base_url": "localhost:1"}, "base_url"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        OpenAIJudge.model_validate({"kind": "openai", "model": "m", "rubric": "r", **options})
