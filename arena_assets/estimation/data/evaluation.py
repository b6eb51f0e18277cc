"""The data contract of the analysis: P0's logged rows, and for each target its log weights and fresh draws.

A P0 label calibrates. A target's own labels are the truth that estimates are compared with, and nothing else
(an estimator on own labels takes one half of them and is compared with the other). Missing values are NaN, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.estimation._types import Bools, EstimationError, Floats, Ids
from arena_assets.estimation.data import validate as _validate

# Scoring mode -> the column of the judge's scores that holds it.
SCORE_COLUMNS = {"deterministic": "judge_score", "uncertainty_aware": "judge_mean"}
SCORINGS = tuple(SCORE_COLUMNS)


@dataclass(frozen=True)
class LeftOut:
    """Rows that some estimators cannot use: how many, which first, why."""

    policy: str
    what: str
    count: int
    first_ids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TargetData:
    """One target policy. `log_weights` follow P0's rows; everything else follows the target's own fresh draws."""

    log_weights: Floats  # (n,) natural log of pi'(A|X) / pi0(A|X), -inf: a weight of 0; NaN where missing
    prompt_ids: Ids  # (m,)
    scores: Mapping[str, Floats]  # scoring mode -> (m,), in label units, NaN where missing
    variance: Floats  # (m,) judge variance
    response_length: Floats  # (m,) log(1 + tokens)
    labels: Floats  # (m,) NaN where unlabelled or held back
    covariates: Mapping[str, Floats] = field(default_factory=dict)  # name -> (m,), NaN where missing


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """n logged prompts of P0 and its targets. Checked on construction; arrays of one side describe the same rows."""

    logging_policy: str
    prompt_ids: Ids  # (n,) distinct
    scores: Mapping[str, Floats]  # scoring mode -> (n,)
    variance: Floats
    response_length: Floats
    labels: Floats  # (n,) NaN where unlabelled
    targets: Mapping[str, TargetData]
    left_out: tuple[LeftOut, ...] = ()
    logprobs: Floats = field(
        default_factory=lambda: np.empty(0)
    )  # (n,) log pi0(A|X), NaN where missing; diagnostics only
    clusters: Mapping[str, str] = field(default_factory=dict)  # prompt to cluster; a prompt without one stands alone
    covariates: Mapping[str, Floats] = field(default_factory=dict)  # name -> (n,); two-stage calibration reads them all

    def __post_init__(self) -> None:
        n = self.prompt_ids.size
        if n == 0:
            raise EstimationError("no logged rows: the logging policy has no usable prompt")
        _validate.present("prompt_ids of the logged rows", self.prompt_ids)
        distinct, counts = np.unique(self.prompt_ids.astype(str), return_counts=True)
        if distinct.size < n:
            repeated = distinct[counts > 1]
            raise EstimationError(
                f"{repeated.size} prompt ids appear more than once among the logged rows"
                f" (first: {', '.join(repeated[:5])})"
            )
        if self.logprobs.size == 0:
            object.__setattr__(self, "logprobs", np.full(n, np.nan))
        if not self.scores:
            raise EstimationError(f"no scores: at least one of {', '.join(SCORINGS)} is needed")
        _validate.check_names("scoring", self.scores, SCORINGS)
        logged = {
            "variance": self.variance,
            "response_length": self.response_length,
            "labels": self.labels,
            **self.scores,
        }
        _same_size("logged rows", n, {**logged, **self.covariates, "logprobs": self.logprobs})
        for name, target in self.targets.items():
            if name == self.logging_policy:
                raise EstimationError(f"{name!r} is the logging policy; a clone of it needs a name of its own")
            _validate.check_names(f"scoring of {name}", target.scores, SCORINGS)
            # A weight of 0 is a value; everything else that is infinite is none.
            weights = np.where(np.isneginf(target.log_weights), 0.0, target.log_weights)
            _same_size(f"{name}'s log weights", n, {"log_weights": weights})
            drawn = {"variance": target.variance, "response_length": target.response_length, "labels": target.labels}
            _same_size(f"{name}'s fresh draws", target.prompt_ids.size, {**drawn, **target.scores, **target.covariates})
            if target.prompt_ids.size and target.covariates.keys() != self.covariates.keys():
                raise EstimationError(
                    f"covariates of the logged rows are {_named(self.covariates)}, of {name}'s fresh draws"
                    f" {_named(target.covariates)}: they must be the same"
                )
            _validate.present(f"prompt_ids of {name}'s fresh draws", target.prompt_ids)
            if target.prompt_ids.size and not among(target.prompt_ids, self.prompt_ids).any():
                raise EstimationError(f"fresh draws of {name} and logged rows share no prompt_id")

    @property
    def n(self) -> int:
        return int(self.prompt_ids.size)

    @property
    def scorings(self) -> tuple[str, ...]:
        return tuple(mode for mode in SCORINGS if mode in self.scores)

    def take(self, rows: Bools | npt.NDArray[np.int64]) -> EvaluationData:
        """The data of some prompts only: these logged rows, and the fresh draws of the same prompts."""
        ids = self.prompt_ids[rows]
        targets = {}
        for name, target in self.targets.items():
            drawn = among(target.prompt_ids, ids)
            targets[name] = TargetData(
                log_weights=target.log_weights[rows],
                prompt_ids=target.prompt_ids[drawn],
                scores={mode: values[drawn] for mode, values in target.scores.items()},
                variance=target.variance[drawn],
                response_length=target.response_length[drawn],
                labels=target.labels[drawn],
                covariates={one: values[drawn] for one, values in target.covariates.items()},
            )
        return replace(
            self,
            prompt_ids=ids,
            scores={mode: values[rows] for mode, values in self.scores.items()},
            variance=self.variance[rows],
            response_length=self.response_length[rows],
            labels=self.labels[rows],
            logprobs=self.logprobs[rows],
            covariates={one: values[rows] for one, values in self.covariates.items()},
            targets=targets,
        )

    def with_labels(self, labels: Floats) -> EvaluationData:
        """The same data with other labels on P0's rows, to thin out the oracle's coverage."""
        return replace(self, labels=labels)


def among(ids: Ids, others: Ids) -> Bools:
    """Which of `ids` are in `others`. Kept as objects: turned into Arrow strings they take ten times as long."""
    return np.asarray(pd.Index(ids, dtype=object).isin(others), dtype=np.bool_)


def _named(covariates: Mapping[str, Floats]) -> str:
    return ", ".join(covariates) or "none"


def _same_size(what: str, n: int, columns: Mapping[str, Floats]) -> None:
    for name, values in columns.items():
        if values.shape != (n,):
            raise EstimationError(f"{what}: {name} has shape {values.shape}, expected ({n},)")
        if np.isinf(values).any():
            raise EstimationError(f"{what}: {int(np.isinf(values).sum())} values of {name} are infinite; make them NaN")
