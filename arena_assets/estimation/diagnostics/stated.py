"""What a gate must know of an estimate itself, beside what is known of its target."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators.contrast import contrast
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.estimators.registry import ESTIMATORS, WEIGHTED


@dataclass(frozen=True)
class Stated:
    """Of one estimate. NaN where it does not apply."""

    std_error: float
    df: float
    own_labels: int = 0  # of the target, or the clusters that they are of
    taken: float = nan  # share of the correction's weight that a threshold took off
    clipped: float = nan  # bias of clipped weights
    unprojected: float = nan  # the estimate with raw weights minus the one with projected weights
    unprojected_error: float = nan


def stated(method: Method, inputs: Inputs, estimate: Estimate) -> Stated:
    """The facts of an estimate of these inputs."""
    gap = _unprojected(method, inputs, estimate)
    return Stated(
        std_error=estimate.std_error,
        df=estimate.df,
        own_labels=_own_labels(inputs) if method.entry.own_labels else 0,
        taken=taken_share(estimate),
        clipped=estimate.diagnostics.get("clipping_bias", nan),
        unprojected=gap.value if gap else nan,
        unprojected_error=gap.std_error if gap else nan,
    )


def taken_share(estimate: Estimate) -> float:
    """Share of the correction's weight that a threshold took off; NaN where there is no threshold."""
    return 1 - estimate.diagnostics.get("kept_mass", nan)


def _own_labels(inputs: Inputs) -> int:
    labelled = ~np.isnan(inputs.own_labels)
    if inputs.clusters.single:
        return int(np.count_nonzero(labelled))
    return inputs.clusters.together(inputs.draws.prompts[labelled])


def _unprojected(method: Method, inputs: Inputs, estimate: Estimate) -> Estimate | None:
    """Raw minus projected, paired: both estimate the same wherever E[w | S] is monotone, on the same rows.

    Of weighted estimates alone: in a correction, projected weights meet residuals that average to nothing given the
    score, whatever their shape.
    """
    raw = method.entry.variant_of
    if method.weight_calibration != "simcal" or method.entry.family is not WEIGHTED or raw is None:
        return None
    try:
        return contrast(ESTIMATORS[raw].on(inputs), estimate)
    except EstimationError:
        return None
