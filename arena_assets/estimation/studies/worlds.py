"""A scenario of the simulation: one entry with its name, what it tests, and data whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

import numpy as np

from arena_assets.estimation._types import EstimationError, Floats, Ids, Ints
from arena_assets.estimation.data.evaluation import EvaluationData, TargetData
from arena_assets.estimation.data.folds import hash_folds
from arena_assets.estimation.studies.judges import Judge, fine
from arena_assets.estimation.studies.outcomes import Outcome, Smooth, quality
from arena_assets.estimation.studies.policies import P0, Answers, Policy

TARGET = "target"
LOGGING = "p0"
# The log odds of a label rise by this much from the lowest score or label to the highest.
LABELLED_ODDS = 3.0


@dataclass(frozen=True)
class Design:
    """How much is observed, and how: the sizes, the outcome, the judge, and which rows are labelled.

    draws: fresh draws of a prompt; drawn_prompts: prompts that have any, None for all; cluster: prompts that share X;
    named_clusters: whether the data say which these are; named_hidden: whether they name the hidden feature as a
    covariate.
    """

    n: int = 1000
    n_labels: int = 250
    outcome: Outcome = field(default_factory=Smooth)
    judge: Judge = fine
    labelled: Literal["random", "by score", "by weight", "by label"] = "random"
    draws: int = 1
    drawn_prompts: int | None = None
    cluster: int = 1
    named_clusters: bool = True
    named_hidden: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.n_labels <= self.n:
            raise EstimationError(f"n_labels is {self.n_labels}, must lie between 0 and n = {self.n}")


@dataclass(frozen=True)
class World:
    """A scenario. Thresholds are chosen on the one half of all names and confirmed on the other, by a hash of them."""

    name: str
    tests: str
    target: Policy = P0
    design: Design = field(default_factory=Design)

    @property
    def truth(self) -> float:
        """The target's mean label."""
        return self.design.outcome.mean(self.target)

    @property
    def contrast(self) -> float:
        """The target's mean label less P0's."""
        return self.truth - self.design.outcome.mean(P0)

    @property
    def confirms(self) -> bool:
        """Whether it is of the half that sets no threshold."""
        return bool(hash_folds(np.array([self.name], dtype=object), 2, salt="threshold")[0])

    def draw(self, rng: np.random.Generator) -> EvaluationData:
        """One data set. All of the target's own labels are present, for estimators that use them."""
        return generate({TARGET: self.target}, self.design, rng)


def generate(targets: Mapping[str, Policy], design: Design, rng: np.random.Generator) -> EvaluationData:
    """Prompts logged by P0, some of them labelled, and labelled fresh draws of every target."""
    n, ranked = design.n, any(target.tail is not None for target in targets.values())
    ids = np.array([f"p{i}" for i in range(n)], dtype=object)
    none = np.full(n, np.nan)
    prompt = np.repeat(rng.standard_normal(ceil(n / design.cluster)), design.cluster)[:n]
    logged = P0.answers(n, rng, ranked=ranked)
    score, label = _judged(prompt, logged, design, rng)
    weights = {name: target.log_weights(logged) for name, target in targets.items()}
    label[_unlabelled(design, score, label, next(iter(weights.values()), none), rng)] = np.nan
    drawn = {}
    for name, target in targets.items():
        rows = _drawn(design, rng)
        fresh = target.answers(rows.size, rng, ranked=ranked)
        fresh_score, fresh_label = _judged(prompt[rows], fresh, design, rng)
        drawn[name] = TargetData(
            log_weights=weights[name],
            prompt_ids=ids[rows],
            scores={"deterministic": fresh_score},
            variance=np.full(rows.size, np.nan),
            response_length=fresh.features[:, 2],
            labels=fresh_label,
            covariates=_covariates(fresh, design),
        )
    return EvaluationData(
        logging_policy=LOGGING,
        prompt_ids=ids,
        scores={"deterministic": score},
        variance=none,
        response_length=logged.features[:, 2],
        labels=label,
        targets=drawn,
        clusters=_clusters(ids, design),
        covariates=_covariates(logged, design),
    )


def _covariates(answers: Answers, design: Design) -> dict[str, Floats]:
    return {"hidden": answers.features[:, 1]} if design.named_hidden else {}


def _clusters(ids: Ids, design: Design) -> dict[str, str]:
    if design.cluster == 1 or not design.named_clusters:
        return {}
    return {prompt: f"c{place // design.cluster}" for place, prompt in enumerate(ids)}


def _judged(prompt: Floats, answers: Answers, design: Design, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Judge scores and labels of answers."""
    z = quality(prompt, answers)
    label = design.outcome.draw(z, answers, rng)
    return design.judge(z, label, rng), label


def _drawn(design: Design, rng: np.random.Generator) -> Ints:
    """The prompt of each fresh draw."""
    prompts = np.arange(design.n)
    if design.drawn_prompts is not None:
        prompts = np.sort(rng.choice(design.n, design.drawn_prompts, replace=False))
    return np.repeat(prompts, design.draws)


def _unlabelled(design: Design, score: Floats, label: Floats, log_weights: Floats, rng: np.random.Generator) -> Ints:
    """Rows without a label: n_labels are drawn without replacement, each with its odds (the largest of Gumbel keys)."""
    if design.labelled == "random":
        return rng.permutation(design.n)[design.n_labels :]
    odds = {"by score": LABELLED_ODDS * score, "by label": LABELLED_ODDS * label, "by weight": log_weights}
    keys = odds[design.labelled] + rng.gumbel(size=design.n)
    return np.argsort(-keys)[design.n_labels :]
