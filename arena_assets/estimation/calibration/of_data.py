"""The calibrations of one data set: which features each reads, and each fitted once on P0's labelled rows."""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._once import Once
from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.calibration.reward import RewardCalibration, calibrate
from arena_assets.estimation.data.clusters import Clusters, mean_error
from arena_assets.estimation.data.evaluation import EvaluationData, TargetData
from arena_assets.estimation.data.folds import N_FOLDS


class Calibrations:
    """By scoring mode and kind: `none`, `monotone` or `two_stage`."""

    def __init__(self, data: EvaluationData, prompts: Ints, clusters: Clusters, folds: Ints) -> None:
        """prompts, folds: (n,) prompt and fold of each logged row."""
        self._data, self._prompts, self._clusters, self._folds = data, prompts, clusters, folds
        self._fitted: Once[tuple[str, str], RewardCalibration] = Once()
        self._variance: Once[str, bool] = Once()

    def get(self, scoring: str, kind: str) -> RewardCalibration | None:
        """f; None for kind `none`. Raises EstimationError where it is not possible."""
        if scoring not in self._data.scores:
            raise EstimationError(f"the data have no {scoring} scores; they have: {', '.join(self._data.scorings)}")
        if kind == "none":
            return None
        return self._fitted.get((scoring, kind), lambda: self._calibrate(scoring, kind))

    def features(self, source: EvaluationData | TargetData, scoring: str, kind: str) -> tuple[Floats, Bools]:
        """(r, 1 + k) features, judge score first, and which rows have them all."""
        if scoring not in source.scores:
            raise EstimationError(f"the data have no {scoring} scores for one of the policies")
        columns = [source.scores[scoring]]
        if kind == "two_stage":
            columns += self._covariates(source, scoring)
        features = np.column_stack(columns)
        usable: Bools = np.asarray(~np.isnan(features).any(axis=1))
        return features, usable

    def _covariates(self, source: EvaluationData | TargetData, scoring: str) -> list[Floats]:
        """The response's length, what the data name, and the judge's variance where that helps.

        Raises EstimationError where a policy has no value of one. A length that no response of P0 has is left out where
        others are named.
        """
        named = dict(source.covariates)
        if not (named and np.isnan(self._data.response_length).all()):
            named = {"response length": source.response_length} | named
        for name, values in named.items():
            if values.size and np.isnan(values).all():
                raise EstimationError(f"two-stage calibration needs the covariate {name}, and a policy has none")
        if "judge_variance" not in named and self.uses_variance(scoring):
            named["judge_variance"] = source.variance
        return list(named.values())

    def uses_variance(self, scoring: str) -> bool:
        """Whether two-stage calibration takes the judge's variance as a covariate.

        Only where it lowers the out-of-fold squared error by more than one standard error of the difference.
        """
        if scoring != "uncertainty_aware":
            return False
        return self._variance.get(scoring, lambda: self._variance_helps(scoring))

    def _variance_helps(self, scoring: str) -> bool:
        plain = [self._data.scores[scoring], self._data.response_length]
        features = np.column_stack([*plain, self._data.variance])
        usable = ~np.isnan(features).any(axis=1) & ~np.isnan(self._data.labels)
        if usable.sum() < 2 or np.ptp(features[usable, 2]) == 0:
            return False
        squared = [
            self._fit(columns, usable, columns[usable]).out_of_fold.residuals ** 2
            for columns in (features[:, :2], features)
        ]
        gain = squared[0] - squared[1]
        return bool(gain.mean() > mean_error(gain, self._clusters.within(self._prompts[usable])))

    def _calibrate(self, scoring: str, kind: str) -> RewardCalibration:
        features, usable = self.features(self._data, scoring, kind)
        return self._fit(features, usable & ~np.isnan(self._data.labels), features[usable])

    def _fit(self, features: Floats, labelled: Bools, reference: Floats) -> RewardCalibration:
        return calibrate(
            features[labelled],
            self._data.labels[labelled],
            prompts=self._prompts[labelled],
            clusters=self._clusters.within(self._prompts[labelled]),
            folds=self._folds[labelled],
            reference=reference,
            n_folds=N_FOLDS,
        )
