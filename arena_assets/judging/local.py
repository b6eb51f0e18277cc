"""Judges on a local model: a rubric's score tokens, or the likelihood of the response itself.

Both are one forward pass a response and deterministic; what was scored is journalled, since it took time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from arena_assets.config import LikelihoodJudge, RubricJudge
from arena_assets.errors import JudgeError
from arena_assets.ids import content_key
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Scorer, Verdict
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Force, Probe
from arena_assets.llama.journalled import finish_missing
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Progress, within

# Score, mean and variance, from ln P of the tokens, (tokens,), nats.
Summary = Callable[[np.ndarray], tuple[float, float, float]]


def build(config: LikelihoodJudge | RubricJudge, pool: ModelPool) -> Scorer:
    """The local scorer that `config` describes."""
    return LikelihoodScorer(config, pool) if isinstance(config, LikelihoodJudge) else RubricScorer(config, pool)


class LocalScorer:
    """What scores by one pass of a local model over each response."""

    def __init__(self, name: str, model: str, pool: ModelPool) -> None:
        self.name, self._model, self._pool = name, model, pool

    def _verdicts(
        self, jobs: Sequence[Force | Probe], summarise: Summary, journal: Journal, progress: Progress
    ) -> list[Verdict]:
        """A verdict a job, in their order; those without any token, or longer than the context, are unscored."""
        loaded = self._pool.get(self._model)
        limit = self._pool.limit(loaded)
        keys = {job.key: _key(job, loaded.identity) for job in jobs}
        former = {} if loaded.former is None else {job.key: _key(job, loaded.former) for job in jobs}
        held = {job.key for job in jobs if keys[job.key] in journal or former.get(job.key, "") in journal}
        fitting = [job for job in jobs if 0 < job.length <= limit or job.key in held]
        items = finish_missing(
            loaded.engine,
            fitting,
            keys,
            journal,
            lambda done: {"logprobs": done.logprobs.tolist()},
            former=former,
            path="prefill",
            progress=within(progress, len(jobs) - len(fitting), len(jobs)),
            on_wait=self._pool.say,
        )
        return [self._verdict(job, items.get(job.key), summarise, limit) for job in jobs]

    def _verdict(self, job: Force | Probe, item: Mapping[str, Any] | None, summarise: Summary, limit: int) -> Verdict:
        if item is None:
            reason = f"prompt and response of {job.length} tokens exceed the judge's context of {limit}"
            return Verdict("unscored", reason=reason, model=self.name, cost_usd=0.0)
        score, mean, variance = summarise(np.array(item["logprobs"]))
        length = len(job.prompt.tokens)
        return Verdict("ok", score, mean, variance, model=self.name, prompt_tokens=length, cost_usd=0.0)


class LikelihoodScorer(LocalScorer):
    """exp(mean ln P per token) of the response under a neutral prompt at temperature 1: 0 to 1 by nature.

    Its variance is that of the mean over the response's tokens, carried through exp by the delta method.
    """

    def __init__(self, config: LikelihoodJudge, pool: ModelPool) -> None:
        super().__init__(f"likelihood under {config.model}", config.model, pool)
        self._config = config

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        loaded = self._pool.get(self._config.model)
        jobs = [self._job(str(number), item, loaded) for number, item in enumerate(items)]
        return self._verdicts(jobs, likelihood, journal, progress)

    def _job(self, key: str, item: Item, loaded: Loaded) -> Force:
        tokens = item.tokens or loaded.retokenise(item.response, "stop")
        return Force(key, loaded.template.render(self._config.system_prompt, item.prompt), 1.0, tokens)


class RubricScorer(LocalScorer):
    """The probabilities of the score tokens after a rubric prompt.

    The most likely score is the deterministic one, the probability-weighted mean and variance the uncertainty-aware.
    """

    def __init__(self, config: RubricJudge, pool: ModelPool) -> None:
        super().__init__(f"rubric under {config.model}", config.model, pool)
        self._config = config

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        loaded = self._pool.get(self._config.model)
        scale = range(self._config.min_score, self._config.max_score + 1)
        tokens = [loaded.model.tokenise_response(str(score)) for score in scale]
        if any(len(ids) != 1 for ids in tokens):
            raise JudgeError(
                f"the model {self._config.model} writes a score of {scale.start} to {scale.stop - 1} in more than one "
                "token; narrow the scale"
            )
        candidates = tuple(ids[0] for ids in tokens)
        values = (np.array(scale) - scale.start) / (len(scale) - 1)
        jobs = [
            Probe(str(number), loaded.template.render(self._config.rubric, self._text(item)), candidates)
            for number, item in enumerate(items)
        ]
        return self._verdicts(jobs, partial(expectation, values), journal, progress)

    def _text(self, item: Item) -> str:
        return f"Question:\n{item.prompt}\n\nAnswer:\n{item.response}\n\nScore:"


def likelihood(logprobs: np.ndarray) -> tuple[float, float, float]:
    """Score, mean and variance from ln P of each token, (tokens,), nats."""
    n = len(logprobs)
    score = float(np.exp(np.mean(logprobs)))
    widest = score * (1 - score)
    # One token shows no spread: the widest variance that the score allows stands for "unknown".
    variance = widest if n < 2 else score**2 * float(np.var(logprobs, ddof=1)) / n
    return score, score, min(variance, widest)


def expectation(values: np.ndarray, logprobs: np.ndarray) -> tuple[float, float, float]:
    """Most likely score, mean and variance over a scale of values in [0, 1] with the given (unnormalised) ln P."""
    weights = np.exp(logprobs - logprobs.max())
    weights /= weights.sum()
    mean = float(np.clip(weights @ values, 0.0, 1.0))
    variance = float(weights @ (values - mean) ** 2)
    return float(values[int(np.argmax(weights))]), mean, min(variance, mean * (1 - mean))


def _key(job: Force | Probe, model: str) -> str:
    asked = job.response if isinstance(job, Force) else job.candidates
    return content_key(kind=type(job).__name__, prompt=job.prompt.tokens, asked=asked, model=model, engine=arithmetic())
