"""How far an engine's jobs are, counted in tokens: a sequence in flight counts by what it has, not when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arena_assets.llama.jobs import Done, Generate, Job, Probe
from arena_assets.progress import Progress


@dataclass
class Tally:
    """What one worker did; it alone writes.

    evaluated: tokens of prompts and responses that are through the model. answered: response tokens with their ln P.
    """

    evaluated: int = 0
    answered: int = 0


class Meter:
    """Passes on how many of `total` jobs are done, those in flight by their share, with tokens and speed.

    A sampled response may end early: then all that it might have taken counts as done.

    Args:
        passes: the jobs that are run. done: jobs of `total` that are done already.
    """

    def __init__(
        self,
        passes: Sequence[Job],
        done: int,
        total: int,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = {job.key: _most_tokens(job) for job in passes}
        self._prompts = {job.key: len(job.prompt.tokens) for job in passes}
        self._all = sum(self._most.values())
        self._before, self._ended, self._total = done, done, total
        self._given, self._taken = 0, 0  # tokens that ended jobs might have taken, and did take
        self._tallies: list[Tally] = []
        self._told_end = False
        self._progress, self._clock, self._started = progress, clock, clock()
        self.report()

    def tally(self) -> Tally:
        """For one more worker to count in."""
        self._tallies.append(Tally())
        return self._tallies[-1]

    def end(self, done: Done) -> None:
        """Count a job as ended."""
        self._ended += 1
        if done.key in self._most:  # else it was answered by another's pass
            self._given += self._most[done.key]
            self._taken += self._prompts[done.key] + len(done.tokens)

    def report(self) -> None:
        """Tell how far it is; of the end only once."""
        if self._told_end:
            return
        self._told_end = self._ended == self._total
        tokens = sum(tally.answered for tally in self._tallies)
        seconds = max(self._clock() - self._started, 1e-9)
        note = f"{tokens:,} tokens, {tokens / seconds:.0f} tokens/s" if tokens else ""
        self._progress(self._jobs(), self._total, note)

    def _jobs(self) -> float:
        if self._ended == self._total:
            return self._total
        in_flight = sum(tally.evaluated for tally in self._tallies) - self._taken
        share = min((self._given + in_flight) / self._all, 0.999)
        return self._before + (self._total - self._before) * share


def _most_tokens(job: Job) -> int:
    """Tokens that go through the model, at most."""
    if isinstance(job, Probe):
        return len(job.prompt.tokens) + len(job.candidates)
    return len(job.prompt.tokens) + (job.max_tokens if isinstance(job, Generate) else len(job.response))
