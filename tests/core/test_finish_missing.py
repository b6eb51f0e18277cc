"""Work that a journal keeps: done once, kept as it ends, whatever ends the run. No model is needed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from arena_assets.journal import Journal
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Job, Probe
from arena_assets.llama.journalled import finish_missing
from arena_assets.llama.template import Prompt

JOBS = [Probe(name, Prompt((1, number), 0), (5,)) for number, name in enumerate("abcd")]
KEYS = {"a": "key of a", "b": "shared", "c": "shared", "d": "key of d"}


class Counting:
    """An engine that ends the jobs in reverse order, and stops before the one named."""

    def __init__(self, stop_at: str | None = None) -> None:
        self.asked: list[list[str]] = []
        self._stop_at = stop_at

    def run(self, jobs: Sequence[Job], on_done: Callable[[Done], None], **options: Any) -> None:
        self.asked.append([job.key for job in jobs])
        for number, job in enumerate(reversed(jobs), 1):
            if job.key == self._stop_at:
                raise KeyboardInterrupt
            on_done(Done(job.key, (5,), np.array([-float(len(job.key))]), "stop"))
            options["progress"](number, len(jobs))


def finish(engine: Counting, folder: Path, told: list[tuple[float, int]] | None = None) -> dict[str, dict[str, Any]]:
    def progress(done: float, total: int, note: str = "") -> None:
        del note
        if told is not None:
            told.append((done, total))

    with Journal(folder) as journal:
        return finish_missing(
            cast(Engine, engine), JOBS, KEYS, journal, lambda done: {"from": done.key}, progress=progress
        )


def test_jobs_of_one_key_are_done_once_and_all_have_its_item(tmp_path: Path) -> None:
    engine, told = Counting(), list[tuple[float, int]]()
    found = finish(engine, tmp_path, told)
    assert engine.asked == [["a", "c", "d"]]
    assert found == {"a": {"from": "a"}, "b": {"from": "c"}, "c": {"from": "c"}, "d": {"from": "d"}}
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_ended_before_an_interruption_is_not_done_again(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        finish(Counting(stop_at="c"), tmp_path)
    engine, told = Counting(), list[tuple[float, int]]()
    assert set(finish(engine, tmp_path, told)) == set("abcd")
    assert engine.asked == [["a", "c"]]
    assert told == [(2, 4), (3, 4), (4, 4)]


def test_where_nothing_is_missing_the_model_is_not_asked(tmp_path: Path) -> None:
    """Not even for nothing: the machine's llama lock would be waited for while another process holds it for hours."""
    first = finish(Counting(), tmp_path)
    engine, told = Counting(), list[tuple[float, int]]()
    assert finish(engine, tmp_path, told) == first
    assert engine.asked == []
    assert told == [(4, 4)]
