"""The Batch API: half the price, resumed after a restart, partial results kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.config.judges import OpenAIJudge
from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.judging.protocol import Item
from arena_assets.judging.remote.answer import load_answer
from arena_assets.judging.remote.asking import BudgetReachedError
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import silent
from tests.judging.fault_server import FaultServer, completion
from tests.judging.remote_judge import KEY, judge, numbered, score

Serve = Callable[..., FaultServer]
PRICES = {"prompt": 1000.0, "completion": 2000.0}


def batch_judge(server: FaultServer, **options: Any) -> OpenAIJudge:
    return judge(server, mode="batch", batch_poll_s=0.05, prices=PRICES, **options)


def test_a_batch_scores_all_at_half_the_price(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=3)
    notes: list[str] = []
    found = score(batch_judge(server), numbered(40), tmp_path, progress=lambda *a: notes.append(a[-1]))
    assert [verdict.score for verdict in found] == [pytest.approx(n % 11 / 10) for n in range(40)]
    assert found[7].mean == pytest.approx(0.75, abs=1e-6)
    full = (found[7].prompt_tokens * 1000 + found[7].completion_tokens * 2000) / 1e6
    assert found[7].cost_usd == pytest.approx(full / 2)
    # One call online shows what the server understands; the rest is one batch.
    assert (len(server.requests), len(server.batches)) == (1, 1)
    assert any("batch_0 is in_progress" in note for note in notes)
    assert score(batch_judge(server), numbered(40), tmp_path) == found
    assert (len(server.requests), len(server.batches)) == (1, 1)


def test_the_ledger_of_batches_is_no_finished_item(serve: Serve, tmp_path: Path) -> None:
    scorer = OpenAIScorer(batch_judge(serve()), environment={"OPENAI_API_KEY": KEY})
    with Journal(tmp_path) as journal:
        scorer.score(numbered(5), journal=journal, progress=silent)
        assert len(journal) == 6
        assert journal.appended == 5


def test_what_an_expired_batch_left_goes_into_another(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_keeps=0.5)
    found = score(batch_judge(server), numbered(41), tmp_path)
    assert [verdict.status for verdict in found].count("ok") == 31  # 1 online, 20 of 40, 10 of 20
    failed = next(verdict for verdict in found if verdict.status == "failed")
    assert "expired" in (failed.reason or "")
    server.batch_keeps = 1.0
    assert {verdict.status for verdict in score(batch_judge(server), numbered(41), tmp_path)} == {"ok"}
    assert sum(server.served.values()) == 41


class Stop(BaseException):
    """An interruption, as a cancelled run raises it."""


@pytest.mark.parametrize("forget_id", [False, True])
def test_an_interrupted_batch_is_resumed_and_not_submitted_again(serve: Serve, tmp_path: Path, forget_id: bool) -> None:
    server = serve(batch_polls=4)

    def interrupt(done: float, total: int, note: str = "") -> None:
        del done, total
        if "in_progress" in note:
            raise Stop

    with pytest.raises(Stop):
        score(batch_judge(server), numbered(20), tmp_path, progress=interrupt)
    if forget_id:  # as after a crash between the submission and the note of it
        with Journal(tmp_path) as journal:
            (key,) = [key for key in journal._items if key.startswith("batches-")]
            (entry,) = (journal.get(key) or {})["batches"]
            journal.append(key, {"batches": [entry | {"id": None}]})
    assert {verdict.status for verdict in score(batch_judge(server), numbered(20), tmp_path)} == {"ok"}
    assert len(server.batches) == 1
    assert sum(server.served.values()) == 20


def test_a_batch_that_another_partition_submitted_is_resumed_by_who_asks_for_the_same(
    serve: Serve, tmp_path: Path
) -> None:
    """As where batch_size was changed while a batch was under way."""
    server = serve(batch_polls=4)
    scorer = OpenAIScorer(batch_judge(server), environment={"OPENAI_API_KEY": KEY})

    def interrupt(done: float, total: int, note: str = "") -> None:
        del done, total
        if "in_progress" in note:
            raise Stop

    with Journal(tmp_path / "0001") as journal, contextlib.suppress(Stop):
        scorer.score(numbered(20), journal=journal, progress=interrupt)
    with Journal(tmp_path / "0002", among=UPath(tmp_path)) as journal:
        other = [Item("p", "p0", "another question", "item 30")]
        assert [one.status for one in scorer.score(other, journal=journal, progress=silent)] == ["ok"]
    assert sum(server.served.values()) == 1 + 1  # the first of each online; for the other's batch nobody waited
    with Journal(tmp_path / "0000", among=UPath(tmp_path)) as journal:
        found = scorer.score(numbered(20), journal=journal, progress=silent)
    assert {one.status for one in found} == {"ok"}
    assert (sum(server.served.values()), len(server.batches)) == (20 + 1, 1)


def test_the_budget_limits_a_batch(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    with pytest.raises(BudgetReachedError, match="leaves no room"):
        score(batch_judge(server, max_cost_usd=1.5, max_completion_tokens=10), numbered(40), tmp_path)
    with Journal(tmp_path) as journal:
        costs = [item["cost_usd"] for records in journal._items.values() for item in records if "cost_usd" in item]
    assert 5 < len(costs) < 40
    assert sum(costs) <= 1.5


def test_a_refused_batch_says_why_and_is_given_up(serve: Serve, tmp_path: Path) -> None:
    server = serve()

    def refuse(batch: dict[str, Any]) -> None:
        batch |= {"status": "failed", "errors": {"object": "list", "data": [{"code": "x", "message": "token limit"}]}}

    server._end = refuse  # type: ignore[method-assign]
    with pytest.raises(JudgeError, match="refused batch batch_0: token limit"):
        score(batch_judge(server), numbered(5), tmp_path)
    del server._end
    assert {verdict.status for verdict in score(batch_judge(server), numbered(5), tmp_path)} == {"ok"}
    assert len(server.batches) == 2


@dataclass
class Queue:
    """An account's queue of enqueued tokens, as OpenAI keeps one: a larger batch fails as a whole."""

    server: FaultServer
    limit: int
    sizes: list[int] = field(default_factory=list)

    def end(self, batch: dict[str, Any]) -> None:
        lines = self.server.files[batch["input_file_id"]].splitlines()
        tokens = sum(len(message["content"]) for line in lines for message in json.loads(line)["body"]["messages"]) // 4
        if tokens > self.limit:
            message = (
                f"Enqueued token limit reached for judge-1 in organization x. Limit: {self.limit:,} enqueued tokens."
            )
            batch |= {"status": "failed", "errors": {"object": "list", "data": [_too_many(message)]}}
        else:
            self.sizes.append(len(lines))
            FaultServer._end(self.server, batch)


