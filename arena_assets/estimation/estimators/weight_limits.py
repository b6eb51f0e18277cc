"""Doubly robust estimates that take heavy weights off the correction, and how the threshold is chosen.

Where weights are taken off, f's own error no longer cancels there, and the calibration term c with the mass taken off
is added.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.estimators.correction import (
    combine,
    label_weights,
    mean_over_labels,
    require_two,
    residuals,
)
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Inputs

# Candidate thresholds: quantiles of the labelled rows' weights, and multiples of the largest one.
QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
MULTIPLES = (3.0, 10.0)
SMALLEST = 1e-9  # of the largest weight: below it the correction is nothing but rounding

Change = Callable[[Floats, float | Floats], Floats]  # weights and threshold to the weights of the correction


def limited(inputs: Inputs, change: Change) -> Estimate:
    """The estimate whose correction has changed weights, with the caller's threshold or the best candidate."""
    limit = _threshold(inputs, change) if inputs.limit is None else inputs.limit
    full, a = (label_weights(inputs, w) for w in (inputs.weights, change(inputs.weights, limit)))
    residual = residuals(inputs, inputs.logged.rewards_oof)
    correction, summands = mean_over_labels(inputs, a * residual)
    # What the threshold takes off the correction is bias as far as anyone can tell, known no better than its own
    # standard error: both count as error. Two estimates that lose in opposite directions differ by both losses, so the
    # loss keeps its sign.
    taken = (full - a) / a.size
    lost, error = -dot(taken, residual), inputs.residual_error(taken) if taken.any() else 0.0
    # f's error cancels where fresh draws and correction carry the same mass: all but what was taken off.
    mass = inputs.row_mass(taken)
    return combine(
        inputs,
        inputs.drawn.rewards_oof,
        summands,
        correction,
        mass=mass,
        lost=(lost, error),
        diagnostics={"threshold": limit, "kept_mass": float(a.sum() / full.sum()) if full.any() else 0.0, "lost": lost},
    )


def _threshold(inputs: Inputs, change: Change) -> float:
    """The candidate with the smallest estimated squared error: variance, plus the square of an upper bound of the bias.

    The bias is what the candidate takes off the correction; the bound adds its standard error, as Su et al. 2020 choose
    with an upper bound: the rows that would show the bias are the ones left out, and of many candidates the one whose
    loss looks small by luck would be chosen.
    """
    require_two(inputs)
    labelled, count = inputs.labelled, inputs.n_labelled
    w = inputs.weights[labelled]
    each = inputs.labels[labelled] - inputs.logged.rewards_oof[labelled]
    limits = _candidates(w)
    if limits.size == 0:
        raise EstimationError("all labelled rows have weight zero")
    terms = change(w, limits[:, None]) * each
    lost = terms - w * each
    bound = np.abs(lost.mean(axis=1)) + np.sqrt(lost.var(axis=1) / count)
    risk = terms.var(axis=1) / count + bound**2
    return float(limits[int(risk.argmin())])


def _candidates(weights: Floats) -> Floats:
    """Thresholds for the weights of the labelled rows, ascending; none where all are zero."""
    top = float(weights.max(initial=0.0))
    limits = np.unique(np.concatenate([np.quantile(weights, QUANTILES), top * np.array(MULTIPLES)]))
    return limits[limits > top * SMALLEST]
