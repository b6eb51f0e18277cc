"""Owners of llama.cpp's handles: one model, one context, closed in that order reversed; failures raise with meaning."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from arena_assets.errors import ModelError
from arena_assets.llama.build import supports_gpu
from arena_assets.llama.stop import Stop, StoppedError

Tokens = NDArray[np.int32]

_GGUF_MAGIC = b"GGUF"
_log_tail: deque[str] = deque(maxlen=20)


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _collect_log(level: int, text: bytes, _user_data: ctypes.c_void_p) -> None:
    # llama.cpp says why a load failed only in its log; level 3 and 4 are warnings and errors.
    if level >= 3:
        _log_tail.append(text.decode("utf-8", "replace").strip())


llama_cpp.llama_log_set(_collect_log, ctypes.c_void_p(0))


class Model:
    """A loaded GGUF file: weights, vocabulary and chat template. Close it, or use it as a context manager.

    Raises:
        ModelError: the file is missing, no GGUF, truncated, or GPU layers are asked of a build without GPU support.
    """

    def __init__(self, path: Path, *, n_gpu_layers: int = 0, exact: bool = True, vocab_only: bool = False) -> None:
        _require_gguf(path)
        if n_gpu_layers and not supports_gpu():
            raise ModelError(
                f"n_gpu_layers is {n_gpu_layers}, but this build of llama-cpp-python has no GPU support; "
                "install one that has (docs/full_experiment.md, 'GPU'), or set n_gpu_layers: 0"
            )
        self.path, self.n_gpu_layers = path, n_gpu_layers
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = n_gpu_layers
        params.vocab_only = vocab_only
        if n_gpu_layers == 0:
            # Else a build with GPU support computes wide batches on the GPU all the same, and narrow ones on the CPU.
            params.split_mode, params.main_gpu = llama_cpp.LLAMA_SPLIT_MODE_NONE, -1
        # Repacked weights run in kernels that take several rows at a time, so a row's result depends on its neighbours.
        params.use_extra_bufts = not exact
        llama_cpp.llama_backend_init()
        _log_tail.clear()
        self._handle = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not self._handle:
            raise ModelError(
                f"{path.name} cannot be loaded: {'; '.join(_log_tail) or 'llama.cpp gives no reason'}. "
                "The file may be truncated or of an unknown architecture; fetch it again with `arena fetch-model`"
            )
        self._vocab = llama_cpp.llama_model_get_vocab(self._handle)
        self.vocab_size = int(llama_cpp.llama_vocab_n_tokens(self._vocab))
        # Of the vocabulary alone llama.cpp keeps no limit, but the file states it.
        stated = self.metadata(f"{self.metadata('general.architecture')}.context_length") if vocab_only else None
        self.context_limit = int(stated or llama_cpp.llama_model_n_ctx_train(self._handle))

    @property
    def handle(self) -> object:
        if self._handle is None:
            raise ModelError(f"{self.path.name} was closed")
        return self._handle

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_model_free(self._handle)
            self._handle = None

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def tokenise(self, text: str, *, special: bool) -> list[int]:
        """Token ids of `text`; only with `special` does text such as `<|im_end|>` become a control token."""
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        tokens = (llama_cpp.llama_token * size)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, size, False, special)
        if count < 0:
            raise ModelError(
                f"{self.path.name}: a text of {len(data)} bytes cannot be tokenised (llama.cpp says {count})"
            )
        return list(tokens[:count])

    def text(self, tokens: Sequence[int]) -> str:
        """Text of token ids, control tokens left out; bytes that are no UTF-8 (a cut character) become U+FFFD."""
        return b"".join(self.piece(token) for token in tokens).decode("utf-8", "replace")

    def ends_turn(self, token: int) -> bool:
        """Whether sampling this token ends the response."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    @property
    def end_of_turn(self) -> int:
        """The token that ends an assistant's turn: the vocabulary's end of turn, else its end of text."""
        eot = int(llama_cpp.llama_vocab_eot(self._vocab))
        return eot if eot >= 0 else int(llama_cpp.llama_vocab_eos(self._vocab))

    def metadata(self, key: str) -> str | None:
        size = 1 << 16
        buffer = ctypes.create_string_buffer(size)
        count = llama_cpp.llama_model_meta_val_str(self._handle, key.encode(), buffer, size)
        return None if count < 0 else buffer.value.decode("utf-8", "replace")

    @property
    def chat_template(self) -> str | None:
        return self.metadata("tokenizer.chat_template")

    @property
    def bos(self) -> tuple[int, str] | None:
        """Id and text of the begin-of-text token, where the vocabulary has one."""
        token = int(llama_cpp.llama_vocab_bos(self._vocab))
        if token < 0:
            return None
        return token, (llama_cpp.llama_vocab_get_text(self._vocab, token) or b"").decode("utf-8", "replace")

    @property
    def adds_bos(self) -> bool:
        return bool(llama_cpp.llama_vocab_get_add_bos(self._vocab))

    @property
    def eos_text(self) -> str:
        token = int(llama_cpp.llama_vocab_eos(self._vocab))
        return (
            "" if token < 0 else (llama_cpp.llama_vocab_get_text(self._vocab, token) or b"").decode("utf-8", "replace")
        )

    def piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(64)
        count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        if count < 0:
            buffer = ctypes.create_string_buffer(-count)
            count = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, False)
        return buffer.raw[:count]


