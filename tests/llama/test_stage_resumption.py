"""The stages on the real model: an interrupted batch goes on where it was, and equals the uninterrupted one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment, LocalModel
from arena_assets.ids import prompt_id
from arena_assets.journal import Journal
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Job
from arena_assets.llama.pool import ModelPool
from arena_assets.rules import Batch, apply, refusals
from arena_assets.stages.logprobs import rescore, score_logprobs
from arena_assets.stages.responses import generate_responses

TEXTS = ("Name three colours.", "x", "What is 2 + 2?")


@pytest.fixture
def experiment(tiny: Experiment, q4_path: Path) -> Experiment:
    small = LocalModel(source="file", path=str(q4_path))
    return tiny.model_copy(update={"models": {"small": small}})


@pytest.fixture
def pool(experiment: Experiment) -> Iterator[ModelPool]:
    with ModelPool(experiment) as opened:
        yield opened


@pytest.fixture
def prompts() -> pd.DataFrame:
    return pd.DataFrame({"prompt_id": [prompt_id(text) for text in TEXTS], "prompt": TEXTS})


class Interrupt:
    """A person's Ctrl-C after some finished items."""

    def __init__(self, journal: Journal, after: int) -> None:
        self.journal, self.after = journal, after

    def __call__(self, done: float, total: int, note: str = "") -> None:  # noqa: ARG002
        if len(self.journal) >= self.after:
            raise KeyboardInterrupt


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs each run of the engine was given."""
    counts: list[int] = []
    run = Engine.run

    def watched(self: Engine, jobs: object, *args: object, **options: object) -> None:
        counts.append(len(jobs))  # type: ignore[arg-type]
        run(self, jobs, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "run", watched)
    return counts


def test_interrupted_stages_resume_and_give_the_same(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, tmp_path: Path, asked: list[int]
) -> None:
    with Journal(tmp_path / "whole") as journal:
        whole = generate_responses(experiment, prompts, pool, journal)
    with pytest.raises(KeyboardInterrupt), Journal(tmp_path / "part") as journal:
        generate_responses(experiment, prompts, pool, journal, Interrupt(journal, after=4))
    asked.clear()
    with Journal(tmp_path / "part") as journal:
        held = len(journal)
        again = generate_responses(experiment, prompts.iloc[::-1], pool, journal)
    assert 4 <= held < len(whole)
    assert asked == [len(whole) - held]
    pd.testing.assert_frame_equal(again, whole)

    with Journal(tmp_path / "scores") as journal:
        scored = score_logprobs(experiment, prompts, whole, pool, journal)
    with pytest.raises(KeyboardInterrupt), Journal(tmp_path / "part scores") as journal:
        score_logprobs(experiment, prompts, whole, pool, journal, Interrupt(journal, after=5))
    with Journal(tmp_path / "part scores") as journal:
        resumed = score_logprobs(experiment, prompts, whole, pool, journal)
    pd.testing.assert_frame_equal(resumed.table, scored.table)
    asked.clear()
    with Journal(tmp_path / "part scores") as journal:
        score_logprobs(experiment, prompts, whole, pool, journal)
    assert asked == []

    own = whole[whole["policy"] == "p0"].set_index("prompt_id")["sampling_logprob"]
    table = scored.table.set_index("prompt_id")
    assert (table["total_logprob"] == own.reindex(table.index)).all()
    assert all(
        row["pi_clone"] == total for row, total in zip(table["target_logps"], table["total_logprob"], strict=True)
    )
    assert all(row["pi_bad"] != total for row, total in zip(table["target_logps"], table["total_logprob"], strict=True))

    # The tokens that the journal kept are those of the sample, and the second scoring is compared with them.
    assert set(scored.tokens) == set(resumed.tokens)
    texts = whole[whole["policy"] == "p0"].set_index("prompt_id")["response"]
    records = [json.loads(line) for line in (tmp_path / "scores" / "items.jsonl").read_text().splitlines()]
    kept = ["".join(record["pieces"]) for record in records if "tokens" in record]
    assert sorted(kept) == sorted(texts[key.split("/")[0]] for key in scored.tokens)
    second = rescore(experiment, prompts, whole, scored, pool)
    assert len(second) == experiment.engine.reproducibility_sample * len(experiment.policies) == len(scored.tokens)
    assert (second["largest_token"] == 0).all()
    assert (second["stored"] == second["again"]).all()
    off = dict(scored.tokens)
    key = next(iter(off))
    off[key] = off[key] + np.where(np.arange(len(off[key])) == 0, 1e-9, 0)
    assert rescore(experiment, prompts, whole, replace(scored, tokens=off), pool)["largest_token"].max() > 0


def test_a_near_greedy_target_keeps_all_its_values(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, tmp_path: Path
) -> None:
    """At temperature 0.01 most responses of P0 have hundreds of nats a token: weights of 0, not a broken file."""
    targets = [*experiment.target_policies]
    targets[-1] = targets[-1].model_copy(update={"temperature": 0.01})
    greedy = experiment.model_copy(update={"target_policies": targets})
    with Journal(tmp_path / "r") as journal, Journal(tmp_path / "l") as scores:
        responses = generate_responses(greedy, prompts, pool, journal)
        scored = score_logprobs(greedy, prompts, responses, pool, scores)
    values = np.array([row[targets[-1].name] for row in scored.table["target_logps"]], dtype=np.float64)
    assert (values / scored.table["n_response_tokens"].to_numpy() < -40).any()
    assert not np.isnan(values).any()
    assert scored.table["rejected"].map(len).sum() == 0
    frames = {"prompts": prompts, "responses": responses, "rescored": rescore(greedy, prompts, responses, scored, pool)}
    refused = {finding.name for finding in refusals(apply(Batch(greedy, "logprobs", scored.table, "0000", frames)))}
    assert not refused & {"few_rejected", "few_missing", "possible_values", "reproducibility"}


def test_p0_and_its_clone_are_scored_with_the_room_that_sampling_had(
    experiment: Experiment, prompts: pd.DataFrame, pool: ModelPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms: list[dict[str, int]] = []
    run = Engine.run

    def watched(self: Engine, jobs: list[Job], *args: Any, **options: Any) -> None:
        rooms.append({job.key: job.room for job in jobs})
        run(self, jobs, *args, **options)

    monkeypatch.setattr(Engine, "run", watched)
    with Journal(tmp_path / "r") as journal, Journal(tmp_path / "l") as scores:
        responses = generate_responses(experiment, prompts, pool, journal)
        ended_early = responses.assign(response_tokens=responses["response_tokens"].map(lambda tokens: tokens[:2]))
        scored = score_logprobs(experiment, prompts, ended_early, pool, scores)
        rescore(experiment, prompts, ended_early, scored, pool)
    sampling, scoring, again = (found for found in rooms if any(key.endswith("/p0") for key in found))
    own = {key: room for key, room in sampling.items() if key.endswith("/p0")}
    assert len(own) == len(prompts)
    for found in (scoring, again):
        for key in found:
            if key.endswith(("/p0", "/pi_clone")):
                assert found[key] == own[key.split("/")[0] + "/p0"]


@pytest.mark.parametrize("engine", [{"scoring": "prefill"}, {"mode": "throughput"}])
def test_faster_ways_report_what_they_cost(
    experiment: Experiment, prompts: pd.DataFrame, tmp_path: Path, engine: dict[str, str]
) -> None:
    fast = experiment.model_copy(update={"engine": experiment.engine.model_copy(update=engine)})
    with ModelPool(fast) as pool, Journal(tmp_path / "r") as journal, Journal(tmp_path / "l") as scores:
        responses = generate_responses(fast, prompts, pool, journal)
        scored = score_logprobs(fast, prompts, responses, pool, scores)
        second = rescore(fast, prompts, responses, scored, pool)
    batch = Batch(
        fast, "logprobs", scored.table, "0000", {"prompts": prompts, "responses": responses, "rescored": second}
    )
    findings = {finding.name: finding for finding in apply(batch)}
    assert refusals(list(findings.values())) == []
    figures = findings["reproducibility"].figures
    assert float(figures["largest deviation a token, nats"]) < 3
    assert "nats a response" in findings["replay_equals_sampling"].text
