"""One model's jobs over all cores: generation, teacher forcing by replay, and scoring in one pass.

Exact mode promises, on a CPU, that every result depends on its job alone: not on the batch around it, the order, the
number of sequences, threads, context size or resumption. It holds because each `llama_decode` has a canonical shape:

* the unified cache is off (`Context`), repacked weights too (`Model`);
* no pass has a single row, which some kernels, flash attention among them, compute in another way;
* a prompt is prefilled by itself: its prefix first, then the rest, in chunks counted from the prefix' end;
* logits come from one-token rows only, at least two a batch, sorted by sequence id without gaps.

The cores are used by one worker each, with a context of its own and one llama.cpp thread. Two llama.cpp threads of one
context meet at a barrier after every operation and spin there: on a machine that does anything else at the same time
they run ten times slower and more, and even alone they are no faster than two workers that never wait for each other.

Throughput mode gives up the promise for repacked weights.

On a GPU nothing was tried, for want of one. There one context does all, and exact mode has the same number of rows in
every decode batch, filled up with idle ones, since kernels choose by it. Whether replay then equals sampling to the
last bit is for the `reproducibility` check to say: it reports, and promises nothing.
"""

from __future__ import annotations

import os
import queue
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Literal

import numpy as np

from arena_assets.errors import ModelError
from arena_assets.llama.batch import CHUNK, DecodeBatch, PrefixStates
from arena_assets.llama.jobs import Done, Force, Generate, Probe
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.native import Context, Model
from arena_assets.llama.prefill import PrefillBatch, most_sharing
from arena_assets.llama.stop import Stop, StoppedError
from arena_assets.progress import Progress, silent

_STREAM_ALIGN = 256  # llama.cpp rounds the length of a stream up to this
_MIN_ROWS = 2  # of a decode batch; fewer workers, of more threads each, where the cache has no room for more
_MOST_PACKED = 16
_WAKE_S = 0.5

Path = Literal["decode", "prefill"]
Job = Generate | Force | Probe


