"""What an estimator works on: one target's logged rows and fresh draws, mapped to shared prompts, with f and f-
evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import _validate
from ._numeric import sums, tally
from ._types import Floats, Ints
from .calibration import RewardCalibration, calibrate
from .isotonic import Split

N_FOLDS = 5
_HASH_KEY = "arena-oracle-v01"  # pandas wants 16 characters; another key gives other folds


def hash_folds(prompt_ids: npt.NDArray[np.object_], n_folds: int = N_FOLDS, *, salt: str = "fold") -> Ints:
    """Fold of each prompt by a hash of its id: neither order nor company of the rows changes it."""
    salted = np.array([f"{salt}:{one}" for one in prompt_ids], dtype=object)
    hashed = pd.util.hash_array(salted, hash_key=_HASH_KEY, categorize=False)
    return (hashed % np.uint64(n_folds)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Draws:
    """Fresh draws of a target. share: (m,) sums to one, equal for prompts and, within a prompt, for its draws."""

    features: Floats
    prompts: Ints
    share: Floats

    @staticmethod
    def of(features: Floats, prompts: Ints) -> Draws:
        """Equal shares for prompts; no draws give no shares."""
        if prompts.size == 0:
            return Draws(features, prompts, np.empty(0))
        each = tally(prompts)[prompts]
        return Draws(features, prompts, 1 / (each * float(np.count_nonzero(tally(prompts)))))


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that one estimator needs for one target.

    Codes in `rows` and `draws.prompts` count prompts from 0 to n_prompts - 1.
    """

    n_prompts: int
    rows: Ints  # (n,) prompt of each logged row
    features: Floats  # (n, 1 + k)
    weights: Floats  # (n,)
    labels: Floats  # (n,) NaN where unlabelled
    rewards: Floats  # (n,) f(S), or S itself without calibration
    rewards_oof: Floats  # (n,) f-(S)
    draws: Draws
    draw_rewards: Floats  # (m,)
    draw_rewards_oof: Floats  # (m,)
    calibration: RewardCalibration | None
    folds: Ints  # (n_prompts,)
    prepared: Floats  # (n, p) rows and (m, p) draws as the calibration's models read them
    draw_prepared: Floats
    oof_position: Floats  # (n,) and (m,): where each reads the curve of its own fold
    draw_oof_position: Floats
    row_split: Split | None  # how rows and draws read f; None without calibration
    draw_split: Split | None

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

    def row_mass(self, shares: Floats) -> Floats | None:
        """q of sum_i shares_i f(S_i) over logged rows."""
        if self.calibration is None or self.row_split is None:
            return None
        return self.row_split.mass(shares, self.calibration.counts.size)

    def draw_mass(self) -> Floats | None:
        """q of the mean of f(S') over fresh draws."""
        if self.calibration is None or self.draw_split is None:
            return None
        return self.draw_split.mass(self.draws.share, self.calibration.counts.size)


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
    draws = Draws.of(_features(target, target_covariates, "target_covariates"), drawn)
    calibration = calibrate(
        features[present],
        label[present],
        prompts=rows[present],
        folds=prompt_folds[rows][present],
        reference=features,
        n_folds=int(prompt_folds.max()) + 1 if cross_fit else 0,
    )
    return build(
        n_prompts=len(names),
        rows=rows,
        features=features,
        weights=weight,
        labels=label,
        draws=draws,
        calibration=calibration,
        folds=prompt_folds,
    )


def build(
    *,
    n_prompts: int,
    rows: Ints,
    features: Floats,
    weights: Floats,
    labels: Floats,
    draws: Draws,
    calibration: RewardCalibration | None,
    folds: Ints,
) -> Problem:
    """Evaluate f and f- once for all estimators of this target and calibration."""
    prepared, draw_prepared = features[:, :1], draws.features[:, :1]
    rewards, draw_rewards = prepared[:, 0], draw_prepared[:, 0]
    row_split: Split | None = None
    draw_split: Split | None = None
    if calibration is not None:
        prepared, draw_prepared = calibration.prepare(features), calibration.prepare(draws.features)
        curve, position = calibration.model.curve, calibration.model.position
        row_split, draw_split = curve.split(position(prepared)), curve.split(position(draw_prepared))
        rewards, draw_rewards = row_split.read(curve.values), draw_split.read(curve.values)
    rewards_oof, draw_rewards_oof = rewards, draw_rewards
    oof, draw_oof = prepared[:, 0], draw_prepared[:, 0]
    if calibration is not None and calibration.fold_models:
        row_folds, draw_folds, curves = folds[rows], folds[draws.prompts], calibration.fold_curves
        oof = calibration.positions_out_of_fold(prepared, row_folds)
        draw_oof = calibration.positions_out_of_fold(draw_prepared, draw_folds)
        rewards_oof = calibration.read_out_of_fold(oof, row_folds, curves)
        draw_rewards_oof = calibration.read_out_of_fold(draw_oof, draw_folds, curves)
    return Problem(
        n_prompts=n_prompts,
        rows=rows,
        features=features,
        weights=weights,
        labels=labels,
        rewards=rewards,
        rewards_oof=rewards_oof,
        draws=draws,
        draw_rewards=draw_rewards,
        draw_rewards_oof=draw_rewards_oof,
        calibration=calibration,
        folds=folds,
        prepared=prepared,
        draw_prepared=draw_prepared,
        oof_position=oof,
        draw_oof_position=draw_oof,
        row_split=row_split,
        draw_split=draw_split,
    )


def _features(scores: Floats, covariates: npt.ArrayLike | None, name: str) -> Floats:
    if covariates is None:
        return scores[:, None]
    extra = np.asarray(covariates, dtype=np.float64)
    extra = extra[:, None] if extra.ndim == 1 else extra
    columns = [_validate.vector(f"{name}[:, {j}]", extra[:, j], length=scores.size) for j in range(extra.shape[1])]
    return np.column_stack([scores, *columns])
