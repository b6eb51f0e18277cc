"""What all methods share, made once: calibrations per scoring, problems per target, weights, evidence for the gate,
truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from . import problem as problems
from . import simcal, weights
from ._numeric import sums, tally
from ._types import Bools, EstimationError, Floats, Ints
from .calibration import RewardCalibration, calibrate
from .data import EvaluationData, TargetData
from .estimate import Estimate
from .evidence import Evidence, evidence
from .methods import Method


@dataclass(frozen=True, eq=False)
class Target:
    """One target under one scoring and reward calibration."""

    problem: problems.Problem
    evidence: Evidence
    own_labels: Floats  # of the fresh draws; all NaN unless prepared for `direct_own`
    # Estimates that stacking takes up again, by weight calibration and name.
    made: dict[str, dict[str, Estimate]] = field(default_factory=lambda: {"none": {}, "simcal": {}})

    @cached_property
    def projection(self) -> simcal.Projection:
        """SIMCal weights."""
        return simcal.project(self.problem.features[:, 0], self.problem.weights)

    @cached_property
    def projected(self) -> problems.Problem:
        """The same problem with SIMCal weights."""
        return self.problem.with_weights(self.projection.weights)

    @property
    def n_draw_prompts(self) -> int:
        return self.problem.draw_prompts

    def labels_used(self, method: Method) -> int:
        """Oracle labels that enter the estimate."""
        own = int((~np.isnan(self.own_labels)).sum())
        if method.estimator == "direct_own":
            return own
        if method.uses_weights and method.estimator not in ("ips", "clipped_ips", "snips", "calibrated_ips"):
            return int((~np.isnan(self.problem.labels)).sum())
        return 0 if self.problem.calibration is None else int(self.problem.calibration.labels.size)


class Preparation:
    """Caches what several methods need.

    Prompts of P0 and of all targets share one numbering, so estimates can be paired.
    """

    def __init__(self, data: EvaluationData, *, seed: int = 0) -> None:
        self.data = data
        every = np.concatenate([data.prompt_ids, *(target.prompt_ids for target in data.targets.values())])
        codes, names = pd.factorize(every)
        self._names = np.asarray(names, dtype=object)
        self._rows: Ints = codes[: data.n].astype(np.int64)
        ends = np.cumsum([data.n, *(target.prompt_ids.size for target in data.targets.values())])
        self._draws = {
            name: codes[start:end].astype(np.int64)
            for name, start, end in zip(data.targets, ends[:-1], ends[1:], strict=True)
        }
        self._folds = problems.hash_folds(self._names, salt=f"fold:{seed}")
        self._halves = problems.hash_folds(self._names, 2, salt=f"truth:{seed}")
        self._truths: dict[tuple[str, bool], tuple[float, float]] = {}
        self._variance: dict[str, bool] = {}
        self._calibrations: dict[tuple[str, str], RewardCalibration | EstimationError] = {}
        self._targets: dict[tuple[str, str, str, bool], Target | EstimationError] = {}

    @property
    def n_prompts(self) -> int:
        return int(self._names.size)

    def truth(self, policy: str, *, half: bool = False) -> tuple[float, float]:
        """Mean and standard error of the target's own labels, by prompt; NaN for P0, whose labels calibrate.

        `half`: of the half of the prompts that `direct_own` does not see.
        """
        key = (policy, half)
        if key not in self._truths:
            self._truths[key] = self._truth(policy, half)
        return self._truths[key]

    def _truth(self, policy: str, half: bool) -> tuple[float, float]:
        if policy == self.data.logging_policy:
            return np.nan, np.nan
        labels, prompts = self.data.targets[policy].labels, self._draws[policy]
        present = ~np.isnan(labels)
        if half:
            present &= self._halves[prompts] == 1
        if not present.any():
            return np.nan, np.nan
        code = np.unique(prompts[present], return_inverse=True)[1]
        means = sums(code, labels[present]) / tally(code)
        error = float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else np.nan
        return float(means.mean()), error

    def calibration(self, scoring: str, kind: str) -> RewardCalibration | None:
        """f for a scoring, fitted on P0's labelled rows; None for kind `none`. Raises where it is not possible."""
        if scoring not in self.data.scores:
            raise EstimationError(f"the data have no {scoring} scores; they have: {', '.join(self.data.scorings)}")
        if kind == "none":
            return None
        key = (scoring, kind)
        if key not in self._calibrations:
            try:
                self._calibrations[key] = self._calibrate(scoring, kind)
            except EstimationError as error:
                self._calibrations[key] = error
        found = self._calibrations[key]
        if isinstance(found, EstimationError):
            raise found
        return found

    def target(self, scoring: str, kind: str, policy: str, *, own: bool = False) -> Target:
        """The problem of one policy (P0 itself included), with its evidence."""
        key = (scoring, kind, policy, own)
        if key not in self._targets:
            try:
                self._targets[key] = self._target(scoring, kind, policy, own)
            except EstimationError as error:
                self._targets[key] = error
        found = self._targets[key]
        if isinstance(found, EstimationError):
            raise found
        return found

    def own_residuals(self, scoring: str, kind: str, policy: str) -> Floats:
        """Y' - f(S') on the target's own labels, one mean per prompt: the direct test of transport."""
        calibration = self.calibration(scoring, kind)
        target = self.data.targets[policy]
        features, usable = self._features(target, scoring, kind)
        present = usable & ~np.isnan(target.labels)
        if calibration is None or not present.any():
            return np.empty(0)
        residual = target.labels[present] - calibration.predict(calibration.prepare(features[present]))
        code = np.unique(self._draws[policy][present], return_inverse=True)[1]
        return sums(code, residual) / tally(code)

    def uses_variance(self, scoring: str) -> bool:
        """Whether two-stage calibration takes the judge's variance as a covariate.

        Only where it lowers the out-of-fold squared error by more than one standard error of the difference.
        """
        if scoring != "uncertainty_aware":
            return False
        if scoring not in self._variance:
            self._variance[scoring] = self._variance_helps(scoring)
        return self._variance[scoring]

    def _variance_helps(self, scoring: str) -> bool:
        plain = [self.data.scores[scoring], self.data.response_length]
        features = np.column_stack([*plain, self.data.variance])
        usable = ~np.isnan(features).any(axis=1) & ~np.isnan(self.data.labels)
        if usable.sum() < 2 or np.ptp(features[usable, 2]) == 0:
            return False
        squared = []
        for columns in (features[:, :2], features):
            fitted = self._fit(columns, usable, columns[usable])
            outside = fitted.predict_out_of_fold(fitted.prepared, fitted.folds)
            squared.append((fitted.labels - outside) ** 2)
        gain = squared[0] - squared[1]
        return bool(gain.mean() > gain.std(ddof=1) / np.sqrt(gain.size))

    def _calibrate(self, scoring: str, kind: str) -> RewardCalibration:
        features, usable = self._features(self.data, scoring, kind)
        return self._fit(features, usable & ~np.isnan(self.data.labels), features[usable])

    def _fit(self, features: Floats, labelled: Bools, reference: Floats) -> RewardCalibration:
        return calibrate(
            features[labelled],
            self.data.labels[labelled],
            prompts=self._rows[labelled],
            folds=self._folds[self._rows[labelled]],
            reference=reference,
            n_folds=problems.N_FOLDS,
        )

    def _features(self, source: EvaluationData | TargetData, scoring: str, kind: str) -> tuple[Floats, Bools]:
        """(r, 1 + k) features, judge score first, and which rows have them all."""
        if scoring not in source.scores:
            raise EstimationError(f"the data have no {scoring} scores for one of the policies")
        columns = [source.scores[scoring]]
        if kind == "two_stage":
            if source.response_length.size and np.isnan(source.response_length).all():
                raise EstimationError("two-stage calibration needs response lengths, and there are none")
            columns.append(source.response_length)
            if self.uses_variance(scoring):
                columns.append(source.variance)
        features = np.column_stack(columns)
        usable: Bools = np.asarray(~np.isnan(features).any(axis=1))
        return features, usable

    def _target(self, scoring: str, kind: str, policy: str, own: bool) -> Target:
        calibration = self.calibration(scoring, kind)
        features, usable = self._features(self.data, scoring, kind)
        is_logging_policy = policy == self.data.logging_policy
        if is_logging_policy:
            log_weights, draw_features, draw_prompts = np.zeros(self.data.n), features, self._rows
            own_labels = np.full(self.data.n, np.nan)
        else:
            target = self.data.targets[policy]
            log_weights, draw_prompts = target.log_weights, self._draws[policy]
            draw_features = self._features(target, scoring, kind)[0]
            own_labels = target.labels if own else np.full(target.labels.size, np.nan)
        kept = usable & ~np.isnan(log_weights)
        drawn = ~np.isnan(draw_features).any(axis=1)
        if own:
            drawn &= self._halves[draw_prompts] == 0
        made = problems.build(
            n_prompts=self.n_prompts,
            rows=self._rows[kept],
            features=features[kept],
            weights=weights.from_log(log_weights[kept]),
            labels=self.data.labels[kept],
            draws=problems.Draws.of(draw_features[drawn], draw_prompts[drawn]),
            calibration=calibration,
            folds=self._folds,
        )
        tested = made.rewards_oof if calibration is not None else self._monotone_out_of_fold(scoring, made)
        return Target(made, evidence(made, tested, is_logging_policy=is_logging_policy), own_labels[drawn])

    def _monotone_out_of_fold(self, scoring: str, problem: problems.Problem) -> Floats | None:
        """f-(S) for uncalibrated methods, whose use of SIMCal weights still asks whether E[Y | S] carries over."""
        try:
            calibration = self.calibration(scoring, "monotone")
        except EstimationError:
            return None
        if calibration is None:
            return None
        return calibration.predict_out_of_fold(problem.features[:, :1], self._folds[problem.rows])
