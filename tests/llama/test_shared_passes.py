"""One pass, many distributions: what differs in temperature alone is read off the same logits, to the last bit."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from arena_assets.config import Experiment, load_experiment
from arena_assets.journal import Journal
from arena_assets.llama.batch import DecodeBatch
from arena_assets.llama.engine import Engine, Path
from arena_assets.llama.jobs import Done, Force, Generate, Job, in_passes
from arena_assets.llama.native import Model
from arena_assets.llama.pool import ModelPool
from arena_assets.llama.prefill import PrefillBatch
from arena_assets.llama.template import Prompt
from arena_assets.stages.logprobs import rescore, score_logprobs
from arena_assets.stages.responses import generate_responses
from tests.conftest import ROOT
from tests.llama.llama_work import finish, generations, same

TEMPERATURES = (0.3, 0.8, 0.8, 1.0, 2.5)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What the workers took, one job a pass."""
    taken: list[Job] = []

    def noting(batch: type[DecodeBatch | PrefillBatch]) -> None:
        run = batch.run

        def noted(self: Any, take: Callable[[], Job | None], done: Callable[[Done], None]) -> None:
            def took() -> Job | None:
                job = take()
                taken.extend([] if job is None else [job])
                return job

            run(self, took, done)

        monkeypatch.setattr(batch, "run", noted)

    noting(DecodeBatch)
    noting(PrefillBatch)
    return taken


def at_temperatures(jobs: list[Generate], sampled: dict[str, Done], *, shares: bool = False) -> list[Force]:
    return [
        Force(f"{job.key} {number}", job.prompt, temperature, sampled[job.key].tokens, job.max_tokens, shares)
        for job in jobs
        for number, temperature in enumerate(TEMPERATURES)
    ]


@pytest.mark.parametrize("path", ["decode", "prefill"])
def test_a_shared_pass_gives_each_its_own_bits(q4: Model, passes: list[Job], path: Path) -> None:
    jobs = generations(q4, max_tokens=4)[:3]
    engine = Engine(q4, cache_tokens=4096, max_sequences=8, threads=1)
    sampled = finish(engine, jobs)
    alone = finish(engine, at_temperatures(jobs, sampled), path)
    passes.clear()
    shared = finish(engine, at_temperatures(jobs, sampled, shares=True), path)
    assert len(passes) == len(jobs)
    assert same(alone, shared) == []
    if path == "decode":
        assert all(shared[f"{job.key} 1"].total == sampled[job.key].total for job in jobs)
    assert len({done.total for key, done in shared.items() if key.startswith(f"{jobs[0].key} ")}) == 4


def test_only_what_shares_and_reads_the_same_is_one_pass() -> None:
    one = Force("a", Prompt((1, 2, 3), 1), 0.8, (4, 5), 6, shares=True)
    others = [
        replace(one, key="own pass", shares=False),
        replace(one, key="other prompt", prompt=Prompt((1, 2, 4), 1)),
        replace(one, key="other prefix", prompt=Prompt((1, 2, 3), 2)),
        replace(one, key="other response", response=(4, 6)),
        replace(one, key="other room", max_tokens=7),
    ]
    again = replace(one, key="b", temperature=1.0)
    found = in_passes([one, *others, again, Generate("c", one.prompt, 0.8, 6, 1)])
    assert [job.key for job in found] == ["a", *(other.key for other in others), "c"]
    assert found[0] == replace(one, also=(again,))
    assert found[1:-1] == others


def test_an_empty_response_is_answered_for_each(q4: Model) -> None:
    jobs = [Force(key, Prompt((300, 301), 0), 0.8, (), shares=True) for key in "ab"]
    assert {done.total for done in finish(Engine(q4, cache_tokens=1024), jobs).values()} == {0.0}


@pytest.fixture
def tried(tiny: Experiment, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Experiment, ModelPool]]:
    """The demo's policies on three prompts."""
    monkeypatch.setenv("ARENA_CONFIGS", str(ROOT / "configs"))
    demo = load_experiment("demo")
    policies = [policy.model_copy(update={"max_tokens": 5}) for policy in demo.policies]
    update = {"logging_policy": policies[0], "target_policies": tuple(policies[1:]), "engine": tiny.engine}
    experiment = demo.model_copy(update=update)
    with ModelPool(experiment) as pool:
        yield experiment, pool


def test_the_stage_reads_two_policies_off_one_pass_and_proves_the_clone_by_another(
    tried: tuple[Experiment, ModelPool], passes: list[Job], tmp_path: pathlib.Path
) -> None:
    experiment, pool = tried
    prompts = pd.DataFrame({"prompt_id": ["p1", "p2"], "prompt": ["Name a colour.", "What is 2 + 2?"]})
    with Journal(tmp_path / "responses") as journal:
        responses = generate_responses(experiment, prompts, pool, journal)
    pool.machine()
    passes.clear()
    with Journal(tmp_path / "logprobs") as journal:
        scored = score_logprobs(experiment, prompts, responses, pool, journal)
    answered = [sorted(one.key.split("/")[1] for one in (job, *job.also)) for job in passes if isinstance(job, Force)]
    assert sorted(answered) == sorted(2 * [["p0", "pi_cooler"], ["pi_bad"], ["pi_clone"], ["pi_concise"]])
    passes.clear()
    again = rescore(experiment, prompts, responses, scored, pool)
    assert len(passes) == len(again) == 10
    assert (again["stored"] == again["again"]).all()
    assert set(again["largest_token"]) == {0.0}