class Context:
    """A key-value cache of `sequences` independent streams of `length` tokens each, and the batch that feeds it."""

    def __init__(
        self,
        model: Model,
        *,
        sequences: int,
        length: int,
        threads: int,
        batch: int = 512,
        flash_attention: bool = True,
        stop: Stop | None = None,
    ) -> None:
        self.model, self.sequences = model, sequences
        self._stop = stop or Stop()
        self._batch_size = max(batch, sequences)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = sequences * length
        params.n_batch = params.n_ubatch = self._batch_size
        params.n_seq_max = sequences
        params.n_threads = params.n_threads_batch = threads
        # On a CPU flash attention takes a row's own cells in their order, whatever else is in the batch. Only a row
        # alone, over 512 cells and more, is split by the number of threads: callers decode none alone.
        params.flash_attn_type = -1 if flash_attention else 0
        # With one cache for all sequences a row's cells lie where others left room: logits move by up to 0.8 nats.
        params.kv_unified = False
        params.no_perf = True
        _log_tail.clear()
        self._handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise ModelError(
                f"llama.cpp cannot make a context of {sequences} x {length} tokens for {model.path.name}: "
                f"{'; '.join(_log_tail) or 'no reason given'}; lower engine.cache_tokens"
            )
        llama_cpp.llama_set_abort_callback(self._handle, Stop.reader, self._stop.address)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        self.length = int(llama_cpp.llama_n_ctx_seq(self._handle))
        self._make_batch()

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_free(self._handle)
            self._handle = None

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def decode(self, tokens: Tokens, positions: Tokens, sequences: Tokens, *, logits: NDArray[np.int8]) -> None:
        """Run one batch; all arrays are (n,), `logits` marks the rows whose logits are wanted.

        Raises:
            ModelError: llama.cpp returns nonzero; the text says what that means. StoppedError: `stop` is set.
        """
        if self._stop.is_set():
            raise StoppedError
        n = len(tokens)
        self._tokens[:n], self._positions[:n], self._sequences[:n], self._outputs[:n] = (
            tokens,
            positions,
            sequences,
            logits,
        )
        self._batch.n_tokens = n
        code = int(llama_cpp.llama_decode(self._handle, self._batch))
        if code and self._stop.is_set():
            raise StoppedError
        if code:
            meaning = {1: "the key-value cache is full", 2: "aborted", -1: "invalid batch"}.get(code, "fatal error")
            raise ModelError(f"llama_decode of {n} tokens failed with {code}: {meaning}. {'; '.join(_log_tail)}")

    def logits(self, rows: int) -> NDArray[np.float32]:
        """The last decode's logits of marked rows, (rows, vocabulary), in batch order; the next overwrites them."""
        pointer = llama_cpp.llama_get_logits(self._handle)
        return np.ctypeslib.as_array(pointer, shape=(rows, self.model.vocab_size))

    def forget(self, sequence: int, start: int = 0) -> None:
        """Remove the tokens of a sequence from position `start` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """The cache of a sequence, bit by bit."""
        size = int(llama_cpp.llama_state_seq_get_size(self._handle, sequence))
        state = np.empty(size, dtype=np.uint8)
        written = llama_cpp.llama_state_seq_get_data(self._handle, _bytes_of(state), size, sequence)
        if written != size:
            raise ModelError(f"the state of sequence {sequence} could not be saved ({written} of {size} bytes)")
        return state

    def restore(self, sequence: int, state: NDArray[np.uint8]) -> None:
        """Give a sequence the cache that `save` took."""
        if not llama_cpp.llama_state_seq_set_data(self._handle, _bytes_of(state), state.size, sequence):
            raise ModelError(f"a state of {state.size} bytes could not be restored to sequence {sequence}")

    def _make_batch(self) -> None:
        size = self._batch_size
        self._tokens, self._positions, self._sequences, counts = (np.zeros(size, dtype=np.int32) for _ in range(4))
        counts[:] = 1
        self._outputs = np.zeros(size, dtype=np.int8)
        int32 = ctypes.POINTER(ctypes.c_int32)
        start, step = self._sequences.ctypes.data, self._sequences.itemsize
        pointers = (int32 * size)(*(ctypes.cast(start + i * step, int32) for i in range(size)))
        self._batch = llama_cpp.llama_batch(
            n_tokens=0,
            token=self._tokens.ctypes.data_as(int32),
            embd=None,
            pos=self._positions.ctypes.data_as(int32),
            n_seq_id=counts.ctypes.data_as(int32),
            seq_id=ctypes.cast(pointers, ctypes.POINTER(int32)),
            logits=self._outputs.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )
        self._alive = (counts, pointers)  # the struct holds bare addresses only


def _bytes_of(array: NDArray[np.uint8]) -> object:
    return array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))


def _require_gguf(path: Path) -> None:
    if not path.is_file():
        raise ModelError(f"the model file {path} does not exist; run `arena fetch-model` to get it")
    with path.open("rb") as file:
        magic = file.read(4)
    if magic != _GGUF_MAGIC:
        raise ModelError(
            f"{path.name} is no GGUF file (it begins with {magic!r}, not {_GGUF_MAGIC!r}); name a GGUF file"
        )
