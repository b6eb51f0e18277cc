"""The shapes of a GPU's batches, computed by the CPU: what llama.cpp is asked for depends on a job's class alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from arena_assets.errors import ModelError
from arena_assets.llama.context import Context, Tokens
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Force, Generate, Probe
from arena_assets.llama.native import Model
from arena_assets.llama.prefill import PrefillBatch
from arena_assets.llama.template import ChatTemplate, Prompt
from tests.llama.llama_work import SYSTEM, finish, forced, generations, same

Shapes = set[tuple[int, int, int]]


@pytest.fixture
def on_gpu(q4: Model, monkeypatch: pytest.MonkeyPatch) -> Model:
    """The model, said to be on a GPU, so that the engine lays its work out for one."""
    monkeypatch.setattr(q4, "n_gpu_layers", -1)
    return q4


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Shapes:
    """Of each batch with logits: rows, length of a sequence, and position that its last row looks back from."""
    seen: Shapes = set()
    decode = Context.decode

    def watched(
        self: Context, tokens: Tokens, positions: Tokens, sequences: Tokens, *, logits: NDArray[np.int8]
    ) -> None:
        if logits.any():
            seen.add((len(tokens), self.length, int(positions[-1])))
        decode(self, tokens, positions, sequences, logits=logits)

    monkeypatch.setattr(Context, "decode", watched)
    return seen


def test_batches_have_one_shape_whatever_is_in_flight(on_gpu: Model, decoded: Shapes) -> None:
    engine = Engine(on_gpu, cache_tokens=4096, max_sequences=6, threads=1)
    jobs = generations(on_gpu, max_tokens=4)
    sampled = finish(engine, jobs)
    replayed = forced(jobs, sampled)
    for other in (engine.narrow(2), engine.narrow(1)):
        assert same(finish(other, reversed(replayed[-4:])), sampled) == []
    assert same(finish(engine, replayed[:1]), sampled) == []
    assert decoded == {(6, 256, 255), (6, 512, 511)}


def test_a_response_is_scored_in_the_class_that_it_was_sampled_in(on_gpu: Model, decoded: Shapes) -> None:
    prompt = ChatTemplate(on_gpu).render(SYSTEM, "Say yes.")
    engine = Engine(on_gpu, cache_tokens=4096, max_sequences=4, threads=1)
    job = Generate("a", prompt, 0.2, 600, 3)
    sampled = finish(engine, [job])
    assert sampled["a"].finish_reason == "stop"
    expected = {(4, 1024, 1023)}
    assert decoded == expected
    replay = Force("a", prompt, 0.2, sampled["a"].tokens, max_tokens=600)
    assert same(finish(engine, [replay]), sampled) == []
    assert decoded == expected
    finish(engine, [Force("b", prompt, 0.2, sampled["a"].tokens)])
    assert decoded == expected | {(4, 256, 255)}


def test_classes_are_worked_on_apart_the_longest_first(on_gpu: Model) -> None:
    engine = Engine(on_gpu, cache_tokens=65536, max_sequences=64)
    lengths = {"a": 30, "b": 513, "c": 2000, "d": 512, "e": 1024, "f": 257}
    jobs = [Force(key, Prompt((1000,) * length, 0), 1.0, (5,)) for key, length in lengths.items()]
    groups = [([job.key for job in group], length) for group, length in engine.limits.groups(jobs)]
    assert groups == [(["c"], 2048), (["e", "b"], 1024), (["d", "f"], 512), (["a"], 256)]
    shapes = [engine.limits.shape(jobs * 100, length, "decode") for _, length in groups]
    assert [(shape.workers, shape.sequences, shape.at_work) for shape in shapes] == [
        (2, 16, 15),
        (4, 16, 15),
        (4, 16, 15),
        (4, 16, 15),
    ]
    assert not any(shape.flash_attention for shape in shapes)


def test_a_class_ends_at_the_context_and_has_two_sequences(on_gpu: Model) -> None:
    """What might have been sampled beyond the model's context is never scored: it must not double the cache."""
    engine = Engine(on_gpu, cache_tokens=16384)
    job = Force("a", Prompt((1000,) * 8000, 0), 1.0, (5, 6), max_tokens=900)
    ((_, length),) = engine.limits.groups([job])
    assert length == on_gpu.context_limit == 8192
    assert engine.limits.shape([job], length, "decode").sequences == 2
    with pytest.raises(ModelError, match=r"two sequences of 8192: raise engine\.cache_tokens"):
        finish(Engine(on_gpu, cache_tokens=16000), [job])


def test_a_pass_has_one_job_in_exact_mode_and_many_in_throughput_mode(
    on_gpu: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    run = PrefillBatch._together

    def watched(self: PrefillBatch, pack: Any) -> Any:
        together.append(len(pack))
        return run(self, pack)

    monkeypatch.setattr(PrefillBatch, "_together", watched)
    prompt = ChatTemplate(on_gpu).render(SYSTEM, "x")
    probes = [Probe(str(n), prompt, (n, n + 1)) for n in range(6)]
    exact = finish(Engine(on_gpu, threads=1), probes, "prefill")
    assert together == []
    finish(Engine(on_gpu, max_sequences=16, exact=False), probes, "prefill")
    assert together == [6]
    assert same(finish(Engine(on_gpu, threads=1), probes[:1], "prefill"), exact) == []
