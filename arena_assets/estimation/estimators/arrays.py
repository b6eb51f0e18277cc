"""Arrays of a caller, checked and mapped to prompts: the `Inputs` of the estimators that are called with arrays.

Each function states what its estimators take. Ids: draws and rows of one prompt (equal ids) belong together; without
ids, arrays of equal length are paired by position, and others are of different prompts. Clusters: prompts of one (a
user, a document) are not independent; None where a prompt stands alone. All raise EstimationError on NaN or infinite
values, arrays of different length, one row, weights that are negative or all zero, and where labels are too few to
calibrate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NotRequired, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from arena_assets.estimation._types import EstimationError, Floats, Ids, Ints
from arena_assets.estimation.calibration.reading import read
from arena_assets.estimation.calibration.reward import calibrate
from arena_assets.estimation.calibration.simcal import RawWeights
from arena_assets.estimation.data import validate as _validate
from arena_assets.estimation.data.clusters import Clusters, by_prompt, clusters_of
from arena_assets.estimation.data.folds import hash_folds
from arena_assets.estimation.estimators.inputs import Draws, Inputs

_NO_ROWS = np.empty(0, dtype=np.int64)
_NO_READING = read(np.empty((0, 1)), _NO_ROWS, None)


class Paired(TypedDict):
    """Judge scores of both sides and P0's labels."""

    target_scores: npt.ArrayLike  # (m,) of the target's fresh draws
    scores: npt.ArrayLike  # (n,) of P0's responses
    labels: npt.ArrayLike  # (n,) oracle labels of P0's responses, NaN where unlabelled
    prompt_ids: NotRequired[npt.ArrayLike | None]  # (n,)
    target_prompt_ids: NotRequired[npt.ArrayLike | None]  # (m,)
    clusters: NotRequired[npt.ArrayLike | None]  # (n,) of the prompts of P0's rows, None where one stands alone
    target_clusters: NotRequired[npt.ArrayLike | None]  # (m,)


class Covaried(Paired):
    """The same with covariates, which make the calibration two-stage."""

    covariates: NotRequired[npt.ArrayLike | None]  # (n,) or (n, k)
    target_covariates: NotRequired[npt.ArrayLike | None]  # (m,) or (m, k)


def fresh_draws(
    *, scores: npt.ArrayLike, prompt_ids: npt.ArrayLike | None = None, clusters: npt.ArrayLike | None = None
) -> Inputs:
    """Fresh draws alone. scores, clusters: (m,) judge scores, and prompts' clusters, of the target's own responses."""
    score = _validate.vector("scores", scores)
    _validate.two_rows("scores", score.size)
    prompts, known = _one_side(prompt_ids, clusters, score.size)
    _validate.two_rows("scores (prompts)", known.of.size)
    return Inputs(
        clusters=known,
        rows=_NO_ROWS,
        logged=_NO_READING,
        raw=RawWeights(np.empty(0), np.empty(0)),
        weights=np.empty(0),
        labels=np.empty(0),
        draws=Draws.of(prompts),
        drawn=read(score[:, None], prompts, None),
        calibration=None,
        folds=np.zeros(known.of.size, dtype=np.int64),
        own_labels=np.full(score.size, np.nan),
    )


def calibrated(**arrays: Unpack[Covaried]) -> Inputs:
    """Fresh draws, and P0's labels to calibrate their scores. Arrays: see `Covaried`."""
    return _both(cross_fit=False, **arrays)


def own_labelled(*, target_labels: npt.ArrayLike, **arrays: Unpack[Paired]) -> Inputs:
    """The same with labels of the target itself. target_labels: (m,) NaN where unlabelled; others: see `Paired`."""
    return _both(cross_fit=False, target_labels=target_labels, **arrays)


def corrected(*, weights: npt.ArrayLike, folds: npt.ArrayLike | None = None, **arrays: Unpack[Covaried]) -> Inputs:
    """Both sides, cross-fitted.

    weights: (n,) of P0's rows; folds: (n,) whole numbers, rows of one prompt or cluster share one; default five folds
    by a hash of the cluster's name or prompt's id (the row number without ids); others: see `Covaried`.
    """
    return _both(cross_fit=True, weights=weights, folds=folds, **arrays)


def corrected_to_threshold(
    *,
    weights: npt.ArrayLike,
    threshold: float | None = None,
    folds: npt.ArrayLike | None = None,
    **arrays: Unpack[Covaried],
) -> Inputs:
    """The same with a threshold of the weights (default: the one with the smallest estimated squared error)."""
    limit = _positive("threshold", threshold)
    return _both(cross_fit=True, weights=weights, folds=folds, limit=limit, **arrays)


class Identified(TypedDict, total=False):
    """Which prompts P0's rows are of, and which clusters these."""

    prompt_ids: npt.ArrayLike | None  # (n,)
    clusters: npt.ArrayLike | None  # (n,)


def logged_rows(*, rewards: npt.ArrayLike, weights: npt.ArrayLike, **ids: Unpack[Identified]) -> Inputs:
    """P0's rows alone. rewards: (n,) R; weights: (n,) w = pi'(A|X) / pi0(A|X); rows of one prompt are one cluster."""
    return _logged(rewards, weights, ids)


def clipped_rows(
    *,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    max_weight: float | None = None,
    **ids: Unpack[Identified],
) -> Inputs:
    """The same with the weight from which weights are clipped (default: sqrt(n))."""
    return _logged(rewards, weights, ids, limit=_positive("max_weight", max_weight))


