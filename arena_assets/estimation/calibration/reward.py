"""Reward calibration: judge score to expected oracle label, with the variance that the calibration itself adds.

Wherever f enters an estimate, the labelled rows that made f carry its error (`RewardCalibration.term`): without it
intervals cover 22 to 77% instead of 95% (Landesberg 2025, arXiv 2512.11150, oracle-uncertainty-aware inference).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arena_assets.estimation._types import EstimationError, Floats, Ints
from arena_assets.estimation.calibration import two_stage
from arena_assets.estimation.calibration.block_noise import BlockNoise, block_noise
from arena_assets.estimation.calibration.cross_fit import CrossFit, RewardModel, cross_fit, fit_model
from arena_assets.estimation.calibration.index_noise import IndexNoise, index_noise
from arena_assets.estimation.calibration.mass import Mass
from arena_assets.estimation.calibration.refits import FEW_LABELS, Refits, refit
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.data.clusters import Clusters
from arena_assets.estimation.data.validate import require_labels


@dataclass(frozen=True, eq=False)
class RewardCalibration:
    """f, its cross-fitted versions f-, the m labels that made it, and their noise."""

    model: RewardModel
    cross_fit: CrossFit | None  # None where it was not asked for
    basis: two_stage.Basis | None
    prepared: Floats  # (m, p) the labelled rows
    labels: Floats  # (m,)
    prompts: Ints  # (m,) prompt of each label
    clusters: Ints | None  # (m,) cluster of each label; None where every prompt stands alone
    folds: Ints  # (m,)
    noise: BlockNoise
    index_noise: IndexNoise | None  # None without an index
    reference: Floats | None  # (n, p) rows among which the index is ranked

    @cached_property
    def label_clusters(self) -> int:
        """How many clusters the labels are of; as many as labels where every prompt stands alone."""
        return self.labels.size if self.clusters is None else np.unique(self.clusters).size

    @cached_property
    def refits(self) -> Refits | None:
        """Of an index that few labels made; None where the linear error holds."""
        if self.model.index is None or self.reference is None or self.label_clusters >= FEW_LABELS:
            return None
        penalty = self.model.index.penalty
        return refit(self.prepared, self.labels, reference=self.reference, penalty=penalty, clusters=self.clusters)

    @property
    def n_blocks(self) -> int:
        """Number of blocks of f."""
        return self.noise.counts.size

    def prepare(self, features: Floats) -> Floats:
        """(r, 1 + k) features to what the models read: the score alone, or the spline design of all features."""
        return features[:, :1] if self.basis is None else self.basis(features)

    def predict(self, prepared: Floats) -> Floats:
        """f."""
        return self.model(prepared)

    def term(self, mass: Mass, among: Clusters) -> Floats:
        """Calibration term: contributions c = n q_B / m_B (Y - f) of the n clusters, and the index' own noise.

        None of what is refitted: that is an error of all labels together (`other_errors`).
        """
        if mass.refitted is not None:
            return np.zeros(among.count)
        each = self.noise.per_label(mass.blocks, among.count)
        if self.index_noise is not None:
            each = each + self.index_noise.per_label(mass, among.count)
        return among.sums(self.prompts, each)

    def other_errors(self, mass: Mass) -> Floats:
        """The part of the error that no single label can carry; see `Estimate`."""
        return self.noise.other_errors(mass.blocks) if mass.refitted is None else Refits.errors(mass.refitted)

    def variance(self, mass: Mass) -> tuple[float, float]:
        """The variance that the calibration adds, and its Welch-Satterthwaite denominator sum V^2 / df."""
        if mass.refitted is not None and self.refits is not None:
            total = float(np.var(mass.refitted, ddof=1))
            return total, total * total / self.refits.df
        parts = [self.noise.variance(mass.blocks)]
        if self.index_noise is not None:
            parts.append(self.index_noise.variance(mass))
        total, denominator = sum(one for one, _ in parts), sum(one for _, one in parts)
        if self.clusters is not None:
            # However many labels a block has, their noise is known from so many clusters alone.
            denominator = max(denominator, total * total / (self.label_clusters - 1))
        return total, denominator

    @cached_property
    def out_of_fold(self) -> OutOfFold:
        """The residuals Y - f- of the labels. Raises EstimationError where nothing was cross-fitted."""
        if self.cross_fit is None:
            raise EstimationError("the calibration was not cross-fitted, so no label has a residual out of its fold")
        return OutOfFold(self.prepared, self.labels, self.folds, self.cross_fit, self.clusters)

    def rmse(self) -> tuple[float, float]:
        """Root mean squared residual in sample and out of fold."""
        inside = self.labels - self.predict(self.prepared)
        outside = self.out_of_fold.residuals
        return float(np.sqrt(np.mean(inside**2))), float(np.sqrt(np.mean(outside**2)))


def calibrate(
    features: Floats,
    labels: Floats,
    *,
    prompts: Ints,
    clusters: Ints | None = None,
    folds: Ints,
    reference: Floats,
    n_folds: int,
) -> RewardCalibration:
    """Fit f and f- on m labelled rows.

    features: (m, 1 + k), judge score first, further columns are covariates (two-stage); labels: (m,); prompts, clusters
    (None where every prompt stands alone) and folds: (m,); reference: (n, 1 + k) rows whose ranks the two-stage index
    uses; n_folds: folds of all rows, labelled or not (0: no f-). Raises EstimationError without two labels on two
    scores, or where all labels lie in one fold or one cluster.
    """
    require_labels(features[:, 0])
    if clusters is not None and np.ptp(clusters) == 0:
        raise EstimationError(f"all {labels.size} labels are of one cluster: label prompts of at least two")
    basis = two_stage.fit_basis(features) if features.shape[1] > 1 else None
    prepared = features if basis is None else basis(features)
    ranked = None if basis is None else basis(reference)
    model = fit_model(prepared, labels, ranked)
    outside = None
    if n_folds:
        outside = cross_fit(prepared, labels, folds, reference=ranked, n_folds=n_folds, whole=model)
    position = model.position(prepared)
    block = model.curve.block_of(position)
    residuals = labels - model.curve.values[block]
    pooled = model.curve.values.size < np.unique(position).size
    return RewardCalibration(
        model=model,
        cross_fit=outside,
        basis=basis,
        prepared=prepared,
        labels=labels,
        prompts=prompts,
        clusters=clusters,
        folds=folds,
        noise=block_noise(block, residuals, labels, position, pooled=pooled),
        index_noise=None if model.index is None else index_noise(prepared, residuals, block, model.index.inverse),
        reference=ranked,
    )