class Engine:
    """Runs jobs on one model with as many sequences in flight as the cache has room for.

    Args:
        cache_tokens: size of the key-value cache over all sequences of all workers, tokens.
        max_sequences: most sequences in flight, over all workers.
        threads: cores to use; None takes every core.
    """

    def __init__(
        self,
        model: Model,
        *,
        cache_tokens: int = 32768,
        max_sequences: int = 64,
        threads: int | None = None,
        exact: bool = True,
    ) -> None:
        self.model, self.exact = model, exact
        self.threads = threads or os.cpu_count() or 1
        self._cache_tokens, self._max_sequences = cache_tokens, max(2, max_sequences)

    def narrow(self, max_sequences: int) -> Engine:
        """The same engine with fewer sequences in flight: another composition of every batch."""
        return Engine(
            self.model,
            cache_tokens=self._cache_tokens,
            max_sequences=max_sequences,
            threads=self.threads,
            exact=self.exact,
        )

    def run(
        self,
        jobs: Sequence[Job],
        on_done: Callable[[Done], None],
        *,
        path: Path = "decode",
        progress: Progress = silent,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Finish every job; `on_done` is called in this thread as each one ends, in no promised order.

        An interruption (KeyboardInterrupt, Dagster's termination) is heard within one decode; what `on_done` got stays.

        Raises:
            ModelError: a job is longer than the cache or the model's context, or llama.cpp fails.
        """
        meter = _Meter(len(jobs), progress)
        for job in jobs:
            if isinstance(job, Force) and not job.response:
                on_done(Done(job.key, (), np.zeros(0), "stop"))
                meter.add(0)
        waiting = [job for job in jobs if not isinstance(job, Force) or job.response]
        groups = list(self._groups(waiting))  # what cannot fit is said before any work
        with llama_lock(on_wait):
            for group, length in groups:
                with closing(self._finish(group, length, path)) as finished:  # stops the workers when on_done raises
                    for done in finished:
                        on_done(done)
                        meter.add(len(done.tokens))

    def _groups(self, jobs: Sequence[Job]) -> Iterator[tuple[list[Job], int]]:
        """Jobs that share a context, longest first: a long one must not take the room of many short ones."""
        rest = sorted(jobs, key=lambda job: job.length, reverse=True)
        while rest:
            length = -(-rest[0].length // _STREAM_ALIGN) * _STREAM_ALIGN
            room = self._cache_tokens // length
            if rest[0].length > self.model.context_limit or room < 2:
                raise ModelError(
                    f"{rest[0].key} needs {rest[0].length} tokens; the model takes {self.model.context_limit}, and "
                    f"the cache of {self._cache_tokens} must hold two such sequences: raise engine.cache_tokens "
                    "or lower engine.context_tokens"
                )
            shortest = 0 if room >= self._max_sequences or length == _STREAM_ALIGN else length // 2
            group = [job for job in rest if job.length > shortest]
            rest = rest[len(group) :]
            yield group, length

    def _shape(self, jobs: Sequence[Job], length: int, path: Path) -> tuple[int, int]:
        """Number of workers, and of sequences in the context of each: no more than are of use, all are cleared."""
        in_flight = min(self._max_sequences, self._cache_tokens // length)
        gpu = bool(self.model.n_gpu_layers)
        needed = 1 if path == "prefill" else _MIN_ROWS
        workers = 1 if gpu else max(1, min(self.threads, in_flight // needed, len(jobs)))
        each = min(in_flight // workers, -(-len(jobs) // workers))
        if path == "prefill":
            return workers, min(_MOST_PACKED, each, most_sharing(jobs))
        # A batch has at least two rows, the second a pad where one sequence is all there is.
        return workers, in_flight if gpu else max(2, each)

    def _finish(self, jobs: Sequence[Job], length: int, path: Path) -> Generator[Done, None, None]:
        """Finish jobs on all workers, yielding each in the caller's thread."""
        workers, sequences = self._shape(jobs, length, path)
        todo, done, stop = deque(jobs), queue.SimpleQueue[Done | None](), Stop()
        prefixes = PrefixStates()

        def take() -> Job | None:
            try:
                return None if stop.is_set() else todo.popleft()
            except IndexError:
                return None

        def work() -> None:
            finished = False
            try:
                with Context(
                    self.model,
                    sequences=sequences,
                    length=length,
                    threads=max(1, self.threads // workers),
                    batch=CHUNK,
                    flash_attention=not (self.exact and self.model.n_gpu_layers),
                    stop=stop,
                ) as context:
                    if path == "decode":
                        DecodeBatch(context, prefixes, padded=bool(self.model.n_gpu_layers)).run(take, done.put)
                    else:
                        PrefillBatch(context, prefixes).run(take, done.put)
                finished = True
            finally:
                if not finished:
                    stop.set()  # one worker's failure ends the others
                done.put(None)

        with ThreadPoolExecutor(workers, thread_name_prefix="llama") as pool:
            futures = [pool.submit(work) for _ in range(workers)]
            try:
                running = workers
                while running:
                    try:
                        # A signal may reach a thread that only sets Python's flag: this one must wake to see it.
                        result = done.get(timeout=_WAKE_S)
                    except queue.Empty:
                        continue
                    if result is None:
                        running -= 1
                    else:
                        yield result
            finally:
                stop.set()
        errors = [error for future in futures if (error := future.exception()) is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, StoppedError)):
            raise error  # the cause comes before those that it stopped


class _Meter:
    """Counts finished sequences and tokens, and passes the speed on."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._done, self._tokens, self._started = 0, 0, time.monotonic()

    def add(self, tokens: int) -> None:
        self._done += 1
        self._tokens += tokens
        seconds = max(time.monotonic() - self._started, 1e-9)
        self._progress(self._done, self._total, f"{self._tokens / seconds:.0f} tokens/s")
