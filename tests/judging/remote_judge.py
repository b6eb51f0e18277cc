"""What the tests of remote judges share: a configuration, items, and one way to score them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arena_assets.config.judges import OpenAIJudge
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.judging.remote.scorer import OpenAIScorer
from arena_assets.progress import Progress, silent
from tests.judging.fault_server import FaultServer

KEY = "sk-test-0123456789abcdef"


def judge(server: FaultServer, **options: Any) -> OpenAIJudge:
    defaults = {"model": "judge-1", "rubric": "Is it right?", "base_url": server.url, "timeout_s": 2.0}
    return OpenAIJudge.model_validate({"kind": "openai", **defaults, **options})


def numbered(count: int, start: int = 0) -> list[Item]:
    return [Item(f"p{n:03d}", "P0", "What is it?", f"This is item {n}.") for n in range(start, start + count)]


def score(
    config: OpenAIJudge,
    items: list[Item],
    journal: Path,
    *,
    progress: Progress = silent,
    afresh: bool = False,
    **options: Any,
) -> list[Verdict]:
    scorer = OpenAIScorer(config, environment={"OPENAI_API_KEY": KEY}, **options)
    with Journal(journal, afresh=afresh) as open_journal:
        return scorer.score(items, journal=open_journal, progress=progress)
