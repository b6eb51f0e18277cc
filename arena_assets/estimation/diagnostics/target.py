"""What is known of a target before any estimate: overlap, labels, score range, transport."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.data.clusters import mean_error, summed
from arena_assets.estimation.data.weights import ess
from arena_assets.estimation.diagnostics.labels_at_random import UNSELECTED, Selection
from arena_assets.estimation.diagnostics.missing_prompts import NONE_MISSING, MissingPrompts
from arena_assets.estimation.diagnostics.score_range import Beyond, ScoreRange, calibrated_range
from arena_assets.estimation.diagnostics.weights import WeightDiagnostics
from arena_assets.estimation.estimators.inputs import Inputs


@dataclass(frozen=True)
class TargetDiagnostics:
    """Of one target under one scoring and reward calibration: all that the gate may know. NaN where not known."""

    weights: WeightDiagnostics
    n_labels: int
    label_ess: float  # effective number of labels, or of their clusters, after weighting
    drawn_beyond: Beyond | None  # what the fresh draws put beyond the labelled range
    logged_beyond: Beyond | None  # what the weights of P0's rows put there
    transport: float  # weighted mean out-of-fold residual on logged labels
    transport_error: float
    judge_bias: float  # mean S - Y on P0's labels
    judge_bias_error: float
    without_draw: MissingPrompts = NONE_MISSING
    without_weight: MissingPrompts = NONE_MISSING
    selection: Selection = UNSELECTED  # how labelled rows differ from others
    is_logging_policy: bool = False
    labelled_range: ScoreRange | None = None  # None of fewer than two labels
    label_clusters: int | None = None  # that the labels are of; None where every prompt stands alone

    @property
    def independent_labels(self) -> int:
        """Labels, or the clusters that they are of: what knows an error."""
        return self.n_labels if self.label_clusters is None else self.label_clusters


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


@dataclass(frozen=True, eq=False)
class JudgedLabels:
    """P0's labels (m,) and their judge scores (m,), whether their rows have weights or not."""

    scores: Floats
    labels: Floats
    clusters: Ints | None = None  # (m,) None where every prompt stands alone


def diagnose_target(
    inputs: Inputs,
    overlap: WeightDiagnostics,
    test: TransportTest | None,
    *,
    judged: JudgedLabels,
    missing: tuple[MissingPrompts, MissingPrompts],
    selected: Selection,
    is_logging_policy: bool,
) -> TargetDiagnostics:
    """Diagnostics of a target.

    overlap: of its raw weights; test: None where no calibration can be tested; missing: prompts without a fresh draw,
    and without a weight; selected: how P0's labels were drawn.
    """
    count = judged.labels.size
    transport = transport_error = bias = bias_error = nan
    known = drawn_beyond = logged_beyond = None
    if count > 1:
        labels, scores = judged.labels, judged.scores
        bias, bias_error = float((scores - labels).mean()), mean_error(scores - labels, judged.clusters)
        known = calibrated_range(scores, labels)
        drawn_beyond = known.beyond(inputs.drawn.features[:, 0], inputs.draws.share)
        if inputs.raw.values.any():
            share = inputs.raw.values / inputs.raw.values.sum()
            logged_beyond = known.beyond(inputs.logged.features[:, 0], share)
        if test is not None:
            transport, transport_error = test.result()
    return TargetDiagnostics(
        weights=overlap,
        n_labels=inputs.n_labelled if inputs.calibration is None else inputs.calibration.labels.size,
        label_ess=ess(summed(inputs.weights[inputs.labelled], inputs.clusters.within(inputs.rows[inputs.labelled]))),
        drawn_beyond=drawn_beyond,
        logged_beyond=logged_beyond,
        transport=transport,
        transport_error=transport_error,
        judge_bias=bias,
        judge_bias_error=bias_error,
        without_draw=missing[0],
        without_weight=missing[1],
        selection=selected,
        is_logging_policy=is_logging_policy,
        labelled_range=known,
        label_clusters=None if inputs.clusters.single else _label_clusters(inputs),
    )


def _label_clusters(inputs: Inputs) -> int:
    return inputs.labelled_clusters if inputs.calibration is None else inputs.calibration.label_clusters
