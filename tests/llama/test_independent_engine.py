"""Another engine agrees: the transformer of the same F16 file, written out in numpy float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, log_softmax

from arena_assets.llama.engine import Engine
from arena_assets.llama.jobs import Generate
from arena_assets.llama.native import Model
from arena_assets.llama.template import ChatTemplate
from tests.llama.llama_work import QUESTIONS, SYSTEM, finish, forced

gguf = pytest.importorskip("gguf", reason="the package gguf reads the weights for the second engine")

Array = NDArray[np.float32]


class Transformer:
    """Llama: RMS norm, rotary embedding on adjacent pairs (GGUF's order), grouped attention, gated feed-forward."""

    def __init__(self, path: Path, model: Model) -> None:
        reader = gguf.GGUFReader(path)
        self.weights = {
            tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
            for tensor in reader.tensors
        }
        read = lambda key: float(model.metadata(f"llama.{key}") or "nan")  # noqa: E731
        self.layers, self.heads = int(read("block_count")), int(read("attention.head_count"))
        self.kv_heads, self.size = int(read("attention.head_count_kv")), int(read("rope.dimension_count"))
        self.epsilon, self.base = read("attention.layer_norm_rms_epsilon"), read("rope.freq_base")

    def logits(self, tokens: list[int]) -> Array:
        """(tokens, vocabulary)"""
        x = self.weights["token_embd.weight"][tokens]
        for layer in range(self.layers):
            x = x + self._attend(self._norm(x, f"blk.{layer}.attn_norm.weight"), layer)
            h = self._norm(x, f"blk.{layer}.ffn_norm.weight")
            gate = self._times(h, f"blk.{layer}.ffn_gate.weight")
            x = x + self._times(
                gate * expit(gate) * self._times(h, f"blk.{layer}.ffn_up.weight"), f"blk.{layer}.ffn_down.weight"
            )
        name = "output.weight" if "output.weight" in self.weights else "token_embd.weight"
        return self._times(self._norm(x, "output_norm.weight"), name)

    def _attend(self, h: Array, layer: int) -> Array:
        n = len(h)
        q = self._rotate(self._times(h, f"blk.{layer}.attn_q.weight").reshape(n, self.heads, self.size))
        k = self._rotate(self._times(h, f"blk.{layer}.attn_k.weight").reshape(n, self.kv_heads, self.size))
        v = self._times(h, f"blk.{layer}.attn_v.weight").reshape(n, self.kv_heads, self.size)
        k, v = (np.repeat(part, self.heads // self.kv_heads, axis=1) for part in (k, v))
        scores = np.einsum("ihd,jhd->hij", q, k) / np.sqrt(self.size)
        scores[:, ~np.tri(n, dtype=bool)] = -np.inf
        out = np.einsum("hij,jhd->ihd", np.exp(log_softmax(scores, axis=-1)), v)
        return self._times(out.reshape(n, -1), f"blk.{layer}.attn_output.weight")

    def _rotate(self, x: Array) -> Array:
        angles = np.outer(np.arange(len(x)), self.base ** (-np.arange(0, self.size, 2) / self.size))[:, None, :]
        turned = (x[..., ::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
        return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape).astype(np.float32)

    def _norm(self, x: Array, name: str) -> Array:
        scale = np.sqrt(np.mean(x.astype(np.float64) ** 2, axis=-1, keepdims=True) + self.epsilon)
        return (x / scale).astype(np.float32) * self.weights[name]

    def _times(self, x: Array, name: str) -> Array:
        return x @ self.weights[name].T


@pytest.mark.parametrize("temperature", [0.8, 1.0])
def test_another_engine_gives_the_same_log_probabilities(f16: Model, f16_path: Path, temperature: float) -> None:
    template = ChatTemplate(f16)
    jobs = [
        Generate(str(n), template.render(SYSTEM, question), temperature, 12, n)
        for n, question in enumerate(QUESTIONS[:3])
    ]
    engine = Engine(f16, cache_tokens=4096)
    sampled = finish(engine, jobs)
    prefilled = finish(engine, forced(jobs, sampled), "prefill")
    other = Transformer(f16_path, f16)
    for job in jobs:
        response = sampled[job.key].tokens
        start = len(job.prompt.tokens) - 1
        logits = other.logits([*job.prompt.tokens, *response[:-1]])[start:].astype(np.float64)
        expected = log_softmax(logits / temperature, axis=-1)[np.arange(len(response)), list(response)]
        assert sampled[job.key].logprobs == pytest.approx(expected, abs=0.05)
        assert prefilled[job.key].logprobs == pytest.approx(expected, abs=0.05)