def scored_rows(
    *,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    scores: npt.ArrayLike | None = None,
    **ids: Unpack[Identified],
) -> Inputs:
    """The same with the scores (n,) that weights are projected on (default: the rewards)."""
    return _logged(rewards, weights, ids, scores=scores)


def _logged(
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    ids: Identified,
    *,
    scores: npt.ArrayLike | None = None,
    limit: float | None = None,
) -> Inputs:
    reward = _validate.vector("rewards", rewards)
    _validate.two_rows("rewards", reward.size)
    weight = _validate.weight_vector(weights, length=reward.size)
    score = reward if scores is None else _validate.vector("scores", scores, length=reward.size)
    rows, known = _one_side(ids.get("prompt_ids"), ids.get("clusters"), reward.size)
    return Inputs(
        clusters=known,
        rows=rows,
        logged=replace(read(score[:, None], rows, None), rewards=reward),
        raw=RawWeights(score, weight),
        weights=weight,
        labels=np.full(reward.size, np.nan),
        draws=Draws.of(_NO_ROWS),
        drawn=_NO_READING,
        calibration=None,
        folds=np.zeros(known.of.size, dtype=np.int64),
        own_labels=np.empty(0),
        limit=limit,
    )


def _both(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    folds: npt.ArrayLike | None = None,
    prompt_ids: npt.ArrayLike | None = None,
    target_prompt_ids: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    target_clusters: npt.ArrayLike | None = None,
    covariates: npt.ArrayLike | None = None,
    target_covariates: npt.ArrayLike | None = None,
    target_labels: npt.ArrayLike | None = None,
    cross_fit: bool,
    limit: float | None = None,
) -> Inputs:
    score = _validate.vector("scores", scores)
    target = _validate.vector("target_scores", target_scores)
    _validate.two_rows("scores", score.size)
    _validate.two_rows("target_scores", target.size)
    if (covariates is None) != (target_covariates is None):
        raise EstimationError("covariates and target_covariates go together: both sides are calibrated by the same f")
    label, present = _validate.label_vector(labels, scores=score)
    weight = np.ones_like(score) if weights is None else _validate.weight_vector(weights, length=score.size)
    rows, drawn, names = _prompts(prompt_ids, target_prompt_ids, score.size, target.size)
    known = _clusters(names, (rows, clusters, "clusters"), (drawn, target_clusters, "target_clusters"))
    prompt_folds = hash_folds(known.names)
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
        clusters=known.within(rows[present]),
        folds=prompt_folds[rows][present],
        reference=features,
        n_folds=int(prompt_folds.max()) + 1 if cross_fit else 0,
    )
    own = np.full(target.size, np.nan)
    if target_labels is not None:
        own = _validate.vector("target_labels", target_labels, length=target.size, allow_nan=True)
    return Inputs(
        clusters=known,
        rows=rows,
        logged=read(features, prompt_folds[rows], calibration),
        raw=RawWeights(score, weight),
        weights=weight,
        labels=label,
        draws=Draws.of(drawn),
        drawn=read(draw_features, prompt_folds[drawn], calibration),
        calibration=calibration,
        folds=prompt_folds,
        own_labels=own,
        limit=limit,
    )


def _features(scores: Floats, covariates: npt.ArrayLike | None, name: str) -> Floats:
    if covariates is None:
        return scores[:, None]
    extra = np.asarray(covariates, dtype=np.float64)
    extra = extra[:, None] if extra.ndim == 1 else extra
    columns = [_validate.vector(f"{name}[:, {j}]", extra[:, j], length=scores.size) for j in range(extra.shape[1])]
    return np.column_stack([scores, *columns])


def _prompts(
    prompt_ids: npt.ArrayLike | None, target_prompt_ids: npt.ArrayLike | None, n_rows: int, n_draws: int
) -> tuple[Ints, Ints, Ids]:
    """Codes of the rows' and of the draws' prompts, and the prompts' names."""
    ids = _validate.codes(prompt_ids, length=n_rows, name="prompt_ids")
    if target_prompt_ids is None and prompt_ids is None and n_draws != n_rows:
        target_ids = np.array([f"target:{i}" for i in range(n_draws)], dtype=object)
    elif target_prompt_ids is None and n_draws == n_rows:
        target_ids = ids
    else:
        target_ids = _validate.codes(target_prompt_ids, length=n_draws, name="target_prompt_ids")
    every, names = pd.factorize(np.concatenate([ids, target_ids]))
    code = every.astype(np.int64)
    return code[:n_rows], code[n_rows:], np.asarray(names, dtype=object)


def _one_side(ids: npt.ArrayLike | None, clusters: npt.ArrayLike | None, size: int) -> tuple[Ints, Clusters]:
    """Codes of the rows' prompts, and the prompts' clusters."""
    names = _validate.codes(ids, length=size, name="prompt_ids")
    distinct, rows = np.unique(names.astype(str), return_inverse=True)
    return rows.astype(np.int64), _clusters(distinct.astype(object), (rows, clusters, "clusters"))


def _clusters(names: Ids, *sides: tuple[Ints, npt.ArrayLike | None, str]) -> Clusters:
    """The clusters of prompts (k,) by each side: the prompts' codes of its rows, their clusters, the name of these."""
    stated = [(names[rows], _validate.cluster_names(given, length=rows.size, name=name)) for rows, given, name in sides]
    ids, clusters = (np.concatenate(each) for each in zip(*stated, strict=True))
    return clusters_of(names, by_prompt(ids, clusters))


def _positive(name: str, limit: float | None) -> float | None:
    if limit is not None and not limit > 0:
        raise EstimationError(f"{name} must be positive, got {limit}")
    return limit
