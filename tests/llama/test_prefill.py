"""Scoring in one pass: close to replay where weights are F16, packed or not, in bounded memory."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from arena_assets.llama import prefill
from arena_assets.llama.batch import CHUNK
from arena_assets.llama.context import Context
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Force
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate, Prompt
from tests.llama.llama_work import LONG, SYSTEM, finish, forced, generations, same

pytestmark = pytest.mark.model

# F16 rounds the activations of a pass differently for each shape of it: nats a token, some times what was ever seen.
NOISE = 0.1


def deviation(one: dict[str, Done], other: dict[str, Done]) -> float:
    """Largest difference of a token, nats."""
    return max(float(np.abs(done.logprobs - other[key].logprobs).max()) for key, done in one.items())


@pytest.fixture(scope="module")
def replayed(f16: Model) -> tuple[list[Force], dict[str, Done]]:
    jobs = generations(f16)
    sampled = finish(Engine(f16, cache_tokens=8192), jobs)
    return forced(jobs, sampled), sampled


def test_one_pass_agrees_with_replay(f16: Model, replayed: tuple[list[Force], dict[str, Done]]) -> None:
    jobs, sampled = replayed
    assert deviation(finish(Engine(f16, cache_tokens=8192), jobs, "prefill"), sampled) < NOISE


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs shared each pass, as the passes come."""
    sizes: list[int] = []
    together = prefill.PrefillBatch._together

    def watched(self: prefill.PrefillBatch, pack: list[prefill.Scoring]) -> None:
        sizes.append(len(pack))
        together(self, pack)

    monkeypatch.setattr(prefill.PrefillBatch, "_together", watched)
    return sizes


@pytest.mark.parametrize("path", ["decode", "prefill"])
def test_throughput_mode_agrees_with_exact(
    f16: Model, replayed: tuple[list[Force], dict[str, Done]], path: Literal["decode", "prefill"], packed: list[int]
) -> None:
    jobs, sampled = replayed
    engine = Engine(f16, cache_tokens=8192, exact=False, threads=1)
    assert deviation(finish(engine, jobs, path), sampled) < NOISE
    assert (max(packed, default=0) > 1) is (path == "prefill")


def test_generation_in_throughput_mode_is_a_sample_of_the_same_model(f16: Model) -> None:
    engine = Engine(f16, cache_tokens=8192, exact=False)
    jobs = generations(f16, 4)[:4]
    sampled = finish(engine, jobs)
    assert deviation(finish(Engine(f16, cache_tokens=8192), forced(jobs, sampled)), sampled) < NOISE


def test_logits_of_a_long_response_come_in_pieces(
    f16: Model, replayed: tuple[list[Force], dict[str, Done]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A big vocabulary has room for few rows at a time: the same numbers, in bounded memory."""
    jobs = [Force(job.key, job.prompt, 1.0, tuple(range(500, 530))) for job in replayed[0][:3]]
    expected = finish(Engine(f16, cache_tokens=8192), jobs, "prefill")
    rows: list[int] = []
    logits = Context.logits

    def watched(self: Context, count: int) -> np.ndarray:
        rows.append(count)
        return logits(self, count)

    monkeypatch.setattr(prefill, "_LOGITS_BYTES", 8 * 4 * f16.vocab_size)
    monkeypatch.setattr(Context, "logits", watched)
    assert deviation(finish(Engine(f16, cache_tokens=8192), jobs, "prefill"), expected) < NOISE
    assert max(rows) == 8


@pytest.mark.parametrize("vocabulary", [1_000, 49_152, 128_256, 262_144])
def test_logits_of_any_vocabulary_are_bounded(vocabulary: int) -> None:
    assert 4 * vocabulary * prefill.scored_rows(vocabulary) <= 64 * 2**20
    assert prefill.scored_rows(vocabulary) >= 8


@pytest.mark.parametrize(("rows", "most"), [((200, 190, 130), 1), ((200, 80, 80, 70), 3), ((40,) * 6, 6)])
def test_a_context_has_the_sequences_that_its_passes_can_use(
    q4: Model, packed: list[int], monkeypatch: pytest.MonkeyPatch, rows: tuple[int, ...], most: int
) -> None:
    sequences: list[int] = []
    made = Context.__init__

    def watched(self: Context, model: Model, **shape: Any) -> None:
        sequences.append(shape["sequences"])
        made(self, model, **shape)

    monkeypatch.setattr(Context, "__init__", watched)
    prompt = Prompt((1000, 1001), 0)
    jobs = [Force(str(key), prompt, 1.0, tuple(range(count - 1))) for key, count in enumerate(rows)]
    finish(Engine(q4, cache_tokens=8192, threads=1), jobs, "prefill")
    assert sequences == [most]
    assert max(packed, default=1) == most


def test_one_pass_does_not_depend_on_threads_or_neighbours(q4: Model) -> None:
    """Lengths around a chunk leave one row, which flash attention would split by threads."""
    template = ChatTemplate(q4)
    prompt = template.render(SYSTEM, LONG).tokens
    jobs = [
        Force(f"{cut} {n}", Prompt(prompt[:CHUNK], cut), 1.0, tuple(range(700, 700 + n)))
        for cut, n in ((0, 1), (0, 2), (14, 15), (1, 3), (CHUNK, 1), (CHUNK, 2))
    ]
    together = finish(Engine(q4, cache_tokens=2048, threads=1), jobs, "prefill")
    for job in jobs:
        assert same(finish(Engine(q4, threads=2), [job], "prefill"), together) == []


def test_short_jobs_share_a_pass_without_a_trace(model: Model, packed: list[int]) -> None:
    """Lengths on both sides of the one from which llama.cpp takes another kernel; alone, or with some of the others."""
    tokens = ChatTemplate(model).render(SYSTEM, LONG).tokens
    jobs = [
        Force(f"{cut} {n}", Prompt(tokens[:30], cut), 1.0, tuple(range(700, 700 + n)))
        for cut, n in ((0, 10), (14, 30), (0, 34), (0, 35), (14, 49), (0, 40), (0, 71))
    ]
    together = finish(Engine(model, cache_tokens=4096, threads=1), jobs, "prefill")
    assert max(packed) > 2
    fewer = finish(Engine(model, cache_tokens=512, threads=1), jobs[::-2], "prefill")
    assert same(fewer, together) == []
    packed.clear()
    for job in jobs:
        assert same(finish(Engine(model, threads=2), [job], "prefill"), together) == []
    assert packed == []
