"""Outcome models of the doubly robust family beyond f-: the one that MRDR fits, and the one that TMLE tilts."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.calibration import isotonic
from arena_assets.estimation.estimators.inputs import Problem

PROBABILITY_FLOOR = 1e-3  # logit needs predictions inside (0, 1)
_LARGEST_TILT = 30.0
NEGLIGIBLE = 1e-12  # squared weight relative to the largest, below which a label does not move the fit but for rounding


def variance_minimising(problem: Problem) -> tuple[Floats, Floats]:
    """Cross-fitted isotonic regression with weights w^2, for logged rows and fresh draws (Farajtabar et al. 2018).

    w^2 weighs each residual by what it adds to the variance of the correction.
    """
    calibration = problem.calibration
    if calibration is None or not calibration.fold_models:
        raise EstimationError("mrdr fits its outcome model to the labels: it needs a cross-fitted calibration")
    labelled = np.flatnonzero(problem.labelled)
    row_folds, draw_folds = problem.folds[problem.rows], problem.folds[problem.draws.prompts]
    scaled = (problem.weights / problem.weights.max()) ** 2
    usable = labelled[scaled[labelled] > NEGLIGIBLE]
    curves = []
    for fold, model in enumerate(calibration.fold_models):
        train = usable[row_folds[usable] != fold]
        if train.size == 0:
            raise EstimationError(f"mrdr: all labels outside fold {fold} have negligible weight")
        position = model.position(problem.logged.prepared[train])
        curves.append(isotonic.fit_values(position, problem.labels[train], scaled[train]))
    rows = calibration.read_out_of_fold(problem.logged.oof_position, row_folds, curves)
    return rows, calibration.read_out_of_fold(problem.drawn.oof_position, draw_folds, curves)


def tilted(problem: Problem, label_weights: Floats) -> tuple[Floats, Floats, float]:
    """Q* = expit(logit f- + eps) with eps such that the weighted residuals of the labelled rows sum to zero.

    Returns Q* of logged rows, of fresh draws, and eps (van der Laan & Rubin 2006, weighted fluctuation).
    """
    used = label_weights > 0
    labels = problem.labels[used]
    if labels.size == 0:
        raise EstimationError("tmle: all labelled rows have weight zero")
    if labels.min() < 0 or labels.max() > 1:
        raise EstimationError(
            f"tmle needs labels between 0 and 1, these range from {labels.min():g} to {labels.max():g}: rescale them"
        )
    row_logits, draw_logits = _logits(problem.logged.rewards_oof), _logits(problem.drawn.rewards_oof)
    share = label_weights[used] / label_weights[used].sum()
    base = row_logits[used]

    def score(eps: float) -> float:
        return dot(share, labels - expit(base + eps))

    low, high = score(-_LARGEST_TILT), score(_LARGEST_TILT)
    # With all weighted labels at 0 or at 1 the tilt runs off to infinity; stop where the logistic function is flat.
    eps = (
        -_LARGEST_TILT
        if low <= 0
        else _LARGEST_TILT
        if high >= 0
        else float(brentq(score, -_LARGEST_TILT, _LARGEST_TILT))
    )
    return expit(row_logits + eps), expit(draw_logits + eps), eps


def _logits(predicted: Floats) -> Floats:
    return np.asarray(logit(predicted.clip(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)), dtype=np.float64)
