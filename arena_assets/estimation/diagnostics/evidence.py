"""What the gate may know of a target before any estimate: overlap, labels, score support, transport."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import Floats
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.diagnostics import weights
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics
from arena_assets.estimation.estimators.inputs import Problem


@dataclass(frozen=True)
class Evidence:
    """What the gate knows of one target under one scoring and reward calibration. NaN where it cannot be known."""

    weights: WeightDiagnostics
    n_labels: int
    label_ess: float  # effective number of labels after weighting
    outside: float  # share of target scores outside the labelled range
    transport: float  # weighted mean out-of-fold residual on logged labels
    transport_error: float
    judge_bias: float  # mean S - Y on P0's labels
    judge_bias_error: float
    is_logging_policy: bool = False


def evidence(
    problem: Problem,
    seen: WeightDiagnostics,
    tested: OutOfFold | None,
    label_weights: Floats,
    *,
    is_logging_policy: bool,
) -> Evidence:
    """Raw weights, labels, score support, and the transport test.

    tested: residuals of some calibration, or None where there is none to test; label_weights: (m,) raw weights of its
    labels, 0 where a label's row has none.
    """
    labelled, count = problem.labelled, problem.n_labelled
    calibration, nan = problem.calibration, float("nan")
    outside = transport = transport_error = bias = bias_error = nan
    if count > 1:
        labels, scores = problem.labels[labelled], problem.logged.features[labelled, 0]
        bias, bias_error = float((scores - labels).mean()), float((scores - labels).std(ddof=1) / np.sqrt(count))
        outside = _outside(scores, problem)
        if tested is not None and label_weights.any():
            transport, transport_error = tested.mean(label_weights)
    return Evidence(
        weights=seen,
        n_labels=count if calibration is None else calibration.labels.size,
        label_ess=weights.ess(problem.weights[labelled]),
        outside=outside,
        transport=transport,
        transport_error=transport_error,
        judge_bias=bias,
        judge_bias_error=bias_error,
        is_logging_policy=is_logging_policy,
    )


@dataclass(frozen=True)
class Support:
    """The range of scores in which labels carry a calibration, and the share beyond it that means nothing."""

    low: float
    high: float
    chance: float


def support(labelled_scores: Floats) -> Support:
    """The calibrated range of a slice, without its outermost 1% of labels on each side: stray ones carry no curve.

    `chance` is twice the share that the slice's own policy shows beyond the range by sampling alone.
    """
    count = labelled_scores.size
    trimmed = count // 100
    ordered = np.sort(labelled_scores)
    return Support(float(ordered[trimmed]), float(ordered[-1 - trimmed]), 4 * (trimmed + 1) / (count + 1))


def _outside(labelled_scores: Floats, problem: Problem) -> float:
    """Share of the target's scores beyond the calibrated range, less what is there by chance."""
    known = support(labelled_scores)
    drawn = problem.drawn.features[:, 0]
    share = float(problem.draws.share[(drawn < known.low) | (drawn > known.high)].sum())
    return max(0.0, share - known.chance)
