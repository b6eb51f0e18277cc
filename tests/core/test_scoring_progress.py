"""Scoring tells how far it is through its second scoring, and ends at the end. No model is needed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.journal import Journal
from arena_assets.llama.jobs import Done, Force
from arena_assets.llama.template import Prompt
from arena_assets.stages import logprobs
from arena_assets.stages.stage import Work
from tests.conftest import ConfigFolder


class Engine:
    """Answers at once, in order; `asked` has the keys of each run, with whether each job may share its pass."""

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, bool]]] = []

    def narrow(self, _: int) -> Engine:
        return self

    def run(self, jobs: Sequence[Force], keep: Callable[[Done], None], **options: Any) -> None:
        self.asked.append([(job.key.split("/")[1], job.shares) for job in jobs])
        for number, job in enumerate(jobs, 1):
            keep(Done(job.key, job.response, np.full(len(job.response), -0.5), "stop"))
            options["progress"](number, len(jobs))


@pytest.fixture
def engine() -> Engine:
    return Engine()


def work_of(experiment: Experiment, engine: Engine, journal: Journal, told: list[tuple[float, int]]) -> Work:
    """Three prompts; the third is too long for every policy once its response is added."""
    identities = ["p1", "p2", "p3"]
    prompts = pd.DataFrame({"prompt_id": identities, "prompt": ["a", "b", "long"]})
    answered = {"policy": "p0", "response": "r", "response_tokens": [[1, 2]] * 3, "finish_reason": "stop"}
    responses = pd.DataFrame({"prompt_id": identities} | answered | {"n_response_tokens": 2})
    loaded = SimpleNamespace(
        identity="m",
        former=None,
        engine=engine,
        model=SimpleNamespace(piece=lambda _: b"x"),
        template=SimpleNamespace(render=lambda _, prompt, __: Prompt((1,) * len(prompt), 0)),
    )
    pool = SimpleNamespace(
        get=lambda _: loaded, kind=lambda: "k", limit=lambda _: 4, say=lambda _: None, machine=lambda: None
    )
    made_from = {"prompts": prompts, "responses": responses}
    progress = lambda done, total, note="": told.append((done, total))  # noqa: E731, ARG005
    work = SimpleNamespace(experiment=experiment, read=made_from, pool=pool, journal=journal, progress=progress)
    return cast(Work, work)


def test_the_second_scoring_is_part_of_the_progress(
    config_folder: ConfigFolder, engine: Engine, tmp_path: Path
) -> None:
    experiment = config_folder.load(engine={"reproducibility_sample": 3})
    told: list[tuple[float, int]] = []
    with Journal(tmp_path / "journal") as journal:
        logprobs.stage(work_of(experiment, engine, journal, told))
    assert {total for _, total in told} == {2 * 3 * 4}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert done[-1] == 2 * 3 * 4
    assert {8.0, 13.0, 19.0, 20.0} <= set(done)  # both scorings of the two prompts that fit, one by one
    first, second = engine.asked
    assert set(first) == {("p0", True), ("pi_clone", False), ("pi_cooler", True), ("pi_bad", True)}
    assert {shares for _, shares in second} == {False}
