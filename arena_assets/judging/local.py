"""Judges on a local model: a rubric's score tokens, or the likelihood of the response itself.

Both are one forward pass a response and deterministic; what was scored is journalled, since it took time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from arena_assets.config import LikelihoodJudge, RubricJudge
from arena_assets.errors import JudgeError
from arena_assets.ids import content_key
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Scorer, Verdict
from arena_assets.llama.build import arithmetic
from arena_assets.llama.jobs import Done, Force, Probe
from arena_assets.llama.loaded import Loaded
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Progress, within


def build(config: LikelihoodJudge | RubricJudge, pool: ModelPool) -> Scorer:
    """The local scorer that `config` describes."""
    return LikelihoodScorer(config, pool) if isinstance(config, LikelihoodJudge) else RubricScorer(config, pool)


class LikelihoodScorer:
    """exp(mean ln P per token) of the response under a neutral prompt at temperature 1: 0 to 1 by nature.

    Its variance is that of the mean over the response's tokens, carried through exp by the delta method.
    """

    def __init__(self, config: LikelihoodJudge, pool: ModelPool) -> None:
        self._config, self._pool = config, pool
        self.name = f"likelihood under {config.model}"

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        loaded = self._pool.get(self._config.model)
        jobs = [self._job(str(number), item, loaded) for number, item in enumerate(items)]
        return _finish(jobs, self._pool, loaded, journal, progress, self.name, likelihood)

    def _job(self, key: str, item: Item, loaded: Loaded) -> Force:
        tokens = item.tokens or loaded.retokenise(item.response, "stop")
        return Force(key, loaded.template.render(self._config.system_prompt, item.prompt), 1.0, tokens)


class RubricScorer:
    """The probabilities of the score tokens after a rubric prompt.

    The most likely score is the deterministic one, the probability-weighted mean and variance the uncertainty-aware.
    """

    def __init__(self, config: RubricJudge, pool: ModelPool) -> None:
        self._config, self._pool = config, pool
        self.name = f"rubric under {config.model}"

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:
        loaded = self._pool.get(self._config.model)
        scale = range(self._config.min_score, self._config.max_score + 1)
        tokens = [loaded.model.tokenise(str(score), special=False) for score in scale]
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
        return _finish(jobs, self._pool, loaded, journal, progress, self.name, partial(expectation, values))

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


def _finish(
    jobs: Sequence[Force | Probe],
    pool: ModelPool,
    loaded: Loaded,
    journal: Journal,
    progress: Progress,
    name: str,
    summarise: Callable[[np.ndarray], tuple[float, float, float]],
) -> list[Verdict]:
    keys = {job.key: _key(job, loaded) for job in jobs}
    limit = pool.limit(loaded)
    missing = [job for job in jobs if keys[job.key] not in journal and 0 < job.length <= limit]
    # Equal responses are one item of the journal and one forward pass.
    distinct = list({keys[job.key]: job for job in missing}.values())
    held = len(jobs) - len(distinct)

    def keep(done: Done) -> None:
        journal.append(keys[done.key], {"logprobs": done.logprobs.tolist()})

    loaded.engine.run(
        distinct,
        keep,
        path="prefill",
        progress=within(progress, held, len(jobs)),
        on_wait=pool.say,
    )
    verdicts = []
    for job in jobs:
        item = journal.get(keys[job.key])
        if item is None:
            reason = f"prompt and response of {job.length} tokens exceed the judge's context of {limit}"
            verdicts.append(Verdict("unscored", reason=reason, model=name, cost_usd=0.0))
            continue
        score, mean, variance = summarise(np.array(item["logprobs"]))
        verdicts.append(
            Verdict("ok", score, mean, variance, model=name, prompt_tokens=len(job.prompt.tokens), cost_usd=0.0)
        )
    return verdicts


def _key(job: Force | Probe, loaded: Loaded) -> str:
    asked = job.response if isinstance(job, Force) else job.candidates
    return content_key(
        kind=type(job).__name__, prompt=job.prompt.tokens, asked=asked, model=loaded.identity, engine=arithmetic()
    )
