"""Contexts and batches for a group of jobs: how many, how wide, how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from arena_assets.errors import ModelError
from arena_assets.llama.jobs import Job
from arena_assets.llama.prefill import most_sharing

Path = Literal["decode", "prefill"]

_STREAM_ALIGN = 256  # llama.cpp rounds the length of a stream up to this
_MIN_ROWS = 2  # of a decode batch; fewer workers, of more threads each, where the cache has no room for more
_MOST_PACKED = 16
# On a GPU one worker's logits are read by a core while the kernels of another run: on an H100 four were 15 to 60%
# faster than one with as many rows in exact mode, twice as fast in throughput mode; eight were no better.
_GPU_WORKERS = 4
_GPU_ROWS = 16  # of a worker, before there is a second one


@dataclass(frozen=True)
class Shape:
    """What one group of jobs runs in.

    workers: contexts, each with a thread of its own. sequences: of each context. length: of each sequence, tokens.
    constant: every decode batch has all rows and looks back on the whole length, whatever is in flight; `at_work` of
    the sequences get jobs.
    """

    workers: int
    sequences: int
    length: int
    flash_attention: bool
    constant: bool = False
    at_work: int = 0


@dataclass(frozen=True)
class Limits:
    """What shapes are cut from.

    cache_tokens: size of the key-value cache over all workers. max_sequences: most in flight over all workers.
    context_limit: of the model, tokens. most_at_work: of max_sequences, where shapes must stay as they are.
    """

    cache_tokens: int
    max_sequences: int
    context_limit: int
    threads: int
    on_gpu: bool
    exact: bool
    most_at_work: int | None = None

    @property
    def constant(self) -> bool:
        """Whether a job's batches have the shape of its length's class alone: on a GPU kernels choose by the shape."""
        return self.on_gpu and self.exact

    def narrow(self, sequences: int) -> Limits:
        """The same with fewer sequences in flight."""
        return (
            replace(self, most_at_work=sequences) if self.constant else replace(self, max_sequences=max(2, sequences))
        )

    def groups(self, jobs: Sequence[Job]) -> Iterator[tuple[list[Job], int]]:
        """Jobs that share contexts, with the length of these; longest first.

        Raises:
            ModelError: a job is longer than the model's context, or the cache does not hold two such sequences.
        """
        rest = sorted(jobs, key=self._needed, reverse=True)
        while rest:
            length = self._stream(rest[0])
            room = self.cache_tokens // length
            if rest[0].length > self.context_limit or room < 2:
                raise ModelError(
                    f"{rest[0].key} needs {rest[0].length} tokens; the model takes {self.context_limit}, and "
                    f"the cache of {self.cache_tokens} must hold two sequences of {length}: raise engine.cache_tokens "
                    "or lower engine.context_tokens"
                )
            if self.constant:
                group = [job for job in rest if self._stream(job) == length]
            else:
                # A long one must not take the room of many short ones.
                shortest = 0 if room >= self.max_sequences or length == _STREAM_ALIGN else length // 2
                group = [job for job in rest if job.length > shortest]
            rest = rest[len(group) :]
            yield group, length

    def shape(self, jobs: Sequence[Job], length: int, path: Path) -> Shape:
        """What a group runs in: no more sequences than are of use, since all are cleared; unless all are constant."""
        in_flight = min(self.max_sequences, self.cache_tokens // length)
        needed = 1 if path == "prefill" else _MIN_ROWS
        most = min(_GPU_WORKERS, in_flight // _GPU_ROWS) if self.on_gpu else min(self.threads, in_flight // needed)
        workers = max(1, min(most, len(jobs)))
        each = min(in_flight // workers, -(-len(jobs) // workers))
        if path == "prefill":
            packed = 1 if self.constant else min(_MOST_PACKED, each, most_sharing(jobs))
            return Shape(workers, packed, length, flash_attention=True)
        if self.constant:
            rows = in_flight // max(1, most)  # whatever the number of jobs
            at_once = self.most_at_work or in_flight
            workers = min(workers, at_once)
            at_work = min(rows - 1, -(-at_once // workers))
            return Shape(workers, rows, length, flash_attention=False, constant=True, at_work=at_work)
        # A batch has at least two rows, the second a pad where one sequence is all there is.
        return Shape(workers, max(2, each), length, flash_attention=True)

    def _needed(self, job: Job) -> int:
        return max(job.length, min(job.room, self.context_limit)) if self.constant else job.length

    def _stream(self, job: Job) -> int:
        needed = self._needed(job)
        if self.constant:
            return max(_STREAM_ALIGN, 1 << (needed - 1).bit_length())
        return -(-needed // _STREAM_ALIGN) * _STREAM_ALIGN
