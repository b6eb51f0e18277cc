"""Exact mode on a CPU: a result depends on its job alone, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from arena_assets.config.sources import Weights
from arena_assets.llama.batch import shared_prefix
from arena_assets.llama.context import Context
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Force, Generate
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.native import Model
from arena_assets.llama.prefill import Scoring
from arena_assets.llama.template import ChatTemplate, Prompt
from tests.llama.llama_work import LONG, SYSTEM, finish, forced, generations, same

pytestmark = pytest.mark.model


class Reference:
    """What one composition of all jobs gives: sampled, replayed, scored in one pass."""

    def __init__(self, model: Model) -> None:
        engine = Engine(model, cache_tokens=8192, max_sequences=16, threads=2)
        self.model = model
        self.jobs: list[Generate] = generations(model)
        self.sampled = finish(engine, self.jobs)
        self.prefilled = finish(engine, forced(self.jobs, self.sampled), "prefill")


@pytest.fixture(scope="module")
def reference(model: Model) -> Reference:
    return Reference(model)


@st.composite
def compositions(draw: st.DrawFn) -> tuple[list[int], dict[str, int], str]:
    """Some of the jobs, in some order, in an engine of some size, by one of the ways to compute them.

    Two threads are two workers here; two threads of one context wait for each other and take long on a busy machine, so
    they have a small test of their own.
    """
    some = draw(st.lists(st.integers(0, 12), min_size=1, max_size=13, unique=True))
    size = {
        "cache_tokens": draw(st.sampled_from([1024, 2560, 8192])),
        "max_sequences": draw(st.integers(4, 12)),
        "threads": draw(st.integers(1, 2)),
    }
    return some, size, draw(st.sampled_from(["sample", "replay", "replay", "prefill"]))


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(composition=compositions())
def test_no_composition_changes_a_bit(reference: Reference, composition: tuple[list[int], dict[str, Any], str]) -> None:
    some, size, way = composition
    engine = Engine(reference.model, **size)
    jobs = [reference.jobs[number] for number in some]
    if way == "sample":
        assert same(finish(engine, jobs), reference.sampled) == []
        return
    path: Literal["decode", "prefill"] = "decode" if way == "replay" else "prefill"
    expected = reference.sampled if way == "replay" else reference.prefilled
    assert same(finish(engine, forced(jobs, reference.sampled), path), expected) == []


def test_replay_equals_sampling_to_the_last_bit(reference: Reference) -> None:
    engine = Engine(reference.model, cache_tokens=4096, max_sequences=5, threads=1)
    replayed = finish(engine, reversed(forced(reference.jobs, reference.sampled)))
    assert same(replayed, reference.sampled) == []
    assert all(replayed[key].total == done.total for key, done in reference.sampled.items())


@pytest.mark.parametrize("kind", ["f32", "bf16", "q8_0"])
def test_every_kind_of_expanded_weights_is_exact(expanded: Callable[[Weights], Path], kind: Weights) -> None:
    """Each kind has kernels of its own; F16 and the quantised file have every test of this module."""
    with Model(expanded(kind)) as model:
        jobs = generations(model, max_tokens=3)[2:8]
        wide = Engine(model, cache_tokens=8192, max_sequences=16, threads=1)
        narrow = Engine(model, cache_tokens=2048, max_sequences=3, threads=1)
        sampled = finish(wide, jobs)
        assert same(finish(narrow, jobs[::2]), sampled) == []
        assert same(finish(narrow, reversed(forced(jobs, sampled))), sampled) == []
        prefilled = finish(wide, forced(jobs, sampled), "prefill")
        assert same(finish(narrow, forced(jobs[::-2], sampled), "prefill"), prefilled) == []
        difference = max(abs(prefilled[key].total - done.total) for key, done in sampled.items())
        assert difference < (0.05 if kind != "q8_0" else 1.0)  # nats a response, of one-pass scoring from replay


def test_a_response_of_one_token_scores_alone_as_in_company(reference: Reference) -> None:
    """Its pass has one row with logits, which another kernel would compute than that of several."""
    jobs = [Force(f"one {job.key}", job.prompt, 0.8, (1000,)) for job in reference.jobs]
    engine = Engine(reference.model, cache_tokens=8192, max_sequences=16, threads=1)
    together = finish(engine, jobs, "prefill")
    alone = {key: done for job in jobs for key, done in finish(engine, [job], "prefill").items()}
    assert same(alone, together) == []


def test_threads_of_one_context_change_nothing(reference: Reference) -> None:
    engine = Engine(reference.model, cache_tokens=1024, max_sequences=2, threads=2)
    assert same(finish(engine, reference.jobs[:2]), reference.sampled) == []


def test_flash_attention_over_a_long_cache_is_the_same_alone_and_in_company(reference: Reference) -> None:
    """Over 512 cells and more it splits a row alone by threads: no pass has one, of prompt or response."""
    tokens = ChatTemplate(reference.model).render(SYSTEM, LONG * 3).tokens
    assert len(tokens) > 600
    jobs = [Generate(f"cut {cut}", Prompt(tokens, cut), 0.8, 3, 77) for cut in (0, 14, len(tokens) - 2)]
    short = reference.jobs[:3]
    together = finish(Engine(reference.model, cache_tokens=8192, max_sequences=6, threads=1), [*jobs, *short])
    assert same({job.key: together[job.key] for job in short}, reference.sampled) == []
    for job in jobs:
        alone = Engine(reference.model, cache_tokens=2048, max_sequences=2, threads=2)
        assert same(finish(alone, [job]), together) == []


def test_neither_a_prefix_nor_what_follows_it_is_a_single_row() -> None:
    for length, cut, answered in product(range(3, 9), range(9), (1, 2, 3)):
        prompt = Prompt(tuple(range(length)), min(cut, length))
        scoring = Scoring(Force("one pass", prompt, 0.8, tuple(range(answered))))
        before = length - 1
        sampled = shared_prefix(prompt, before, most=before)
        for prefix, rows in ((scoring.prefix, len(scoring.inputs)), (sampled, before)):
            assert 1 not in (prefix, rows - prefix)
            wanted = min(prompt.prefix, before)
            assert wanted - 1 <= prefix <= wanted or (prefix == 0 and wanted < 3)


def test_a_row_alone_does_depend_on_the_threads(q4: Model) -> None:
    """Why no pass has a single row; where this fails, llama.cpp has changed, and the rule may go."""
    tokens = np.arange(640, dtype=np.int32) + 1000
    positions = np.arange(640, dtype=np.int32)
    last = []
    with llama_lock():
        for threads in (1, 2):
            with Context(q4, sequences=1, length=1024, threads=threads) as context:
                for part in (slice(0, 320), slice(320, 639), slice(639, 640)):
                    logits = np.array(positions[part] == 639, dtype=np.int8)
                    context.decode(tokens[part], positions[part], positions[part] * 0, logits=logits)
                last.append(context.logits(1).copy())
    assert last[0].tobytes() != last[1].tobytes()


def test_restart_gives_the_same(reference: Reference) -> None:
    """A model loaded anew, some jobs finished before: what an interrupted run does."""
    with Model(Path(reference.model.path)) as again:
        engine = Engine(again, cache_tokens=2048, max_sequences=4, threads=1)
        done: dict[str, Done] = finish(engine, reference.jobs[8:])
        done |= finish(engine, reference.jobs[:4])
    assert same(done, reference.sampled) == []


def test_another_prompt_or_temperature_gives_another_distribution(reference: Reference) -> None:
    """The comparisons above can fail: bits do differ where the distribution does."""
    engine = Engine(reference.model, cache_tokens=4096, max_sequences=8)
    jobs = reference.jobs[:3]
    warmer = finish(engine, forced(jobs, reference.sampled, 0.9))
    assert sorted(same(warmer, reference.sampled)) == sorted(job.key for job in jobs)


def test_prefix_cache_survives_eviction(q4: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arena_assets.llama.batch._KEPT_PREFIXES", 1)
    jobs = generations(q4, max_tokens=2)[:7] * 2
    jobs = [Generate(str(number), job.prompt, 1.0, 2, number % 7) for number, job in enumerate(jobs)]
    done = finish(Engine(q4, cache_tokens=1024, max_sequences=2, threads=1), jobs)
    assert all(done[str(n)].logprobs.tobytes() == done[str(n + 7)].logprobs.tobytes() for n in range(7))


def test_every_group_of_jobs_has_a_job(q4: Model) -> None:
    """A cache with room for fewer short sequences than are wanted once made groups of nothing, without end."""
    jobs = generations(q4, max_tokens=2)
    for cache_tokens in (1024, 2048, 4096):
        groups = list(Engine(q4, cache_tokens=cache_tokens, max_sequences=32).limits.groups(jobs))
        assert all(group for group, _ in groups)
        assert sum(len(group) for group, _ in groups) == len(jobs)
        assert all(job.length <= length for group, length in groups for job in group)