def _too_many(message: str) -> dict[str, str]:
    return {"code": "token_limit_exceeded", "message": message}


def test_batches_are_split_by_the_tokens_that_may_be_enqueued(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=1)
    queue = Queue(server, limit=2500)
    server._end = queue.end  # type: ignore[method-assign]
    found = score(batch_judge(server), numbered(60), tmp_path)
    assert {verdict.status for verdict in found} == {"ok"}
    assert sum(queue.sizes) == 59
    assert max(queue.sizes) < 20
    assert sum(server.served.values()) == 60


def test_a_configured_limit_is_kept_from_the_start(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=1)
    queue = Queue(server, limit=2500)
    server._end = queue.end  # type: ignore[method-assign]
    score(batch_judge(server, batch_enqueued_tokens=2500), numbered(60), tmp_path)
    assert len(queue.sizes) == len(server.batches)


def test_a_queue_that_others_fill_is_said(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=1)
    server._end = Queue(server, limit=1).end  # type: ignore[method-assign]
    with pytest.raises(JudgeError, match=r"not even one request into its queue: Enqueued token limit reached"):
        score(batch_judge(server), numbered(5), tmp_path)


def test_a_batch_without_verdicts_is_asked_again_and_counted_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=1)
    end = server._end

    def without(batch: dict[str, Any]) -> None:
        end(batch)
        name = f"{batch['id']}-output"
        server.files[name] = server.files[name].replace(b'{\\"score\\": 3}', b"Hm.")

    server._end = without  # type: ignore[method-assign]
    config = batch_judge(server, retry_unscored=1)
    first = score(config, numbered(10), tmp_path)
    assert [n for n, verdict in enumerate(first) if verdict.status != "ok"] == [3]
    second = score(config, numbered(10), tmp_path)
    # Alone, it is the first call, which is asked online.
    assert (second[3].status, second[3].score) == ("ok", 0.3)
    assert second[3].cost_usd == pytest.approx(3 * (first[3].cost_usd or 0), rel=0.01)
    assert len(server.batches) == 1


def test_what_a_batch_held_is_not_counted_again_when_it_is_resumed(serve: Serve, tmp_path: Path) -> None:
    server = serve(batch_polls=1)
    config = batch_judge(server)
    score(config, numbered(10), tmp_path)
    with Journal(tmp_path) as journal:
        (ledger,) = [key for key in journal._items if key.startswith("batches-")]
        (entry,) = (journal.get(ledger) or {})["batches"]
        unread = next(key for key in journal._items if (journal.get(key) or {}).get("batch"))
        journal.append(unread, {**(journal.get(unread) or {}), "text": "Hm."})
        journal.append(ledger, {"batches": [entry | {"collected": False}]})
    paid = spent_usd(UPath(tmp_path))
    score(config, numbered(10), tmp_path)
    with Journal(tmp_path) as journal:
        assert load_answer(journal.get(unread) or {}).asked == 2  # by the new question alone
    usage = completion(server.requests[-1], 0)["usage"]
    again = (usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000) / 1e6
    assert spent_usd(UPath(tmp_path)) == pytest.approx(paid + again)
    assert len(server.batches) == 1
