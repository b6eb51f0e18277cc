"""What all methods share, made once: calibrations per scoring, problems per target, weights, evidence for the gate,
truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.calibration.reading import Reading, read
from arena_assets.estimation.calibration.reward import RewardCalibration, calibrate
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.data.evaluation import EvaluationData, TargetData
from arena_assets.estimation.diagnostics import weights
from arena_assets.estimation.diagnostics.evidence import Evidence, evidence
from arena_assets.estimation.diagnostics.overlap import Overlap
from arena_assets.estimation.estimators import inputs as problems
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.methods import DOUBLY_ROBUST, Method


@dataclass(frozen=True, eq=False)
class Target:
    """One target under one scoring and reward calibration."""

    problem: problems.Problem
    overlap: Overlap
    evidence: Evidence
    own_labels: Floats  # (m,) of the fresh draws; only `direct_own` may use them
    # Estimates that stacking takes up again, by weight calibration and name.
    made: dict[str, dict[str, Estimate]] = field(default_factory=lambda: {"none": {}, "simcal": {}})

    @cached_property
    def projected(self) -> problems.Problem:
        """The same problem with SIMCal weights."""
        return self.problem.with_weights(self.overlap.projection.weights)

    @property
    def n_draw_prompts(self) -> int:
        return self.problem.draw_prompts

    def labels_used(self, method: Method) -> int:
        """Oracle labels that enter the estimate."""
        if method.estimator == "direct_own":
            return int(np.count_nonzero(~np.isnan(self.own_labels)))
        if method.estimator in DOUBLY_ROBUST:
            return self.problem.n_labelled
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
        self._readings: dict[tuple[str, str], tuple[Reading, Bools]] = {}
        self._overlaps: dict[tuple[str, str, bytes], Overlap] = {}
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
                self._targets[key] = (self._own if own else self._target)(scoring, kind, policy)
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

    def _logged(self, scoring: str, kind: str) -> tuple[Reading, Bools]:
        """P0's usable rows under one calibration, and which of all rows they are: the same for every target."""
        key = (scoring, kind)
        if key not in self._readings:
            calibration = self.calibration(scoring, kind)
            features, usable = self._features(self.data, scoring, kind)
            self._readings[key] = read(features[usable], self._folds[self._rows[usable]], calibration), usable
        return self._readings[key]

    def _overlap(self, scoring: str, policy: str, kept: Bools, scores: Floats) -> Overlap:
        """Calibrations that keep the same rows share their weights."""
        key = (scoring, policy, kept.tobytes())
        if key not in self._overlaps:
            log_weights = np.zeros(self.data.n)
            if policy != self.data.logging_policy:
                log_weights = self.data.targets[policy].log_weights
            self._overlaps[key] = Overlap(scores, weights.from_log(log_weights[kept]))
        return self._overlaps[key]

    def _target(self, scoring: str, kind: str, policy: str) -> Target:
        calibration = self.calibration(scoring, kind)
        logged, usable = self._logged(scoring, kind)
        is_logging_policy = policy == self.data.logging_policy
        if is_logging_policy:
            kept, drawn, draw_prompts = usable, logged, self._rows[usable]
            own_labels = np.full(draw_prompts.size, np.nan)
        else:
            target = self.data.targets[policy]
            kept = usable & ~np.isnan(target.log_weights)
            features, present = self._features(target, scoring, kind)
            draw_prompts = self._draws[policy][present]
            drawn = read(features[present], self._folds[draw_prompts], calibration)
            own_labels = target.labels[present]
        taken = logged.take(kept[usable])
        overlap = self._overlap(scoring, policy, kept, taken.features[:, 0])
        made = problems.Problem(
            n_prompts=self.n_prompts,
            rows=self._rows[kept],
            logged=taken,
            weights=overlap.weights,
            labels=self.data.labels[kept],
            draws=problems.Draws.of(draw_prompts),
            drawn=drawn,
            calibration=calibration,
            folds=self._folds,
        )
        tested = self._tested(scoring, kind)
        seen = evidence(
            made,
            overlap.diagnostics,
            tested,
            self._label_weights(usable, kept, overlap),
            is_logging_policy=is_logging_policy,
        )
        return Target(made, overlap, seen, own_labels)

    def _label_weights(self, usable: Bools, kept: Bools, overlap: Overlap) -> Floats:
        """(m,) weights of the calibration's labels, 0 where the label's row has none."""
        every = np.zeros(self.data.n)
        every[kept] = overlap.weights
        return every[usable & ~np.isnan(self.data.labels)]

    def _own(self, scoring: str, kind: str, policy: str) -> Target:
        """The target with the draws of the prompts whose own labels `direct_own` may use."""
        whole = self.target(scoring, kind, policy)
        half = self._halves[whole.problem.draws.prompts] == 0
        draws = problems.Draws.of(whole.problem.draws.prompts[half])
        made = replace(whole.problem, draws=draws, drawn=whole.problem.drawn.take(half))
        return Target(made, whole.overlap, whole.evidence, whole.own_labels[half])

    def _tested(self, scoring: str, kind: str) -> OutOfFold | None:
        """Residuals for the transport test; uncalibrated methods, whose use of SIMCal weights still asks whether
        E[Y | S] carries over, are tested by the monotone calibration. None where there is none.
        """
        try:
            calibration = self.calibration(scoring, "monotone" if kind == "none" else kind)
        except EstimationError:
            return None
        return None if calibration is None else calibration.out_of_fold
