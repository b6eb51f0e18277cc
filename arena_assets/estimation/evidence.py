"""What the gate may know of a target before any estimate: overlap, labels, score support, transport."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import weights
from ._types import Floats
from .problem import Draws, Problem
from .weights import WeightDiagnostics


@dataclass(frozen=True)
class Evidence:
    """What the gate knows of one target under one scoring and reward calibration. NaN where it cannot be known."""

    weights: WeightDiagnostics
    n_labels: int
    label_ess: float  # effective number of labels after weighting
    outside: float  # share of target scores outside the labelled range
    transport: float  # weighted mean residual on logged labels
    transport_error: float
    is_logging_policy: bool = False


def evidence(problem: Problem, *, is_logging_policy: bool) -> Evidence:
    """What the gate may know: raw weights, labels, score support, and the transport test on weighted logged
    residuals.
    """
    labelled = ~np.isnan(problem.labels)
    diagnostics = weights.diagnose(problem.weights)
    rows_labelled = int(labelled.sum())
    count = rows_labelled if problem.calibration is None else problem.calibration.labels.size
    nan = float("nan")
    if rows_labelled < 2:
        return Evidence(diagnostics, count, float(rows_labelled), nan, nan, nan, is_logging_policy)
    outside = _outside(problem.features[labelled, 0], problem.draws)
    share = problem.weights[labelled]
    size = weights.ess(share)
    if problem.calibration is None or size == 0:
        return Evidence(diagnostics, count, size, outside, nan, nan, is_logging_policy)
    share = share / share.sum()
    residual = problem.labels[labelled] - problem.rewards_oof[labelled]
    mean = float(share @ residual)
    error = float(np.sqrt(((share * (residual - mean)) ** 2).sum() * rows_labelled / (rows_labelled - 1)))
    return Evidence(diagnostics, count, size, outside, mean, error, is_logging_policy)


def _outside(labelled_scores: Floats, draws: Draws) -> float:
    """Share of the target's scores beyond the labelled ones, leaving out the outermost 1% of labels on each side.

    A few stray labels at the far end carry no curve. What the same policy would show by sampling alone is taken off,
    twice.
    """
    count = labelled_scores.size
    trimmed = count // 100
    ordered = np.sort(labelled_scores)
    drawn = draws.features[:, 0]
    share = float(draws.share[(drawn < ordered[trimmed]) | (drawn > ordered[-1 - trimmed])].sum())
    return max(0.0, share - 4 * (trimmed + 1) / (count + 1))
