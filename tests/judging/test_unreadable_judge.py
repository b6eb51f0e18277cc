"""A judge whose answers hold no verdict stops the run, over all batches, and says what its answers look like."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.errors import JudgeStoppedError
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Verdict
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import silent
from tests.judging.fault_server import Body, FaultServer, completion, item_number
from tests.judging.remote_judge import KEY, judge, numbered, score

Serve = Callable[..., FaultServer]

UNREADABLE = [
    "What a nice text",
    "",
    "<think>The score: 3",
    "I cannot rate this. 10/10",
    "Score: N/A",
    "Somewhere between 3 and 7.",
]


def batch(server: FaultServer, folder: Path, number: int, *, size: int = 5, **options: Any) -> list[Verdict]:
    """One batch of an experiment, with a journal of its own beside those of the others."""
    scorer = OpenAIScorer(judge(server, **options), environment={"OPENAI_API_KEY": KEY}, folder=UPath(folder))
    with Journal(folder / f"{number:04d}") as journal:
        return scorer.score(numbered(size, number * size), journal=journal, progress=silent)


@pytest.mark.parametrize("text", UNREADABLE)
@pytest.mark.parametrize("mode", ["online", "batch"])
def test_it_stops_after_twenty_and_quotes_them(serve: Serve, tmp_path: Path, text: str, mode: str) -> None:
    server = serve(script=lambda body: (200, completion(body, 0, text=text)))
    with pytest.raises(JudgeStoppedError, match=r"the last 20 answers of judge-1 at .* hold no verdict") as caught:
        score(judge(server, mode=mode, max_retries=0, concurrency=64), numbered(300), tmp_path)
    assert text[-40:] in str(caught.value)
    assert len(server.requests) == 20
    assert not server.batches
    with Journal(tmp_path) as journal:
        assert len(journal) == 20  # paid answers are kept


def test_small_batches_stop_together(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda body: (200, completion(body, 0, text="What a nice text")))
    for number in range(3):
        assert {verdict.status for verdict in batch(server, tmp_path, number)} == {"unscored"}
    for number in range(3, 9):
        with pytest.raises(JudgeStoppedError, match="What a nice text"):
            batch(server, tmp_path, number)
    assert len(server.requests) == 20 + 5  # one a batch after that: it may have become well


def test_it_goes_on_where_the_judge_has_become_readable(serve: Serve, tmp_path: Path) -> None:
    well = False
    server = serve(script=lambda body: None if well else (200, completion(body, 0, text="What a nice text")))
    with pytest.raises(JudgeStoppedError):
        batch(server, tmp_path, 0, size=45)
    well = True
    for number in range(9):
        assert {verdict.status for verdict in batch(server, tmp_path, number)} == {"ok"}


def test_another_rubric_begins_anew(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda body: (200, completion(body, 0, text="What a nice text")))
    with pytest.raises(JudgeStoppedError):
        batch(server, tmp_path, 0, size=30)
    assert {v.status for v in batch(server, tmp_path, 1, rubric="Answer with a number.")} == {"unscored"}


def test_failed_calls_stop_over_batches_too(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda _: (503, {"error": {"message": "down"}}))
    for number in range(3):
        assert {v.status for v in batch(server, tmp_path, number, max_retries=0)} == {"failed"}
    for number in range(3, 6):
        with pytest.raises(JudgeStoppedError, match=r"the last \d+ calls .* HTTP 503"):
            batch(server, tmp_path, number, max_retries=0)
    assert len(server.requests) == 20 + 2


def test_one_readable_answer_among_them_is_enough(serve: Serve, tmp_path: Path) -> None:
    def script(body: Body) -> tuple[int, Body]:
        return 200, completion(body, 7, text=None if item_number(body) % 15 == 14 else "What a nice text")

    server = serve(script=script)
    found = score(judge(server, concurrency=1), numbered(150), tmp_path)
    assert [verdict.status for verdict in found].count("ok") == 10
    # Asked again, those without a verdict come in a row: known for what they are, they stop nothing.
    again = score(judge(server, concurrency=1), numbered(150), tmp_path)
    assert [verdict.status for verdict in again].count("unscored") == 140


def test_a_judge_that_was_never_readable_is_not_paid_again_by_a_re_run(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda body: (200, completion(body, 0, text="What a nice text")))
    for _ in range(3):
        with pytest.raises(JudgeStoppedError):
            batch(server, tmp_path, 0, size=100)
    assert len(server.requests) == 20 + 1 + 1


def test_a_broken_count_counts_anew(serve: Serve, tmp_path: Path) -> None:
    server = serve(script=lambda body: (200, completion(body, 0, text="What a nice text")))
    batch(server, tmp_path, 0)
    (file,) = tmp_path.glob("streak-*.json")
    file.write_text("[")
    assert {v.status for v in batch(server, tmp_path, 1)} == {"unscored"}
