"""One model's jobs over all cores: generation, teacher forcing by replay, and scoring in one pass.

Exact mode promises, on a CPU, that every result depends on its job alone: not on the batch around it, the order, the
number of sequences, threads, context size or resumption. It holds because each `llama_decode` has a canonical shape:

* the unified cache is off (`Context`), repacked weights too (`Model`);
* no pass has a single row, nor asks for the logits of one alone: some kernels, flash attention among them, compute it
  in another way;
* a prompt is prefilled by itself: its prefix first, then the rest, in chunks counted from the prefix' end;
* logits come from one-token rows only, at least two a batch, sorted by sequence id without gaps.

The cores are used by one worker each, with a context of its own and one llama.cpp thread. Two llama.cpp threads of one
context meet at a barrier after every operation and spin there: on a machine that does anything else at the same time
they run ten times slower and more, and even alone they are no faster than two workers that never wait for each other.

On a GPU kernels, and with them the order of sums, are chosen by the shape of the batch and by how far back its longest
sequence looks. So there, in exact mode, a job's shape depends on its length's class and the configuration alone:

* every decode batch has all rows of its context, and one of them, idle, always looks back on the whole context;
* a prompt is prefilled by itself from its first token, and scoring in one pass takes one job a pass;
* flash attention, which cuts a row's cells by its place in the batch, is for single sequences only.

So it was equal to the last bit on an H100 (tests/llama/test_gpu.py); elsewhere the checks of each batch tell.

Throughput mode gives up the promise: for repacked weights on a CPU, for flash attention and free shapes on a GPU.
"""

from __future__ import annotations

import copy
import os
import queue
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from arena_assets.llama.batch import CHUNK, ConstantBatch, DecodeBatch, PrefixStates
from arena_assets.llama.context import Context
from arena_assets.llama.jobs import Done, Force, Job, in_passes
from arena_assets.llama.lock import llama_lock
from arena_assets.llama.meter import Meter
from arena_assets.llama.native import Model
from arena_assets.llama.prefill import PrefillBatch
from arena_assets.llama.shape import Limits, Path
from arena_assets.llama.stop import Stop, StoppedError
from arena_assets.progress import Progress, silent

_WAKE_S = 0.5


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
        self.model = model
        self.limits = Limits(
            cache_tokens=cache_tokens,
            max_sequences=max(2, max_sequences),
            context_limit=model.context_limit,
            threads=threads or os.cpu_count() or 1,
            on_gpu=bool(model.n_gpu_layers),
            exact=exact,
        )

    def narrow(self, sequences: int) -> Engine:
        """The same engine with fewer sequences in flight: another composition of every batch."""
        narrowed = copy.copy(self)
        narrowed.limits = self.limits.narrow(sequences)
        return narrowed

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
        empty = [job for job in jobs if isinstance(job, Force) and not job.response]
        for job in empty:
            on_done(Done(job.key, (), np.zeros(0), "stop"))
        passes = in_passes(job for job in jobs if not isinstance(job, Force) or job.response)
        groups = list(self.limits.groups(passes))  # what cannot fit is said before any work
        with llama_lock(on_wait):
            meter = Meter(passes, len(empty), len(jobs), progress)
            for group, length in groups:
                # Closed, the workers are stopped: when on_done raises, too.
                with closing(self._finish(group, length, path, meter)) as finished:
                    for done in finished:
                        if done is not None:
                            on_done(done)
                            meter.end(done)
                        meter.report()

    def _finish(self, jobs: Sequence[Job], length: int, path: Path, meter: Meter) -> Generator[Done | None, None, None]:
        """Finish jobs on all workers, yielding each in the caller's thread; None now and then while nothing ends."""
        shape = self.limits.shape(jobs, length, path)
        todo, done, stop = deque(jobs), queue.SimpleQueue[Done | None](), Stop()
        prefixes = PrefixStates()

        def take() -> Job | None:
            try:
                return None if stop.is_set() else todo.popleft()
            except IndexError:
                return None

        def work() -> None:
            finished, tally = False, meter.tally()
            try:
                with Context(
                    self.model,
                    sequences=shape.sequences,
                    length=shape.length,
                    threads=max(1, self.limits.threads // shape.workers),
                    batch=CHUNK,
                    flash_attention=shape.flash_attention,
                    stop=stop,
                ) as context:
                    if path == "prefill":
                        PrefillBatch(context, prefixes, tally).run(take, done.put)
                    elif shape.constant:
                        ConstantBatch(context, shape.at_work, tally).run(take, done.put)
                    else:
                        DecodeBatch(context, prefixes, tally).run(take, done.put)
                finished = True
            finally:
                if not finished:
                    stop.set()  # one worker's failure ends the others
                done.put(None)

        with ThreadPoolExecutor(shape.workers, thread_name_prefix="llama") as pool:
            futures = [pool.submit(work) for _ in range(shape.workers)]
            try:
                running = shape.workers
                while running:
                    try:
                        # A signal may reach a thread that only sets Python's flag: this one must wake to see it.
                        result = done.get(timeout=_WAKE_S)
                    except queue.Empty:
                        yield None
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
