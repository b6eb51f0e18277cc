"""The sequences of one context: continuous batching, sampled or forced, in canonical shapes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from arena_assets.llama.context import Context, Tokens
from arena_assets.llama.distribution import Distribution
from arena_assets.llama.jobs import Done, Force, Generate, Job, Probe, asked_by
from arena_assets.llama.meter import Tally
from arena_assets.llama.template import Prompt

# Rows of one prefill decode. More are hardly faster, and llama.cpp reserves rows x vocabulary floats for each context.
CHUNK = 256
# llama.cpp rounds up to this how far a batch looks back, and the length of a context.
LOOK_BACK = 256
_KEPT_PREFIXES = 16


class Track:
    """A sequence in flight."""

    def __init__(self, job: Generate | Force) -> None:
        self.job = job
        self.tokens: list[int] = []
        self._logprobs: list[tuple[Generate | Force, list[float]]] = [(one, []) for one in asked_by(job)]
        self.last = job.prompt.tokens[-1]
        self.position = len(job.prompt.tokens) - 1
        self._forced = job.response if isinstance(job, Force) else None
        self._random = np.random.Generator(np.random.Philox(job.seed)) if isinstance(job, Generate) else None

    def step(
        self, logits: NDArray[np.float32], distribution: Distribution, ends_turn: Callable[[int], bool]
    ) -> str | None:
        """Take the next token by its logits (vocabulary,), sampled or forced; returns the finish reason at the end."""
        token = None if self._forced is None else self._forced[len(self.tokens)]
        for job, logprobs in self._logprobs:
            distribution.load(logits, job.temperature)
            if token is None:
                assert self._random is not None
                token = distribution.sample(self._random.random())
            logprobs.append(distribution.logprob(token))
        assert token is not None
        self.tokens.append(token)
        self.last, self.position = token, self.position + 1
        if self._forced is not None:
            if len(self.tokens) < len(self._forced):
                return None
            return "stop" if ends_turn(token) else "length"
        assert isinstance(self.job, Generate)
        if ends_turn(token):
            return "stop"
        return "length" if len(self.tokens) == self.job.max_tokens else None

    @property
    def answers(self) -> int:
        """Jobs that each token answers."""
        return len(self._logprobs)

    def done(self, reason: str) -> list[Done]:
        """What each job has that this one answers."""
        return [Done(job.key, tuple(self.tokens), np.array(logprobs), reason) for job, logprobs in self._logprobs]


class DecodeBatch:
    """The sequences of one context: slot i is llama.cpp's sequence i."""

    def __init__(self, context: Context, prefixes: PrefixStates, tally: Tally) -> None:
        self._context, self._tally = context, tally
        self._slots: list[Track | None] = [None] * context.sequences
        self._prefixes = PrefixCache(context, prefixes)
        self._distribution = Distribution(context.model.vocab_size)
        self._ones = np.ones(context.sequences, dtype=np.int8)

    def run(self, take: Callable[[], Job | None], finish: Callable[[Done], None]) -> None:
        """Finish jobs until `take` gives no more; `finish` gets each as it ends, and its slot the next job at once."""
        more = True
        while True:
            for slot, track in enumerate(self._slots):
                if track is None and more:
                    job = take()
                    more = job is not None
                    if isinstance(job, Probe):
                        raise TypeError("a probe has no tokens to decode one by one; run it on the prefill path")
                    if job is not None:
                        self._slots[slot] = self._start(slot, job)
                        self._tally.evaluated += len(job.prompt.tokens)
            if not more:
                self._close_gaps()
            if not any(self._slots):
                return
            for slot, reason in self._step():
                track = self._slots[slot]
                assert track is not None
                self._slots[slot] = None
                for done in track.done(reason):
                    finish(done)

    def _start(self, slot: int, job: Generate | Force) -> Track:
        # All but the prompt's last token: that one enters the one-token path, from which every logit comes.
        prefill(self._context, slot, job.prompt, len(job.prompt.tokens) - 1, self._prefixes)
        return Track(job)

    def _close_gaps(self) -> None:
        """Move the last sequences into free slots: a gap costs a padding row in every batch from here on."""
        while None in self._slots and any(self._slots[self._slots.index(None) :]):
            hole = self._slots.index(None)
            last = max(slot for slot, track in enumerate(self._slots) if track is not None)
            self._context.forget(hole)
            self._context.restore(hole, self._context.save(last))
            self._slots[hole], self._slots[last] = self._slots[last], None

    def _step(self) -> list[tuple[int, str]]:
        """Decode one token of every sequence; returns the slots that ended, with their finish reason."""
        rows = self._rows()
        tokens, positions = np.zeros(rows, dtype=np.int32), np.zeros(rows, dtype=np.int32)
        self._fill(tokens, positions)
        self._context.decode(tokens, positions, np.arange(rows, dtype=np.int32), logits=self._ones[:rows])
        logits = self._context.logits(rows)
        ended = []
        for slot, track in enumerate(self._slots[:rows]):
            if track is not None:
                reason = track.step(logits[slot], self._distribution, self._context.model.ends_turn)
                self._tally.evaluated += 1
                self._tally.answered += track.answers
                if reason:
                    ended.append((slot, reason))
        return ended

    def _rows(self) -> int:
        return max(2, 1 + max(slot for slot, track in enumerate(self._slots) if track is not None))

    def _fill(self, tokens: Tokens, positions: Tokens) -> None:
        """The input of each row; an idle one decodes a pad at position 0, again and again."""
        for slot in range(len(tokens)):
            track = self._slots[slot] if slot < len(self._slots) else None
            if track is None:
                self._context.forget(slot)
            else:
                tokens[slot], positions[slot] = track.last, track.position


