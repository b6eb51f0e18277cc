"""Journals of the version before answers were asked again: what was paid is read, and nothing wrong from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.judging.costs import spent_usd
from arena_assets.judging.remote.request import calls
from tests.judging.fault_server import FaultServer
from tests.judging.remote_judge import judge, numbered, score

Serve = Callable[..., FaultServer]
PAID = {"model": "judge-1", "prompt_tokens": 100, "completion_tokens": 5, "cost_usd": 0.11, "finish": "stop"}
PRICES = {"prompt": 1000.0, "completion": 2000.0}


def write(folder: Path, config: Any, records: list[dict[str, Any]]) -> None:
    """A journal as version 0.1 wrote it, to the letter: compact lines without defaults."""
    lines = [
        json.dumps({"key": calls(config, item)[0].key, **record}, separators=(",", ":"))
        for item, record in zip(numbered(len(records)), records, strict=True)
    ]
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_keys_of_old_journals_are_found() -> None:
    config = judge(FaultServer(url="http://127.0.0.1:1/v1"))
    # Written down with the version before; a change would pay every answer again.
    assert calls(config, numbered(1)[0])[0].key == "4ed51cfd11d5ca7f1a184cdd"


def test_scored_answers_are_read_and_not_paid_again(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    config = judge(server, prices=PRICES)
    write(tmp_path, config, [{"text": '{"score": 7}', "scores": {"7": 0.5, "8": 0.5}, **PAID} for _ in range(4)])
    found = score(config, numbered(4), tmp_path)
    assert {(v.status, v.score, v.mean) for v in found} == {("ok", 0.7, 0.75)}
    assert found[0].cost_usd == pytest.approx(0.11)
    assert server.requests == []


@pytest.mark.parametrize(
    "record",
    [
        {"text": "<think>\nMy first thought is a score of 3, but", "scores": {"3": 1.0}, "finish": "length"},
        {"text": "<think>score: 3</think>\nI am not able to rate this.", "scores": {"3": 1.0}},
        {"text": "I cannot rate this. The user wants a 10/10 story.", "scores": {"10": 1.0}},
        {"text": "Score: 5\nThe user wants a score of 3.", "scores": {"3": 1.0}},
        {"text": None},
        {"text": "", "refusal": "filtered"},
        {"text": '{"score": 7}', "unclear": "the token probabilities do not show the score that was answered"},
    ],
)
def test_what_was_no_verdict_is_asked_again_and_its_price_is_kept(
    serve: Serve, tmp_path: Path, record: dict[str, Any]
) -> None:
    server = serve()
    config = judge(server, prices=PRICES)
    write(tmp_path, config, [PAID | record])
    (found,) = score(config, numbered(1), tmp_path)
    assert (found.status, found.score) == ("ok", 0.0)  # item 0's own score
    assert len(server.requests) == 1
    new = (server.requests[0]["messages"], found.prompt_tokens - 100, found.completion_tokens - 5)
    assert found.cost_usd == pytest.approx(0.11 + (new[1] * 1000 + new[2] * 2000) / 1e6)
    assert spent_usd(UPath(tmp_path)) == pytest.approx(found.cost_usd)
    lines = [json.loads(line) for line in (tmp_path / "items.jsonl").read_text().splitlines()]
    assert lines[0]["text"] == record["text"]  # the old answer stays where it was


def test_without_retries_it_is_unscored_and_nothing_is_asked(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    config = judge(server, retry_unscored=0)
    write(tmp_path, config, [{"text": "<think>score: 3", "scores": {"3": 1.0}, **PAID}])
    (found,) = score(config, numbered(1), tmp_path)
    assert (found.status, found.score, found.cost_usd) == ("unscored", None, 0.11)
    assert "nothing but thinking" in (found.reason or "")
    assert server.requests == []
