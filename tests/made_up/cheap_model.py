"""A model and a judge that cost nothing and speak the real ones' protocols: every value follows from its arguments.

Each item takes a few milliseconds and is told to a log before it is journalled, so that a test sees what was done
twice; each stage tells the log that it began, so that a test can choose where to kill.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from arena_assets.config import Experiment
from arena_assets.ids import content_key
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.llama.jobs import Done, Force, Generate
from arena_assets.llama.template import Prompt
from arena_assets.machine import Machine
from arena_assets.orchestration.resources import LocalModels

PAUSE = 0.004


def tell(line: str) -> None:
    """Append a line to the log of the test; one write, so that two processes never mix."""
    descriptor = os.open(os.environ["INTERRUPTION_LOG"], os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def unit(*parts: object) -> float:
    """A number in [0, 1) that follows from the arguments."""
    return int(hashlib.sha256("\xff".join(map(str, parts)).encode()).hexdigest()[:13], 16) / 16**13


class CheapEngine:
    """Samples tokens from the job's seed; ln P of a token follows from prompt, temperature, token and place."""

    def narrow(self, _: int) -> CheapEngine:
        return self

    def run(self, jobs: Sequence[Generate | Force], keep: Callable[[Done], None], **_: Any) -> None:
        if jobs:
            tell("stage generation" if isinstance(jobs[0], Generate) else "stage scoring")
        for job in jobs:
            time.sleep(PAUSE)
            if isinstance(job, Generate):
                length = 3 + int(unit("length", job.seed) * (job.max_tokens - 3))
                tokens = tuple(int(unit("token", job.seed, place) * 1000) for place in range(length))
            else:
                tokens = job.response
            logprobs = [-0.2 - unit(job.prompt, job.temperature, t, place) for place, t in enumerate(tokens)]
            tell(f"item {type(job).__name__} {job.key}")
            keep(Done(job.key, tokens, np.array(logprobs), "stop"))


class CheapPool:
    """One model for all names."""

    say = staticmethod(lambda _: None)

    def __init__(self) -> None:
        self._loaded = SimpleNamespace(
            name="cheap",
            identity="cheap",
            former=None,
            vocabulary="cheap",
            engine=CheapEngine(),
            template=SimpleNamespace(render=self._render),
            model=SimpleNamespace(
                text=lambda tokens: " ".join(map(str, tokens)), piece=lambda token: f"{token} ".encode()
            ),
        )

    @staticmethod
    def machine() -> Machine:
        return Machine("cheap", "0", "0" * 16)

    def kind(self) -> str:
        return self.machine().fingerprint

    def get(self, _: str) -> SimpleNamespace:
        return self._loaded

    def limit(self, _: object) -> int:
        return 4096

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _render(system_prompt: str, user: str, template_kwargs: Any = None) -> Prompt:
        del template_kwargs
        return Prompt(tuple(hashlib.sha256(f"{system_prompt}\xff{user}".encode()).digest()), 0)


class CheapModels(LocalModels):
    """Gives the cheap pool to every asset."""

    def pool(self, experiment: Experiment, say: Callable[[str], None]) -> Any:
        del experiment, say
        return CheapPool()


class CheapScorer:
    """A judge, or an oracle, whose every answer is journalled as if it had been paid for."""

    def __init__(self, name: str) -> None:
        self.name = name

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Any) -> list[Verdict]:
        del progress
        tell("stage judging")
        verdicts = []
        for item in items:
            key = content_key(scorer=self.name, prompt=item.prompt, response=item.response)
            if journal.get(key) is None:
                time.sleep(PAUSE)
                tell(f"item {self.name} {item.prompt_id}/{item.policy}")
                journal.append(key, {"score": round(unit(self.name, item.response), 3)})
            found = journal.get(key)
            assert found is not None
            score = float(found["score"])
            verdicts.append(Verdict("ok", score, score, score * (1 - score) / 2, model=self.name, cost_usd=0.001))
        return verdicts
