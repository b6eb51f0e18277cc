"""Scoring in one pass: prompt and response through together, logits at the positions that are scored.

Fast, but on quantised weights not the distribution that a one-token decode samples from: see docs/design.md.
A job is evaluated in chunks that depend on it and the vocabulary alone. Short ones share a pass, on a CPU without a
trace: each row of each operation is computed by itself, and attention takes for all of a pass the same kernel that each
of its jobs would have alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from arena_assets.llama.batch import CHUNK, PrefixCache, PrefixStates, chunk, shared_prefix
from arena_assets.llama.context import Context, Tokens
from arena_assets.llama.distribution import Distribution
from arena_assets.llama.jobs import Done, Force, Generate, Job, Probe, asked_by
from arena_assets.llama.meter import Tally

# Logits are (rows, vocabulary) float32 in llama.cpp's buffer: 128k tokens x 512 rows would be 262 MB.
_LOGITS_BYTES = 64 * 2**20
# From so many rows of a sequence on, llama.cpp's flash attention on a CPU computes them in tiles (GGML_FA_TILE_Q).
_TILED = 64

Take = Callable[[], Job | None]


def scored_rows(vocab_size: int) -> int:
    """Most rows with logits in one pass."""
    return max(8, min(CHUNK, _LOGITS_BYTES // (4 * vocab_size) // 8 * 8))


class Scoring:
    """A job on its way: its input tokens, the first position with logits, and what was read from them."""

    def __init__(self, job: Force | Probe) -> None:
        # The prompt's last token and the response but for its last one are the positions that predict the response.
        response = job.response[:-1] if isinstance(job, Force) else ()
        self.job = job
        self.inputs: Tokens = np.array([*job.prompt.tokens, *response], dtype=np.int32)
        self.first = len(job.prompt.tokens) - 1
        self.prefix = shared_prefix(job.prompt, len(self.inputs), most=self.first)
        self._logprobs: list[tuple[Force | Probe, list[float]]] = [(one, []) for one in asked_by(job)]

    @property
    def fresh(self) -> int:
        """Rows to evaluate: all but the prefix."""
        return len(self.inputs) - self.prefix

    @property
    def length(self) -> int:
        """Tokens of the prompt and of what is asked."""
        asked = self.job.response if isinstance(self.job, Force) else self.job.candidates
        return len(self.job.prompt.tokens) + len(asked)

    @property
    def scored(self) -> int:
        """Rows with logits."""
        return len(self.inputs) - self.first

    def read(self, logits: NDArray[np.float32], distribution: Distribution) -> None:
        """Take what is asked of the next scored position from its logits (vocabulary,)."""
        for job, logprobs in self._logprobs:
            distribution.load(logits, job.temperature)
            if isinstance(job, Probe):
                logprobs += distribution.logprobs(np.array(job.candidates)).tolist()
            else:
                logprobs.append(distribution.logprob(job.response[len(logprobs)]))

    def done(self, ends_turn: Callable[[int], bool]) -> list[Done]:
        """What each job has that this one answers."""
        if isinstance(self.job, Probe):
            tokens, reason = self.job.candidates, "stop"
        else:
            tokens, reason = self.job.response, "stop" if ends_turn(self.job.response[-1]) else "length"
        return [Done(job.key, tokens, np.array(logprobs), reason) for job, logprobs in self._logprobs]


def most_sharing(jobs: Sequence[Job]) -> int:
    """Most of the jobs that can share one pass; a context needs no more sequences than that."""
    shortest = sorted(Scoring(job).fresh for job in jobs if not isinstance(job, Generate))
    return max((count for count, rows in enumerate(shortest, 1) if count * rows <= CHUNK), default=1)


class PrefillBatch:
    """Scores jobs, as many at once as a pass and the context have room for."""

    def __init__(self, context: Context, prefixes: PrefixStates, tally: Tally) -> None:
        self._context, self._tally = context, tally
        self._prefixes = PrefixCache(context, prefixes)
        self._distribution = Distribution(context.model.vocab_size)
        self._rows = scored_rows(context.model.vocab_size)

    def run(self, take: Take, finish: Callable[[Done], None]) -> None:
        """Finish jobs until `take` gives no more."""
        following = self._next(take)
        while following is not None:
            pack, following = self._pack(following, take)
            for slot, scoring in enumerate(pack):
                self._prefixes.load(slot, scoring.job.prompt.tokens[: scoring.prefix])
            if len(pack) == 1:
                self._alone(pack[0])
            else:
                self._together(pack)
            for scoring in pack:
                for done in scoring.done(self._context.model.ends_turn):
                    self._tally.answered += len(done.tokens)
                    finish(done)

    def _next(self, take: Take) -> Scoring | None:
        job = take()
        if isinstance(job, Generate):
            raise TypeError("a response is sampled token by token; run it on the decode path")
        return None if job is None else Scoring(job)

    def _pack(self, first: Scoring, take: Take) -> tuple[list[Scoring], Scoring | None]:
        """What goes into the next pass, and the job that found no room."""
        pack, width, scored, prefix = [first], first.fresh, first.scored, first.prefix
        following = self._next(take)
        while following is not None and len(pack) < self._context.sequences:
            if (following.fresh < _TILED) != (first.fresh < _TILED):
                break
            width, prefix = max(width, following.fresh), max(prefix, following.prefix)
            scored += following.scored
            rows = width * (len(pack) + 1)
            if rows > CHUNK or scored > self._rows or prefix + width > self._context.length:
                break
            pack.append(following)
            following = self._next(take)
        return pack, following

    def _alone(self, scoring: Scoring) -> None:
        at, end = scoring.prefix, len(scoring.inputs)
        while at < end:
            stop = at + chunk(end - at, min(CHUNK, max(at, scoring.first) - at + self._rows))
            positions = np.arange(at, stop, dtype=np.int32)
            self._pass([scoring], scoring.inputs[at:stop], positions, np.zeros(stop - at, dtype=np.int32))
            self._tally.evaluated += stop - at
            at = stop
        self._tally.evaluated += scoring.length - scoring.fresh

    def _together(self, pack: list[Scoring]) -> None:
        # llama.cpp cuts sequences of unequal length into passes of equal ones, the last of them short and slow; so each
        # is filled up to the longest. The fill comes after what is scored, which does not see it.
        width = max(scoring.fresh for scoring in pack)
        tokens = np.zeros((len(pack), width), dtype=np.int32)
        positions = np.zeros((len(pack), width), dtype=np.int32)
        for row, scoring in enumerate(pack):
            tokens[row, : scoring.fresh] = scoring.inputs[scoring.prefix :]
            positions[row] = np.arange(scoring.prefix, scoring.prefix + width)
        slots = np.repeat(np.arange(len(pack), dtype=np.int32), width)
        self._pass(pack, tokens.ravel(), positions.ravel(), slots)
        self._tally.evaluated += sum(scoring.length for scoring in pack)

    def _pass(self, pack: list[Scoring], tokens: Tokens, positions: Tokens, slots: Tokens) -> None:
        first = np.array([scoring.first for scoring in pack])[slots]
        end = np.array([len(scoring.inputs) for scoring in pack])[slots]
        marked = (positions >= first) & (positions < end)
        asked = _in_company(marked)
        self._context.decode(tokens, positions, slots, logits=asked.astype(np.int8))
        scored = slots[marked]
        if not len(scored):
            return
        logits = self._context.logits(int(np.count_nonzero(asked)))
        for row, slot in zip(np.flatnonzero(marked[asked]), scored, strict=True):
            pack[slot].read(logits[row], self._distribution)


def _in_company(scored: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The rows to ask for logits: those that are scored, a single one with another, whose logits nobody reads.

    The output layer of one row is computed by another kernel, on some CPUs to other bits than that of several.
    """
    asked = scored.copy()
    if np.count_nonzero(scored) == 1:
        asked[np.flatnonzero(~scored)[-1:]] = True
    return asked
