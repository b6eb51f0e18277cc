"""Every state of an item through a run and two re-runs: what is asked again, how often, and what is never lost."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.errors import JudgeError
from arena_assets.judging.costs import spent_usd
from tests.judging.fault_server import Body, FaultServer, completion, item_number
from tests.judging.remote_judge import judge, numbered, score

Serve = Callable[..., FaultServer]

PAGE = "<html><head><title>403</title></head><body>Request blocked by Acme Firewall</body></html>"
# What the server does with an item in one run; "absent": the run does not hold the item yet.
ANSWERS: dict[str, Callable[[Body], tuple[int, Any]]] = {
    "failed": lambda _: (503, {"error": {"message": "out of memory"}}),
    "moderated": lambda body: (403, PAGE) if item_number(body) % 2 else (403, {"error": {"message": "input flagged"}}),
    "unscored": lambda body: (200, completion(body, 0, text="I would rather say nothing." * (item_number(body) % 2))),
    "scored": lambda body: (200, completion(body, 7)),
}
STATES = ["absent", *ANSWERS]
PLANS = list(itertools.product(STATES, STATES, STATES))
random.Random(5).shuffle(PLANS)  # else all that fail would come in a row, and stop the run


@pytest.mark.parametrize("retry_unscored", [0, 1, 2])
def test_each_state_is_asked_again_as_often_as_it_should(serve: Serve, tmp_path: Path, retry_unscored: int) -> None:
    run = 0

    def script(body: Body) -> tuple[int, Any] | None:
        number = item_number(body)
        return ANSWERS[PLANS[number - 1][run]](body) if number else None

    server = serve(script=script)
    config = judge(
        server, max_retries=0, concurrency=1, retry_unscored=retry_unscored, prices={"prompt": 1000, "completion": 1000}
    )
    items = numbered(len(PLANS), 1)
    unread = Counter[int]()
    scored: set[int] = set()
    answered = Counter[int]()
    for run in range(3):
        present = [n for n, plan in enumerate(PLANS, 1) if set(plan[: run + 1]) != {"absent"}]
        held = [n for n in present if PLANS[n - 1][run] != "absent"]
        before = len(server.requests)
        found = score(config, [items[n - 1] for n in held], tmp_path)
        asked = Counter(item_number(body) for body in server.requests[before:])
        assert asked.pop(0, 0) <= 1  # the question whether the key is still good
        due = [n for n in held if n not in scored and unread[n] <= retry_unscored]
        assert asked == Counter(due)
        for n in due:
            state = PLANS[n - 1][run]
            unread[n] += state == "unscored"
            answered[n] += state in ("unscored", "scored")
            scored |= {n} if state == "scored" else set()
        for n, verdict in zip(held, found, strict=True):
            expected = "ok" if n in scored else "unscored" if unread[n] else "failed"
            assert (n, verdict.status) == (n, expected)
            assert (verdict.score is None) == (expected != "ok")
            if n in due and PLANS[n - 1][run] == "moderated" and not unread[n]:
                assert "Acme Firewall" in (verdict.reason or "") or "input flagged" in (verdict.reason or "")
            assert (verdict.cost_usd or 0) == pytest.approx(answered[n] * cost_of_one(server, n))
    total = sum(count * cost_of_one(server, n) for n, count in answered.items())
    assert spent_usd(UPath(tmp_path)) == pytest.approx(total)


def cost_of_one(server: FaultServer, number: int) -> float:
    body = next((body for body in server.requests if item_number(body) == number), None)
    if body is None:
        return 0.0
    usage = completion(body, 0)["usage"]
    return float((usage["prompt_tokens"] + usage["completion_tokens"]) * 1000 / 1e6)


def test_a_re_run_of_nothing_but_moderated_items_ends(serve: Serve, tmp_path: Path) -> None:
    """More of them than fail in a row where the server is down: they must not keep a partition from being finished."""
    moderated = set(range(10, 60))

    def script(body: Body) -> tuple[int, Any] | None:
        return (403, PAGE) if item_number(body) in moderated else None

    server = serve(script=script)
    config = judge(server, max_retries=0, concurrency=1)
    items = numbered(100)
    for _ in range(3):
        found = score(config, items, tmp_path)
        assert Counter(verdict.status for verdict in found) == {"ok": 50, "failed": 50}
    moderated.clear()
    assert {verdict.status for verdict in score(config, items, tmp_path)} == {"ok"}


def test_a_key_revoked_by_403_is_said_although_answers_came_before(serve: Serve, tmp_path: Path) -> None:
    revoked = False

    def script(body: Body) -> tuple[int, Any] | None:
        return (403, {"error": {"message": "no access"}}) if revoked or item_number(body) >= 30 else None

    server = serve(script=script)
    config = judge(server, max_retries=0, concurrency=1)
    score(config, numbered(35), tmp_path)
    revoked = True
    with pytest.raises(JudgeError, match=r"refused the key with HTTP 403.*no access"):
        score(config, numbered(35), tmp_path)


def test_a_key_revoked_within_a_run_is_found_out(serve: Serve, tmp_path: Path) -> None:
    server: FaultServer = serve(
        script=lambda _: (403, {"error": {"message": "no access"}}) if len(server.requests) > 30 else None
    )
    with pytest.raises(JudgeError, match="refused the key with HTTP 403"):
        score(judge(server, max_retries=0, concurrency=1), numbered(200), tmp_path)
    assert len(server.requests) <= 30 + 21


@pytest.mark.parametrize("probe", ["drops", 500, 404, 429])
def test_a_probe_that_says_nothing_refuses_no_key(serve: Serve, tmp_path: Path, probe: Any) -> None:
    """A first item that is refused, where the harmless request fails for a reason of its own."""

    def script(body: Body) -> tuple[int, Any] | None:
        if item_number(body) == 1:
            return 403, PAGE
        return None if item_number(body) else (200 if probe == "drops" else probe, "?")

    server = serve(script=script)
    found = score(judge(server, max_retries=0), numbered(5, 1), tmp_path)
    assert [verdict.status for verdict in found] == ["failed", "ok", "ok", "ok", "ok"]


def test_a_cloned_response_shares_its_state(serve: Serve, tmp_path: Path) -> None:
    text = ""

    def script(body: Body) -> tuple[int, Body]:
        return 200, completion(body, 7, text=text or None)

    server = serve(script=script)
    items = [item for item in numbered(1) for _ in range(3)]
    text = "No idea."
    assert [v.status for v in score(judge(server), items, tmp_path)] == ["unscored"] * 3
    text = ""
    assert [v.score for v in score(judge(server), items, tmp_path)] == [0.7] * 3
    assert len(server.requests) == 2


def test_one_sample_without_a_verdict_is_asked_again_alone(serve: Serve, tmp_path: Path) -> None:
    texts = iter(['{"score": 4}', "Hm.", '{"score": 6}', '{"score": 8}'])
    server = serve(script=lambda body: (200, completion(body, 0, text=next(texts))))
    config = judge(server, uncertainty="samples", temperature=1.0, n_samples=3, concurrency=1)
    assert score(config, numbered(1), tmp_path)[0].status == "unscored"
    (found,) = score(config, numbered(1), tmp_path)
    assert (found.status, found.mean) == ("ok", pytest.approx(0.6))
    assert len(server.requests) == 4