class ConstantBatch(DecodeBatch):
    """For a GPU: every batch has a row for each sequence of the context and looks back on the context's whole length.

    llama.cpp computes attention as far back as the longest sequence of a batch goes, in steps of LOOK_BACK. So the last
    sequence, which gets no job, is filled but for its last token, which every batch decodes anew. Where the model has
    a recurrent state, no token can be taken back: there it is filled but for the last step, writes a token a batch, and
    is put back when that step is full.
    """

    def __init__(self, context: Context, at_work: int, tally: Tally) -> None:
        super().__init__(context, PrefixStates(), tally)
        self._slots = [None] * at_work
        self._longest = context.sequences - 1
        self._takes_back = context.model.drops_last_token
        self._start_of_idle = context.length - (1 if self._takes_back else LOOK_BACK)
        self._position = self._start_of_idle
        feed(context, self._longest, [0] * self._start_of_idle, 0)
        keep = self._start_of_idle and not self._takes_back
        self._idle_state = context.save(self._longest) if keep else None

    def _start(self, slot: int, job: Generate | Force) -> Track:
        # Whole: a pass costs launches more than arithmetic, and a saved prefix is restored in thousands of copies.
        self._context.forget(slot)
        feed(self._context, slot, job.prompt.tokens[:-1], 0)
        return Track(job)

    def _close_gaps(self) -> None:
        """Nothing: a gap costs no more than the row that is there anyway."""

    def _rows(self) -> int:
        return self._context.sequences

    def _fill(self, tokens: Tokens, positions: Tokens) -> None:
        super()._fill(tokens[: self._longest], positions[: self._longest])
        if self._takes_back:
            self._context.forget(self._longest, self._position)
        elif self._position == self._context.length:
            self._put_back()
        positions[self._longest] = self._position
        self._position += not self._takes_back

    def _put_back(self) -> None:
        self._context.forget(self._longest)
        if self._idle_state is not None:
            self._context.restore(self._longest, self._idle_state)
        self._position = self._start_of_idle


class PrefixStates:
    """Evaluated prefixes of the workers of one model: contexts of one shape, so a state of one serves all."""

    def __init__(self) -> None:
        self._states: LRUCache[tuple[int, ...], NDArray[np.uint8]] = LRUCache(_KEPT_PREFIXES)
        self._lock = threading.Lock()

    def get(self, prefix: tuple[int, ...]) -> NDArray[np.uint8] | None:
        with self._lock:
            return self._states.get(prefix)

    def put(self, prefix: tuple[int, ...], state: NDArray[np.uint8]) -> None:
        with self._lock:
            self._states[prefix] = state


class PrefixCache:
    """The cache of prompt prefixes (template and system prompt), evaluated once and copied.

    The copy is bit by bit, and the prefix is evaluated in the same chunks with or without it, so it changes no result.
    """

    def __init__(self, context: Context, states: PrefixStates) -> None:
        self._context, self._states = context, states

    def load(self, slot: int, prefix: tuple[int, ...]) -> None:
        """Make slot hold just the prefix."""
        self._context.forget(slot)
        if not prefix:
            return
        state = self._states.get(prefix)
        if state is not None:
            self._context.restore(slot, state)
            return
        feed(self._context, slot, prefix, 0)
        self._states.put(prefix, self._context.save(slot))


def prefill(context: Context, slot: int, prompt: Prompt, stop: int, prefixes: PrefixCache) -> None:
    """Evaluate the first `stop` tokens of a prompt in a slot, without logits."""
    prefix = prompt.tokens[: shared_prefix(prompt, stop, most=stop)]
    prefixes.load(slot, prefix)
    feed(context, slot, prompt.tokens[len(prefix) : stop], len(prefix))


def shared_prefix(prompt: Prompt, stop: int, *, most: int) -> int:
    """Tokens of the prefix to evaluate apart, of `stop` in all and at most `most`: neither they nor the rest is a
    single row."""
    prefix = min(prompt.prefix, most)
    if stop - prefix == 1:
        prefix -= 1
    return prefix if prefix > 1 else 0


def feed(context: Context, slot: int, tokens: Sequence[int], start: int) -> None:
    """Evaluate tokens of one sequence from position `start` in chunks of CHUNK, without logits."""
    at = 0
    while at < len(tokens):
        n = chunk(len(tokens) - at, CHUNK)
        part = np.array(tokens[at : at + n], dtype=np.int32)
        positions = np.arange(start + at, start + at + n, dtype=np.int32)
        context.decode(part, positions, np.full(n, slot, dtype=np.int32), logits=np.zeros(n, dtype=np.int8))
        at += n


def chunk(left: int, most: int) -> int:
    """Rows of the next pass when `left` are left: never such that one row remains, which runs in other kernels."""
    rows = min(left, most)
    return rows - 1 if left - rows == 1 and rows > 2 else rows
