"""Owner of llama.cpp's context: the key-value cache, its batch, and what goes in and out. Failures raise."""

from __future__ import annotations

import ctypes

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from arena_assets.errors import ModelError
from arena_assets.llama.closing import Closing
from arena_assets.llama.log import forget_words, last_words
from arena_assets.llama.native import Model
from arena_assets.llama.stop import Stop, StoppedError

Tokens = NDArray[np.int32]


class Context(Closing):
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
        forget_words()
        self._handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._handle:
            raise ModelError(
                f"llama.cpp cannot make a context of {sequences} x {length} tokens for {model.path.name}: "
                f"{last_words('no reason given')}; lower engine.cache_tokens"
            )
        llama_cpp.llama_set_abort_callback(self._handle, Stop.reader, self._stop.address)
        self._memory = llama_cpp.llama_get_memory(self._handle)
        if not self._memory:
            self.close()
            raise ModelError(f"{model.path.name} keeps nothing of the tokens before: it cannot write token by token")
        self.length = int(llama_cpp.llama_n_ctx_seq(self._handle))
        self._make_batch()

    @property
    def handle(self) -> object:
        if self._handle is None:
            raise ModelError(f"the context of {self.model.path.name} was closed")
        return self._handle

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_free(self._handle)
            self._handle = None

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
        code = int(llama_cpp.llama_decode(self.handle, self._batch))
        if code and self._stop.is_set():
            raise StoppedError
        if code:
            meaning = {1: "the key-value cache is full", 2: "aborted", -1: "invalid batch"}.get(code, "fatal error")
            raise ModelError(f"llama_decode of {n} tokens failed with {code}: {meaning}. {last_words()}")

    def logits(self, rows: int) -> NDArray[np.float32]:
        """The last decode's logits of marked rows, (rows, vocabulary), in batch order; the next overwrites them."""
        pointer = llama_cpp.llama_get_logits(self.handle)
        if not pointer:
            raise ModelError(f"llama.cpp has no logits of {rows} rows: the last batch asked for none, or failed")
        return np.ctypeslib.as_array(pointer, shape=(rows, self.model.vocab_size))

    def forget(self, sequence: int, start: int = 0) -> None:
        """Remove the tokens of a sequence from position `start` on.

        Raises:
            ModelError: a recurrent state cannot be cut; only the whole sequence can be forgotten.
        """
        if not (self.handle and llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)):
            raise ModelError(
                f"{self.model.path.name}: sequence {sequence} cannot be cut at position {start} "
                f"({last_words('a recurrent state keeps none of the states before it')})"
            )

    def save(self, sequence: int) -> NDArray[np.uint8]:
        """The cache of a sequence, bit by bit."""
        size = int(llama_cpp.llama_state_seq_get_size(self.handle, sequence))
        state = np.empty(size, dtype=np.uint8)
        written = int(llama_cpp.llama_state_seq_get_data(self.handle, _bytes_of(state), size, sequence))
        if written != size or not size:
            raise ModelError(
                f"the state of sequence {sequence} could not be saved ({written} of {size} bytes). {last_words()}"
            )
        return state

    def restore(self, sequence: int, state: NDArray[np.uint8]) -> None:
        """Give a sequence the cache that `save` took."""
        read = int(llama_cpp.llama_state_seq_set_data(self.handle, _bytes_of(state), state.size, sequence))
        if read != state.size:
            raise ModelError(
                f"a state of {state.size} bytes could not be restored to sequence {sequence} ({read} read). "
                f"{last_words()}"
            )

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
