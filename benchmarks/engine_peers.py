"""What the engine is compared with: llama.cpp bare, and llama-cpp-python's own interface, one token at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import llama_cpp
import numpy as np
from scipy.special import log_softmax

from arena_assets.llama.context import Context
from arena_assets.llama.jobs import Force, Generate
from arena_assets.llama.native import Model

_BATCH = 512  # llama.cpp's own default for one pass


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of `work`, seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Bare:
    """`llama_decode` as llama.cpp sets it up by default (flash attention and all), with the given threads."""

    def __init__(self, model: Model, *, sequences: int, length: int, threads: int) -> None:
        self.context = Context(model, sequences=sequences, length=length, threads=threads, batch=_BATCH)

    def prefill(self, sequences: Sequence[Sequence[int]], first: Sequence[int] | None = None) -> None:
        """Each sequence by itself; no logits but the last, or those from its position in `first` on, left unread."""
        for number, tokens in enumerate(sequences):
            self.context.forget(0)
            wanted = len(tokens) - 1 if first is None else first[number]
            for at in range(0, len(tokens), _BATCH):
                part = np.array(tokens[at : at + _BATCH], dtype=np.int32)
                positions = np.arange(at, at + len(part), dtype=np.int32)
                self.context.decode(part, positions, part * 0, logits=(positions >= wanted).astype(np.int8))
            self.context.logits(1)[0, 0]  # waits for the result

    def rows(self, total: int) -> None:
        """`total` one-token rows, as many at once as there are sequences, logits computed and left unread."""
        n = self.context.sequences
        each = np.arange(n, dtype=np.int32)
        for sequence in each:
            self.context.forget(int(sequence))
        for step in range(-(-total // n)):
            self.context.decode(each + 1000, np.full(n, step, dtype=np.int32), each, logits=np.ones(n, dtype=np.int8))
        self.context.logits(1)[0, 0]


class HighLevel:
    """`llama_cpp.Llama`, as the script pipeline used it."""

    def __init__(self, path: Path, *, length: int, threads: int) -> None:
        self._llama = llama_cpp.Llama(
            str(path), n_ctx=length, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False
        )

    def score(self, jobs: Sequence[Force]) -> list[float]:
        """ln P of each response, nats: the prompt in one `eval`, then one `eval` a token."""
        totals = []
        for job in jobs:
            self._llama.reset()
            self._llama.eval(list(job.prompt.tokens))
            total = 0.0
            for number, token in enumerate(job.response):
                logits = self._llama.scores[self._llama.n_tokens - 1]
                total += float(log_softmax(logits.astype(np.float64) / job.temperature)[token])
                if number < len(job.response) - 1:
                    self._llama.eval([token])
            totals.append(total)
        return totals

    def complete(self, jobs: Sequence[Generate]) -> int:
        """Sample a response to each prompt by `create_completion`, no truncation; returns the number of tokens."""
        tokens = 0
        for job in jobs:
            answer = self._llama.create_completion(
                list(job.prompt.tokens),
                max_tokens=job.max_tokens,
                temperature=job.temperature,
                top_k=0,
                top_p=1.0,
                min_p=0.0,
                repeat_penalty=1.0,
                seed=job.seed % 2**31,
            )
            tokens += answer["usage"]["completion_tokens"]
        return tokens

    def close(self) -> None:
        self._llama.close()


class Peers:
    """Every peer with a number of threads."""

    def __init__(self, model: Model, path: Path, rows: int, length: int, threads: int) -> None:
        self.prefill = Bare(model, sequences=1, length=length, threads=threads)
        self.rows = Bare(model, sequences=rows, length=512, threads=threads)
        self.high = HighLevel(path, length=length, threads=threads)

    def close(self) -> None:
        self.prefill.context.close()
        self.rows.context.close()
        self.high.close()
