"""An engine at work tells how far it is before any sequence ends."""

from __future__ import annotations

import pytest

from arena_assets.llama.engine import Engine, Path
from arena_assets.llama.jobs import Done, Force, Job
from arena_assets.llama.native import Model
from tests.llama.llama_work import finish, forced, generations


def told(engine: Engine, jobs: list[Job], path: Path = "decode") -> tuple[list[float], int, str]:
    """What was said, how much of it before the first job ended, and the last note."""
    said: list[tuple[float, int, str]] = []
    before: list[int] = []

    def done(ended: Done) -> None:
        before.extend([len(said)] if ended.tokens else [])

    engine.run(jobs, done, path=path, progress=lambda *a: said.append(a))
    assert {total for _, total, _ in said} == {len(jobs)}
    return [done for done, _, _ in said], before[0], said[-1][2]


def test_progress_counts_tokens_on_every_path(q4: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_assets.llama.engine._WAKE_S", 0.01)
    engine = Engine(q4, cache_tokens=8192, max_sequences=8, threads=1)
    jobs = generations(q4, max_tokens=8)[:8]
    sampled = finish(engine, jobs)
    replayed: list[Job] = [*forced(jobs, sampled), Force("empty", jobs[0].prompt, 1.0, ())]
    tokens = sum(len(done.tokens) for done in sampled.values())
    ways: list[tuple[list[Job], Path]] = [([*jobs], "decode"), (replayed, "decode"), (replayed, "prefill")]
    for work, path in ways:
        done, before, note = told(engine, work, path)
        assert done == sorted(done)
        assert done[0] == len(work) - len(jobs)  # what there is nothing to do for
        assert done[-1] == len(work)
        assert all(one < len(work) for one in done[:-1])
        assert len({round(one, 6) for one in done[:before]}) > (1 if path == "decode" else 0)
        assert note.startswith(f"{tokens:,} tokens, ")
