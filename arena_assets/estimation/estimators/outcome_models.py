"""Outcome models of the doubly robust family beyond f-: one fitted to minimise variance, and one that is tilted."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.calibration import isotonic
from arena_assets.estimation.calibration.cross_fit import CrossFit
from arena_assets.estimation.estimators.inputs import Inputs

PROBABILITY_FLOOR = 1e-3  # logit needs predictions inside (0, 1)
_LARGEST_TILT = 30.0
NEGLIGIBLE = 1e-12  # squared weight relative to the largest, below which a label does not move the fit but for rounding


def variance_minimising(inputs: Inputs, name: str) -> tuple[Floats, Floats]:
    """Cross-fitted isotonic regression with weights w^2, for logged rows and fresh draws (Farajtabar et al. 2018).

    w^2 weighs each residual by what it adds to the variance of the correction. Raises EstimationError in the name of
    the estimator that asks.
    """
    calibration = inputs.calibration
    if calibration is None or calibration.cross_fit is None:
        raise EstimationError(f"{name} fits its outcome model to the labels: it needs a cross-fitted calibration")
    labelled = np.flatnonzero(inputs.labelled)
    row_folds, draw_folds = inputs.folds[inputs.rows], inputs.folds[inputs.draws.prompts]
    scaled = (inputs.weights / inputs.weights.max()) ** 2
    usable = labelled[scaled[labelled] > NEGLIGIBLE]
    curves = []
    for fold, model in enumerate(calibration.cross_fit.models):
        train = usable[row_folds[usable] != fold]
        if train.size == 0:
            raise EstimationError(f"{name}: all labels outside fold {fold} have negligible weight")
        position = model.position(inputs.logged.prepared[train])
        curves.append(isotonic.fit_values(position, inputs.labels[train], scaled[train]))
    rows = CrossFit.read(inputs.logged.oof_position, row_folds, curves)
    return rows, CrossFit.read(inputs.drawn.oof_position, draw_folds, curves)


def tilted(inputs: Inputs, label_weights: Floats, name: str) -> tuple[Floats, Floats, float]:
    """Q* = expit(logit f- + eps) with eps such that the weighted residuals of the labelled rows sum to zero.

    Returns Q* of logged rows, of fresh draws, and eps (van der Laan & Rubin 2006, weighted fluctuation). Raises
    EstimationError in the name of the estimator that asks.
    """
    used = label_weights > 0
    labels = inputs.labels[used]
    if labels.size == 0:
        raise EstimationError(f"{name}: all labelled rows have weight zero")
    if labels.min() < 0 or labels.max() > 1:
        raise EstimationError(
            f"{name} needs labels between 0 and 1, these range from {labels.min():g} to {labels.max():g}: rescale them"
        )
    row_logits, draw_logits = _logits(inputs.logged.rewards_oof), _logits(inputs.drawn.rewards_oof)
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
