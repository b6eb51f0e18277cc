"""What an estimator works on: one target's logged rows and fresh draws, mapped to shared prompts, with f and f-
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.calibration.reading import Reading, read
from arena_assets.estimation.calibration.reward import RewardCalibration, calibrate
from arena_assets.estimation.data import validate as _validate

N_FOLDS = 5
# Candidate thresholds of switch_dr and dr_os: quantiles of the labelled rows' weights, and multiples of the largest
# one.
THRESHOLD_QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
THRESHOLD_MULTIPLES = (3.0, 10.0)
SMALLEST_THRESHOLD = 1e-9  # of the largest weight: below it the correction is nothing but rounding
_HASH_KEY = "arena-oracle-v01"  # pandas wants 16 characters; another key gives other folds


def hash_folds(prompt_ids: npt.NDArray[np.object_], n_folds: int = N_FOLDS, *, salt: str = "fold") -> Ints:
    """Fold of each prompt by a hash of its id: neither order nor company of the rows changes it."""
    salted = np.array([f"{salt}:{one}" for one in prompt_ids], dtype=object)
    hashed = pd.util.hash_array(salted, hash_key=_HASH_KEY, categorize=False)
    return (hashed % np.uint64(n_folds)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Draws:
    """Fresh draws of a target: prompts (m,) and share (m,), which sums to one, equal for prompts and, within a prompt,
    for its draws.
    """

    prompts: Ints
    share: Floats

    @staticmethod
    def of(prompts: Ints) -> Draws:
        """Equal shares for prompts; no draws give no shares."""
        if prompts.size == 0:
            return Draws(prompts, np.empty(0))
        count = tally(prompts)
        return Draws(prompts, 1 / (count[prompts] * float(np.count_nonzero(count))))


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that one estimator needs for one target.

    Codes in `rows` and `draws.prompts` count prompts from 0 to n_prompts - 1.
    """

    n_prompts: int
    rows: Ints  # (n,) prompt of each logged row
    logged: Reading  # of the n logged rows
    weights: Floats  # (n,)
    labels: Floats  # (n,) NaN where unlabelled
    draws: Draws
    drawn: Reading  # of the m fresh draws
    calibration: RewardCalibration | None
    folds: Ints  # (n_prompts,)

    @cached_property
    def labelled(self) -> Bools:
        """(n,) where a logged row has a label."""
        return ~np.isnan(self.labels)

    @cached_property
    def n_labelled(self) -> int:
        return int(np.count_nonzero(self.labelled))

    @cached_property
    def labelled_prompts(self) -> int:
        """Number of distinct prompts among the labelled rows."""
        return int(np.count_nonzero(tally(self.rows[self.labelled])))

    @cached_property
    def thresholds(self) -> Floats:
        """Candidate thresholds of switch_dr and dr_os; none where all labelled rows have weight zero."""
        weights = self.weights[self.labelled]
        top = float(weights.max(initial=0.0))
        limits = np.unique(
            np.concatenate([np.quantile(weights, THRESHOLD_QUANTILES), top * np.array(THRESHOLD_MULTIPLES)])
        )
        return limits[limits > top * SMALLEST_THRESHOLD]

    @cached_property
    def row_prompts(self) -> int:
        """Number of distinct prompts among the logged rows."""
        return int(np.count_nonzero(tally(self.rows)))

    @cached_property
    def draw_prompts(self) -> int:
        """Number of distinct prompts among the fresh draws."""
        return int(np.count_nonzero(tally(self.draws.prompts)))

    def with_weights(self, weights: Floats) -> Problem:
        return replace(self, weights=weights)

    def spread_rows(self, values: Floats) -> Floats:
        """Logged-row values with mean zero to per-prompt contributions: N / n sum over the prompt's rows."""
        return sums(self.rows, values, self.n_prompts) * (self.n_prompts / self.rows.size)

    def spread_draws(self, values: Floats) -> Floats:
        """Fresh-draw values with mean zero to per-prompt contributions."""
        each = values * self.draws.share
        return sums(self.draws.prompts, each, self.n_prompts) * self.n_prompts

    def calibration_term(self, q: Floats | None) -> Floats | float:
        """c for block masses q; nothing without calibration."""
        if self.calibration is None or q is None:
            return 0.0
        return self.calibration.term(q, self.n_prompts)

    def other_errors(self, q: Floats | None) -> Floats | None:
        """The part of the calibration's error that no label can carry; see `Estimate`."""
        return None if self.calibration is None or q is None else self.calibration.other_errors(q)

    def residual_error(self, shares: Floats) -> float:
        """Standard error of sum v (Y - f-) over the labelled rows; shares v: (n,), 0 where unlabelled."""
        own = shares[self.labelled]
        if self.calibration is None or not self.calibration.fold_models:
            noise = own * (self.labels - self.logged.rewards_oof)[self.labelled]
            return float(noise.std() * np.sqrt(noise.size))
        # A label whose row has no weight made f- all the same.
        every = np.zeros(self.calibration.labels.size)
        every[np.isin(self.calibration.prompts, self.rows[self.labelled])] = own
        return self.calibration.out_of_fold.error(every)

    def row_mass(self, shares: Floats) -> Floats | None:
        """q of sum_i shares_i f(S_i) over logged rows."""
        if self.calibration is None or self.logged.split is None:
            return None
        return self.logged.split.mass(shares, self.calibration.counts.size)

    def draw_mass(self) -> Floats | None:
        """q of the mean of f(S') over fresh draws."""
        if self.calibration is None or self.drawn.split is None:
            return None
        return self.drawn.split.mass(self.draws.share, self.calibration.counts.size)


