"""Scoring in one pass: prompt and response through together, logits at the positions that are scored.

Fast, but on quantised weights not the distribution that a one-token decode samples from: see DESIGN, section 4.
A job is evaluated by itself in chunks that depend on it and the vocabulary alone, so results do not depend on others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arena_assets.llama.batch import CHUNK, PrefixCache, prefill
from arena_assets.llama.distribution import Distribution
from arena_assets.llama.jobs import Done, Force, Generate, Probe
from arena_assets.llama.native import Context

# Logits are (rows, vocabulary) float32 in llama.cpp's buffer: 128k tokens x 512 rows would be 262 MB.
_LOGITS_BYTES = 64 * 2**20


def scored_rows(vocab_size: int) -> int:
    """Most rows with logits in one pass."""
    return max(8, min(CHUNK, _LOGITS_BYTES // (4 * vocab_size) // 8 * 8))


class PrefillBatch:
    """Scores jobs one after the other in slot 0 of a context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._prefixes = PrefixCache(context)
        self._distribution = Distribution(context.model.vocab_size)
        self._rows = scored_rows(context.model.vocab_size)

    def run(self, take: Callable[[], Generate | Force | Probe | None], finish: Callable[[Done], None]) -> None:
        """Finish jobs until `take` gives no more."""
        while (job := take()) is not None:
            if isinstance(job, Generate):
                raise TypeError("a response is sampled token by token; run it on the decode path")
            finish(self._probe(job) if isinstance(job, Probe) else self._score(job))

    def _probe(self, job: Probe) -> Done:
        context, at = self._context, len(job.prompt.tokens) - 1
        prefill(context, 0, job.prompt, at, self._prefixes)
        one = np.ones(1, dtype=np.int32)
        context.decode(one * job.prompt.tokens[-1], one * at, one * 0, logits=one.astype(np.int8))
        self._distribution.load(context.logits(1)[0], job.temperature)
        return Done(job.key, job.candidates, self._distribution.logprobs(np.array(job.candidates)), "stop")

    def _score(self, job: Force) -> Done:
        context, n_prompt = self._context, len(job.prompt.tokens)
        # The prompt's last token and the response but for its last one are the positions that predict the response.
        first = n_prompt - 1
        prefill(context, 0, job.prompt, first, self._prefixes)
        inputs = np.array([job.prompt.tokens[-1], *job.response[:-1]], dtype=np.int32)
        logprobs = np.empty(len(inputs))
        for at in range(0, len(inputs), self._rows):
            part = inputs[at : at + self._rows]
            n = len(part)
            positions = np.arange(first + at, first + at + n, dtype=np.int32)
            context.decode(part, positions, np.zeros(n, dtype=np.int32), logits=np.ones(n, dtype=np.int8))
            logits = context.logits(n)
            for row in range(n):
                self._distribution.load(logits[row], job.temperature)
                logprobs[at + row] = self._distribution.logprob(job.response[at + row])
        ended = context.model.ends_turn(job.response[-1])
        return Done(job.key, job.response, logprobs, "stop" if ended else "length")
