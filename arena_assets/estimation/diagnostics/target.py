"""What is known of a target before any estimate: overlap, labels, score range, transport."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from arena_assets.estimation._types import Floats
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.data.weights import ess
from arena_assets.estimation.diagnostics.score_range import calibrated_range
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics
from arena_assets.estimation.estimators.inputs import Inputs


@dataclass(frozen=True)
class TargetDiagnostics:
    """Of one target under one scoring and reward calibration: all that the gate may know. NaN where not known."""

    weights: WeightDiagnostics
    n_labels: int
    label_ess: float  # effective number of labels after weighting
    outside: float  # share of target scores outside the labelled range
    transport: float  # weighted mean out-of-fold residual on logged labels
    transport_error: float
    judge_bias: float  # mean S - Y on P0's labels
    judge_bias_error: float
    is_logging_policy: bool = False


@dataclass(frozen=True, eq=False)
class TransportTest:
    """Residuals of some calibration, and the raw weights (m,) of its labels, 0 where a label's row has none."""

    residuals: OutOfFold
    weights: Floats

    def result(self) -> tuple[float, float]:
        """Weighted mean residual and its standard error; NaN where no label has a weight."""
        return self.residuals.mean(self.weights) if self.weights.any() else (nan, nan)

    def against(self, other: TransportTest) -> tuple[float, float]:
        """The same of a difference of two targets under one calibration: what both have in common cancels."""
        if not (self.weights.any() and other.weights.any()):
            return nan, nan
        shares = self.weights / self.weights.sum() - other.weights / other.weights.sum()
        return self.residuals.weighted(shares)


def diagnose_target(
    inputs: Inputs, overlap: WeightDiagnostics, test: TransportTest | None, *, is_logging_policy: bool
) -> TargetDiagnostics:
    """Diagnostics of a target. overlap: of its raw weights; test: None where no calibration can be tested."""
    labelled, count = inputs.labelled, inputs.n_labelled
    outside = transport = transport_error = bias = bias_error = nan
    if count > 1:
        labels, scores = inputs.labels[labelled], inputs.logged.features[labelled, 0]
        bias, bias_error = float((scores - labels).mean()), float((scores - labels).std(ddof=1) / np.sqrt(count))
        outside = calibrated_range(scores).outside(inputs.drawn.features[:, 0], inputs.draws.share)
        if test is not None:
            transport, transport_error = test.result()
    return TargetDiagnostics(
        weights=overlap,
        n_labels=count if inputs.calibration is None else inputs.calibration.labels.size,
        label_ess=ess(inputs.weights[labelled]),
        outside=outside,
        transport=transport,
        transport_error=transport_error,
        judge_bias=bias,
        judge_bias_error=bias_error,
        is_logging_policy=is_logging_policy,
    )