def from_arrays(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    folds: npt.ArrayLike | None = None,
    prompt_ids: npt.ArrayLike | None = None,
    target_prompt_ids: npt.ArrayLike | None = None,
    covariates: npt.ArrayLike | None = None,
    target_covariates: npt.ArrayLike | None = None,
    cross_fit: bool = True,
) -> Problem:
    """The public functions' arrays as a problem.

    Without ids, row i of `scores` and row i of `target_scores` are the same prompt when both have the same length,
    and different prompts otherwise. `folds` has one entry per logged row. Covariates (n, k) ask for two-stage
    calibration.
    """
    score = _validate.vector("scores", scores)
    target = _validate.vector("target_scores", target_scores)
    _validate.two_rows("scores", score.size)
    _validate.two_rows("target_scores", target.size)
    if (covariates is None) != (target_covariates is None):
        raise EstimationError("covariates and target_covariates go together: both sides are calibrated by the same f")
    label, present = _validate.label_vector(labels, scores=score)
    weight = np.ones_like(score) if weights is None else _validate.weight_vector(weights, length=score.size)
    ids = _validate.codes(prompt_ids, length=score.size, name="prompt_ids")
    if target_prompt_ids is None and prompt_ids is None and target.size != score.size:
        target_ids = np.array([f"target:{i}" for i in range(target.size)], dtype=object)
    elif target_prompt_ids is None and target.size == score.size:
        target_ids = ids
    else:
        target_ids = _validate.codes(target_prompt_ids, length=target.size, name="target_prompt_ids")
    every, names = pd.factorize(np.concatenate([ids, target_ids]))
    code = every.astype(np.int64)
    rows, drawn = code[: score.size], code[score.size :]
    prompt_folds = hash_folds(np.asarray(names, dtype=object))
    if folds is not None:
        given = _validate.fold_vector(folds, default=prompt_folds[rows], length=score.size)
        # Prompts without a logged row cannot leak into any fold; they take any.
        prompt_folds = prompt_folds % (int(given.max()) + 1)
        prompt_folds[rows] = given
    features = _features(score, covariates, "covariates")
    draw_features = _features(target, target_covariates, "target_covariates")
    if features.shape[1] != draw_features.shape[1]:
        raise EstimationError(
            f"covariates have {features.shape[1] - 1} columns, target_covariates {draw_features.shape[1] - 1}:"
            " they must be the same"
        )
    calibration = calibrate(
        features[present],
        label[present],
        prompts=rows[present],
        folds=prompt_folds[rows][present],
        reference=features,
        n_folds=int(prompt_folds.max()) + 1 if cross_fit else 0,
    )
    return Problem(
        n_prompts=len(names),
        rows=rows,
        logged=read(features, prompt_folds[rows], calibration),
        weights=weight,
        labels=label,
        draws=Draws.of(drawn),
        drawn=read(draw_features, prompt_folds[drawn], calibration),
        calibration=calibration,
        folds=prompt_folds,
    )


def _features(scores: Floats, covariates: npt.ArrayLike | None, name: str) -> Floats:
    if covariates is None:
        return scores[:, None]
    extra = np.asarray(covariates, dtype=np.float64)
    extra = extra[:, None] if extra.ndim == 1 else extra
    columns = [_validate.vector(f"{name}[:, {j}]", extra[:, j], length=scores.size) for j in range(extra.shape[1])]
    return np.column_stack([scores, *columns])
