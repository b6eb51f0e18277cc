"""Small GGUF files with random weights: recurrent (Mamba), hybrid (LFM2) and sliding-window (Gemma 3) models.

They have SmolLM2's vocabulary and template. What they write means nothing; how llama.cpp keeps their state is real.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

ARCHITECTURES = ("mamba", "lfm2", "gemma3")
_WIDTH, _HEADS, _KV_HEADS, _HEAD, _INNER = 64, 4, 2, 16, 128
_WINDOW = 64


class _File:
    """A GGUF file in the making: the vocabulary of another one, and tensors drawn from one stream."""

    def __init__(self, path: Path, architecture: str, vocabulary: Path, layers: int) -> None:
        self.writer = gguf.GGUFWriter(path, architecture)
        self._random = np.random.default_rng(5)
        self.tokens = self._copy_vocabulary(vocabulary)
        self.writer.add_context_length(2048)
        self.writer.add_embedding_length(_WIDTH)
        self.writer.add_block_count(layers)
        self.draw("token_embd.weight", _WIDTH, self.tokens, scale=1.0)

    def _copy_vocabulary(self, source: Path) -> int:
        fields = gguf.GGUFReader(source).fields
        for field in fields.values():
            if not field.name.startswith("tokenizer."):
                continue
            kind = field.types[0]
            if kind == gguf.GGUFValueType.ARRAY:
                self.writer.add_array(field.name, field.contents())
            else:
                self.writer.add_key_value(field.name, field.contents(), kind)
        return len(fields["tokenizer.ggml.tokens"].data)

    def draw(self, name: str, *shape: int, scale: float = 0.2) -> None:
        self.writer.add_tensor(name, self._random.normal(0, scale, shape[::-1]).astype(np.float32))

    def ones(self, name: str, size: int = _WIDTH) -> None:
        self.writer.add_tensor(name, np.ones(size, dtype=np.float32))

    def attention(self, block: str, heads: int, head: int) -> None:
        self.draw(block + "attn_q.weight", _WIDTH, _HEADS * head)
        self.draw(block + "attn_k.weight", _WIDTH, heads * head)
        self.draw(block + "attn_v.weight", _WIDTH, heads * head)
        self.draw(block + "attn_output.weight", _HEADS * head, _WIDTH)
        self.ones(block + "attn_q_norm.weight", head)
        self.ones(block + "attn_k_norm.weight", head)

    def feed_forward(self, block: str) -> None:
        self.draw(block + "ffn_gate.weight", _WIDTH, _INNER)
        self.draw(block + "ffn_up.weight", _WIDTH, _INNER)
        self.draw(block + "ffn_down.weight", _INNER, _WIDTH)

    def close(self) -> None:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def write(architecture: str, path: Path, vocabulary: Path) -> Path:
    """A model of one of ARCHITECTURES in `path`, with the vocabulary of the GGUF file `vocabulary`."""
    {"mamba": _mamba, "lfm2": _lfm2, "gemma3": _gemma3}[architecture](path, vocabulary)
    return path


def _mamba(path: Path, vocabulary: Path) -> None:
    kernel, state, rank = 4, 16, 8
    file = _File(path, "mamba", vocabulary, 2)
    file.writer.add_feed_forward_length(0)
    file.writer.add_head_count(0)
    file.writer.add_ssm_conv_kernel(kernel)
    file.writer.add_ssm_inner_size(_INNER)
    file.writer.add_ssm_state_size(state)
    file.writer.add_ssm_time_step_rank(rank)
    file.writer.add_layer_norm_rms_eps(1e-5)
    file.ones("output_norm.weight")
    for block in ("blk.0.", "blk.1."):
        file.ones(block + "attn_norm.weight")
        file.draw(block + "ssm_in.weight", _WIDTH, 2 * _INNER)
        file.draw(block + "ssm_conv1d.weight", kernel, _INNER)
        file.draw(block + "ssm_conv1d.bias", _INNER)
        file.draw(block + "ssm_x.weight", _INNER, rank + 2 * state)
        file.draw(block + "ssm_dt.weight", rank, _INNER)
        file.draw(block + "ssm_dt.bias", _INNER)
        decay = np.full((_INNER, state), -0.5, dtype=np.float32)  # negative, or the state grows without end
        file.writer.add_tensor(block + "ssm_a", decay)
        file.draw(block + "ssm_d", _INNER)
        file.draw(block + "ssm_out.weight", _INNER, _WIDTH)
    file.close()


def _lfm2(path: Path, vocabulary: Path) -> None:
    kv_heads = [0, _KV_HEADS, 0, _KV_HEADS]  # none: a short convolution, which is recurrent
    file = _File(path, "lfm2", vocabulary, len(kv_heads))
    file.writer.add_vocab_size(file.tokens)
    file.writer.add_feed_forward_length(_INNER)
    file.writer.add_head_count(_HEADS)
    file.writer.add_head_count_kv(kv_heads)
    file.writer.add_layer_norm_rms_eps(1e-5)
    file.writer.add_rope_freq_base(1e6)
    file.writer.add_uint32("lfm2.shortconv.l_cache", 3)
    file.ones("token_embd_norm.weight")
    for layer, heads in enumerate(kv_heads):
        block = f"blk.{layer}."
        file.ones(block + "attn_norm.weight")
        file.ones(block + "ffn_norm.weight")
        file.feed_forward(block)
        if heads:
            file.attention(block, heads, _HEAD)
        else:
            file.draw(block + "shortconv.conv.weight", 3, _WIDTH)
            file.draw(block + "shortconv.in_proj.weight", _WIDTH, 3 * _WIDTH)
            file.draw(block + "shortconv.out_proj.weight", _WIDTH, _WIDTH)
    file.close()


def _gemma3(path: Path, vocabulary: Path) -> None:
    head, layers = 32, 8
    file = _File(path, "gemma3", vocabulary, layers)
    file.writer.add_feed_forward_length(_INNER)
    file.writer.add_head_count(_HEADS)
    file.writer.add_head_count_kv(_KV_HEADS)
    file.writer.add_key_length(head)
    file.writer.add_value_length(head)
    file.writer.add_layer_norm_rms_eps(1e-6)
    file.writer.add_sliding_window(_WINDOW)
    file.writer.add_rope_freq_base(1e6)
    file.ones("output_norm.weight")
    for layer in range(layers):
        block = f"blk.{layer}."
        for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
            file.ones(f"{block}{name}.weight")
        file.attention(block, _KV_HEADS, head)
        file.feed_forward(block)
    file.close()
