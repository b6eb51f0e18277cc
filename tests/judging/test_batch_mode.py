"""The Batch API: half the price, resumed after a restart, partial results kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arena_assets.config.judges import OpenAIJudge
from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.remote.online import BudgetReachedError
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import silent
from tests.judging.fault_server import FaultServer
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

    def interrupt(done: int, total: int, note: str = "") -> None:
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


def test_the_budget_limits_a_batch(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    with pytest.raises(BudgetReachedError, match="leaves no room"):
        score(batch_judge(server, max_cost_usd=1.5, max_completion_tokens=10), numbered(40), tmp_path)
    with Journal(tmp_path) as journal:
        costs = [item["cost_usd"] for item in journal._items.values() if "cost_usd" in item]
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
