"""Models beyond plain attention: exact on a CPU and in a GPU's batches, or refused with what to set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import llama_cpp
import numpy as np
import pytest
from numpy.typing import NDArray

from arena_assets.errors import ModelError
from arena_assets.llama.context import Context, Tokens
from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Done, Generate
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from tests.llama.llama_work import SYSTEM, finish, forced, generations, same
from tests.llama.tiny_gguf import ARCHITECTURES


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request: pytest.FixtureRequest, tiny_gguf: Callable[[str], Path]) -> Iterator[Model]:
    with Model(tiny_gguf(request.param)) as loaded:
        yield loaded


def engine(model: Model, *, constant: bool, sequences: int = 4) -> Engine:
    # Two threads of one context would wait for each other.
    made = Engine(model, cache_tokens=2048, max_sequences=sequences, threads=1)
    made.limits = replace(made.limits, on_gpu=constant)
    return made


@pytest.fixture(scope="module")
def jobs(model: Model) -> list[Generate]:
    """Short and long prompts, and one response that goes on past the idle sequence's last step of 256 tokens."""
    found = generations(model, max_tokens=4)[::2]
    found.append(Generate("goes on", ChatTemplate(model).render(SYSTEM, "Go on."), 1.0, 280, 8))
    return found


@pytest.mark.parametrize("constant", [False, True], ids=["CPU's batches", "GPU's batches"])
def test_no_composition_changes_a_bit(model: Model, jobs: list[Generate], constant: bool) -> None:
    sampled = finish(engine(model, constant=constant), jobs)
    assert all(np.isfinite(done.logprobs).all() for done in sampled.values())
    replayed = forced(jobs, sampled)
    assert same(finish(engine(model, constant=constant), reversed(replayed)), sampled) == []
    assert same(finish(engine(model, constant=constant).narrow(2), replayed[:3]), sampled) == []


def test_both_kinds_of_batches_compute_the_same_model(model: Model, jobs: list[Generate]) -> None:
    """Flash attention or not: the sums differ in their order alone."""
    plain = finish(engine(model, constant=False), jobs[:4])
    constant = finish(engine(model, constant=True), forced(jobs[:4], plain))
    largest = max(np.abs(done.logprobs - constant[key].logprobs).max() for key, done in plain.items())
    assert largest < 1e-2


def test_the_idle_sequence_never_looks_back_less(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor beyond the context: each batch has its last row in the last step of 256 positions."""
    seen: list[int] = []
    decode = Context.decode

    def watched(
        self: Context, tokens: Tokens, positions: Tokens, sequences: Tokens, *, logits: NDArray[np.int8]
    ) -> None:
        if logits.any():
            seen.append(int(positions[-1]))
        decode(self, tokens, positions, sequences, logits=logits)

    monkeypatch.setattr(Context, "decode", watched)
    job = Generate("goes on", ChatTemplate(model).render(SYSTEM, "Go on."), 1.0, 280, 8)
    done: dict[str, Done] = finish(engine(model, constant=True), [job])
    assert len(seen) >= len(done["goes on"].tokens) > 256
    assert (min(seen), max(seen)) == ((511, 511) if model.drops_last_token else (256, 511))


def test_a_cut_that_llama_cpp_refuses_is_no_cut(model: Model) -> None:
    with llama_lock(), Context(model, sequences=2, length=256, threads=1) as context:
        rows = np.arange(4, dtype=np.int32)
        context.decode(rows + 100, rows, rows * 0, logits=np.zeros(4, dtype=np.int8))
        if model.drops_last_token:
            context.forget(0, 3)
        else:
            with pytest.raises(ModelError, match="sequence 0 cannot be cut at position 3"):
                context.forget(0, 3)
        context.forget(0)


def test_a_state_that_does_not_fit_is_refused(model: Model) -> None:
    with llama_lock(), Context(model, sequences=2, length=256, threads=1) as context:
        rows = np.arange(4, dtype=np.int32)
        context.decode(rows + 100, rows, rows * 0, logits=np.zeros(4, dtype=np.int8))
        state = context.save(0)
        context.restore(1, state)
        with pytest.raises(ModelError, match="could not be restored to sequence 1"):
            context.restore(1, state[: len(state) // 2].copy())


@pytest.mark.parametrize(
    ("asked", "answer", "why"),
    [
        ("llama_model_has_encoder", True, "has an encoder"),
        ("llama_model_has_decoder", False, "has an encoder"),
        ("llama_model_is_diffusion", True, "is a diffusion model"),
    ],
)
def test_what_has_no_next_token_is_refused_at_loading(
    q4_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, answer: bool, why: str
) -> None:
    monkeypatch.setattr(llama_cpp, asked, lambda _: answer)
    with pytest.raises(ModelError, match=rf"\.gguf \(llama\) {why}.*name a decoder-only model under models:"):
        Model(q4_path)


def test_a_closed_model_answers_nothing(q4_path: Path) -> None:
    model = Model(q4_path, vocab_only=True)
    assert model.tokenise("a", special=True)
    model.close()
    model.close()
    for call in (
        lambda: model.tokenise("a", special=True),
        lambda: model.tokenise("a", special=False),
        lambda: model.tokenise_response("a"),
        lambda: model.text([5]),
        lambda: model.piece(5),
        lambda: model.ends_turn(5),
        lambda: model.metadata("general.architecture"),
        lambda: model.chat_template,
        lambda: model.bos,
        lambda: model.adds_bos,
        lambda: model.eos_text,
        lambda: model.end_of_turn,
        lambda: model.drops_last_token,
        lambda: ChatTemplate(model),
        lambda: Context(model, sequences=2, length=256, threads=1),
    ):
        with pytest.raises(ModelError, match=r"\.gguf was closed"):
            call()


def test_a_closed_context_answers_nothing(model: Model) -> None:
    with llama_lock(), Context(model, sequences=2, length=256, threads=1) as context:
        rows = np.arange(2, dtype=np.int32)
    for call in (
        lambda: context.decode(rows, rows, rows * 0, logits=np.ones(2, dtype=np.int8)),
        lambda: context.logits(2),
        lambda: context.forget(0),
        lambda: context.save(0),
        lambda: context.restore(0, np.zeros(8, dtype=np.uint8)),
    ):
        with pytest.raises(ModelError, match=r"the context of .* was closed"):
            call()
