"""The tables of a generated experiment, partition by partition.

Labels, scores and weights hang together as in a real run: a target's log weight is the log ratio of the very
distributions that make its responses better or worse, so that the weighted mean of P0's labels is the mean label of
the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.ids import prompt_id
from arena_assets.slices import choose
from tests.made_up.results import Floats

TOPICS = (
    "the water cycle",
    "a lease",
    "binary search",
    "the French revolution",
    "sourdough",
    "tides",
    "a cover letter",
)
_SENTENCE = (
    "The answer depends on what is meant by it: first the question is restated, then each part of it is taken in turn, "
    "with an example where one helps and a short summary at the end so that nothing is left open or unsaid"
)
WORDS = _SENTENCE.split(" ")
# Model output that a page must show as text: markup, an image that would call home, a link, a formula.
HOSTILE = (
    "<img src=x onerror=\"document.title='broken'\"> <b>bold</b> ![x](https://example.invalid/x.png) "
    "[link](https://example.invalid) $x^2$ :material/home: # heading"
)


@dataclass(frozen=True)
class Shift:
    """How a target differs from P0: mean quality (in standard deviations), other log-ratio noise, length factor."""

    quality: float
    noise: float
    length: float = 1.0


# Good overlap, middling overlap, poor overlap and lower quality; pi_clone is P0 again.
SHIFTS = {
    "pi_clone": Shift(0.0, 0.0),
    "pi_cooler": Shift(0.25, 0.6),
    "pi_concise": Shift(0.35, 1.2, 0.4),
    "pi_bad": Shift(-1.6, 1.5, 0.8),
}


class Batch:
    """One partition's rows; every draw depends on (seed, partition) alone."""

    def __init__(self, experiment: Experiment, partition: str, seed: int) -> None:
        self._experiment = experiment
        self._partition = partition
        start, stop = experiment.batch_bounds(partition)
        self._rows = np.arange(start, stop)
        self._rng = np.random.default_rng([seed, int(partition)])
        self.prompts_text = [
            f"Question {row}: explain {TOPICS[row % len(TOPICS)]} to a newcomer." for row in self._rows
        ]
        self.ids = [prompt_id(text) for text in self.prompts_text]
        size = self._rows.size
        difficulty = self._rng.normal(0, 0.7, size)
        self._quality: dict[str, Floats] = {}
        self.labels: dict[str, Floats] = {}
        self.log_weights: dict[str, Floats] = {}
        self._tokens: dict[str, npt.NDArray[np.int64]] = {}
        logged = self._rng.normal(0, 1, size)
        for policy in experiment.policies:
            shift = SHIFTS.get(policy.name, Shift(0.0, 0.0))
            quality = logged if policy is experiment.logging_policy else self._rng.normal(shift.quality, 1, size)
            self._quality[policy.name] = quality
            chance = 1 / (1 + np.exp(-(0.4 + quality - difficulty)))
            self.labels[policy.name] = self._rng.binomial(4, chance) / 4
            lengths = self._rng.gamma(4, 30 * shift.length, size) + 4
            self._tokens[policy.name] = lengths.clip(4, policy.max_tokens).astype(np.int64)
            if policy is not experiment.logging_policy:
                noise = self._rng.normal(-(shift.noise**2) / 2, shift.noise, size) if shift.noise else np.zeros(size)
                self.log_weights[policy.name] = shift.quality * logged - shift.quality**2 / 2 + noise
        self._logprob = -1.1 * self._tokens[experiment.logging_policy.name] * self._rng.uniform(0.8, 1.2, size)

    def prompts(self) -> pd.DataFrame:
        return pd.DataFrame(
            {"prompt_id": self.ids, "prompt": self.prompts_text, "language": "English", "source_row": self._rows}
        )

    def responses(self) -> pd.DataFrame:
        return pd.concat([self._responses(policy.name) for policy in self._experiment.policies], ignore_index=True)

    def _responses(self, policy: str) -> pd.DataFrame:
        tokens = self._tokens[policy]
        logged = policy == self._experiment.logging_policy.name
        texts = [self._text(int(row), int(count)) for row, count in zip(self._rows, tokens, strict=True)]
        if self._rows[0] == 0:
            texts[0] = HOSTILE
        return pd.DataFrame(
            {
                "prompt_id": self.ids,
                "policy": policy,
                "response": texts,
                "response_tokens": [np.arange(count, dtype=np.int32) for count in tokens],
                "finish_reason": np.where(tokens >= 256, "length", "stop"),
                "n_prompt_tokens": 32,
                "n_response_tokens": tokens,
                "sampling_logprob": self._logprob if logged else -1.1 * tokens,
                "seed": self._rows,
                "reason": None,
            }
        )

    def logprobs(self) -> pd.DataFrame:
        names = list(self.log_weights)
        values = np.column_stack([self._logprob + self.log_weights[name] for name in names]).clip(max=0)
        rejected: list[list[dict[str, object]]] = [[] for _ in self.ids]
        logps = [dict(zip(names, row, strict=True)) for row in values.tolist()]
        if self._rows.size > 3:
            rejected[3] = [{"policy": names[-1], "value": -9e4, "reason": "below -500 nats per token"}]
            logps[3][names[-1]] = None
        return pd.DataFrame(
            {
                "prompt_id": self.ids,
                "prompt": self.prompts_text,
                "response": self._responses(self._experiment.logging_policy.name)["response"],
                "total_logprob": self._logprob,
                "target_logps": logps,
                "n_response_tokens": self._tokens[self._experiment.logging_policy.name],
                "rejected": rejected,
            }
        )

    def judge_scores(self) -> pd.DataFrame:
        frames = []
        for policy in self._experiment.policies:
            chance = 1 / (1 + np.exp(-(0.6 * self._quality[policy.name] + self._rng.normal(0, 0.8, len(self.ids)))))
            frames.append(
                self._scored(policy.name).assign(
                    judge_score=np.round(chance * 10) / 10,
                    judge_mean=chance,
                    judge_variance=0.2 * chance * (1 - chance),
                )
            )
        return pd.concat(frames, ignore_index=True)

    def oracle_labels(self) -> pd.DataFrame:
        frames = []
        chosen: dict[str, set[str]] = {policy.name: set() for policy in self._experiment.policies}
        for entry in choose(self._experiment, self._partition, self.ids):
            chosen[entry.policy].add(entry.prompt_id)
        for policy in self._experiment.policies:
            name = "calibration" if policy is self._experiment.logging_policy else "validation"
            frame = self._scored(policy.name).assign(oracle_label=self.labels[policy.name], slice=name)
            inside = chosen[policy.name]
            frames.append(frame[frame["prompt_id"].isin(inside)])
        return pd.concat(frames, ignore_index=True)

    def _scored(self, policy: str) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "prompt_id": self.ids,
                "policy": policy,
                "status": "ok",
                "reason": None,
                "model": "generated",
                "prompt_tokens": self._tokens[policy],
                "completion_tokens": 1,
                "cost_usd": 2e-7 * self._tokens[policy],
            }
        )

    @staticmethod
    def _text(row: int, count: int) -> str:
        start = row % len(WORDS)
        return " ".join((WORDS * (count // len(WORDS) + 2))[start : start + count])
