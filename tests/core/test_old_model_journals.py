"""Journals of version 667986a, which knew a model by its file's name: what they hold is not computed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment, Policy, former_identity
from arena_assets.ids import content_key, stream_seed
from arena_assets.journal import Journal
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Done, Job
from arena_assets.llama.pool import ModelPool
from arena_assets.llama.template import Prompt
from arena_assets.stages.logprobs import score_logprobs
from arena_assets.stages.responses import generate_responses
from tests.conftest import ConfigFolder

PROMPTS = pd.DataFrame({"prompt_id": ["p1", "p2"], "prompt": ["one", "two"]})
KIND = "0123456789abcdef"


class Pool:
    """Answers every job with its prompt's first token, and notes what it was asked for."""

    def __init__(self, experiment: Experiment) -> None:
        self.asked: list[str] = []
        self.say = lambda _: None
        self._loaded = SimpleNamespace(
            identity=experiment.model_identity("small"),
            former=former_identity(experiment, "small"),
            engine=SimpleNamespace(run=self._run),
            template=SimpleNamespace(render=render),
            model=SimpleNamespace(text=str),
        )

    def get(self, _: str) -> Any:
        return self._loaded

    def kind(self) -> str:
        return KIND

    def limit(self, _: object) -> int:
        return 4096

    def _run(self, jobs: Sequence[Job], keep: Any, **_: Any) -> None:
        for job in jobs:
            self.asked.append(job.key)
            keep(Done(job.key, job.prompt.tokens[:1], np.array([-0.5]), "stop"))


def render(system: str, prompt: str, settings: Any = None) -> Prompt:
    digest = hashlib.sha256(repr((system, prompt, sorted((settings or {}).items()))).encode()).digest()
    return Prompt(tuple(digest), 0)


def old_settings(experiment: Experiment, policy: Policy) -> str:
    """As stages/responses.py had it."""
    identity = {
        "name": policy.name,
        "model": "small.gguf",
        "system_prompt": policy.system_prompt,
        "temperature": policy.temperature,
        "max_tokens": policy.max_tokens,
    }
    return content_key(policy=identity, mode=experiment.engine.mode, engine=arithmetic(), machine=KIND)


def write_old(experiment: Experiment, responses: Path, logprobs: Path) -> None:
    with Journal(responses) as sampled, Journal(logprobs) as scored:
        for policy in experiment.policies:
            for identity, prompt in zip(PROMPTS["prompt_id"], PROMPTS["prompt"], strict=True):
                seed = stream_seed(experiment.seed, identity, policy.name)
                settings = old_settings(experiment, policy)
                item = {"tokens": [7], "finish_reason": "stop", "logprob": -1.5}
                sampled.append(content_key(prompt=prompt, settings=settings, seed=seed), item)
                key = content_key(
                    job=f"{identity}/{policy.name}",
                    prompt=render(policy.system_prompt, prompt).tokens,
                    response=(7,),
                    temperature=policy.temperature,
                    model="small.gguf",
                    mode=experiment.engine.mode,
                    path="decode",
                    engine=arithmetic(),
                    machine=KIND,
                )
                scored.append(key, {"logprob": -2.5})


@pytest.fixture(params=["no file", "its file"])
def model(request: pytest.FixtureRequest, config_folder: ConfigFolder) -> Path:
    path = config_folder.path.parent / "small.gguf"
    if request.param == "its file":
        path.write_bytes(b"GGUF")
    return path


def test_nothing_of_an_old_journal_is_computed_again(model: Path, config_folder: ConfigFolder, tmp_path: Path) -> None:
    experiment = config_folder.load()
    assert (experiment.model_identity("small") == "small.gguf") != model.exists()
    write_old(experiment, tmp_path / "r", tmp_path / "l")
    pool = Pool(experiment)
    with Journal(tmp_path / "r") as responses, Journal(tmp_path / "l") as logprobs:
        drawn = generate_responses(experiment, PROMPTS, cast(ModelPool, pool), responses)
        scored = score_logprobs(experiment, PROMPTS, drawn, cast(ModelPool, pool), logprobs)
    assert pool.asked == []
    assert set(drawn["sampling_logprob"]) == {-1.5}
    assert set(scored.table["total_logprob"]) == {-2.5}


def test_an_old_item_of_another_file_is_computed_again(config_folder: ConfigFolder, tmp_path: Path) -> None:
    path = config_folder.path.parent / "small.gguf"
    path.write_bytes(b"GGUF")
    config_folder.load().fingerprint("responses")
    (path.parent / "small.gguf.sha256.json").write_text(
        json.dumps({"sha256": "0" * 64, "size": 1, "mtime_ns": 1, "first": "0" * 64})
    )
    experiment = config_folder.load()
    write_old(experiment, tmp_path / "r", tmp_path / "l")
    pool = Pool(experiment)
    with Journal(tmp_path / "r") as journal:
        generate_responses(experiment, PROMPTS, cast(ModelPool, pool), journal)
    assert len(pool.asked) == len(PROMPTS) * len(experiment.policies)


@pytest.mark.parametrize("stated", [True, False])
def test_no_item_of_other_weights_is_taken(config_folder: ConfigFolder, tmp_path: Path, stated: bool) -> None:
    (config_folder.path.parent / "small.gguf").write_bytes(b"GGUF")
    digest = {"sha256": hashlib.sha256(b"GGUF").hexdigest()} if stated else {}
    model = config_folder.document()["models"]["small"] | digest
    write_old(config_folder.load(models={"small": model}), tmp_path / "r", tmp_path / "l")
    asked = []
    for weights in ({}, {"weights": "f16"}, {"weights": "q8_0"}, {"weights": "f16"}):
        experiment = config_folder.load(models={"small": model | weights})
        pool = Pool(experiment)
        with Journal(tmp_path / "r") as journal:
            generate_responses(experiment, PROMPTS, cast(ModelPool, pool), journal)
        asked.append(len(pool.asked))
    every = len(PROMPTS) * len(experiment.policies)
    # What an earlier version knew by the file's name is of this file where no checksum is stated.
    assert asked == [every if stated else 0, every, every, 0]


def test_a_policy_is_sampled_with_its_settings_of_the_template(config_folder: ConfigFolder, tmp_path: Path) -> None:
    p0 = config_folder.document()["logging_policy"]
    tables: list[pd.DataFrame] = []
    for settings in ({}, {"chat_template_kwargs": {"enable_thinking": False}}):
        experiment = config_folder.load(logging_policy=p0 | settings)
        with Journal(tmp_path / str(len(tables))) as journal:
            tables.append(generate_responses(experiment, PROMPTS, cast(ModelPool, Pool(experiment)), journal))
    assert not tables[0]["response"].equals(tables[1]["response"])
