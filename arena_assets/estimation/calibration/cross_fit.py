"""One fitted f, and f-: for each fold the f that has seen no label of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import EstimationError, Floats, Ints
from arena_assets.estimation.calibration import isotonic, two_stage


@dataclass(frozen=True, eq=False)
class RewardModel:
    """One fitted f on prepared rows (see `RewardCalibration.prepare`)."""

    curve: isotonic.Curve
    index: two_stage.RankIndex | None

    def position(self, prepared: Floats) -> Floats:
        """Where the curve reads: the score itself, or its two-stage rank."""
        return prepared[:, 0] if self.index is None else self.index(prepared)

    def __call__(self, prepared: Floats) -> Floats:
        return self.curve(self.position(prepared))


def fit_model(
    prepared: Floats, labels: Floats, reference: Floats | None, *, penalty: float | None = None
) -> RewardModel:
    """f on labelled rows: isotonic in the score, or in the two-stage index where there is a reference for its ranks.

    penalty: of the index; None: the one with the smallest leave-one-out error.
    """
    index = None if reference is None else two_stage.fit_index(prepared, labels, reference, penalty)
    position = prepared[:, 0] if index is None else index(prepared)
    return RewardModel(isotonic.fit(position, labels), index)


@dataclass(frozen=True, eq=False)
class CrossFit:
    """f-, a model for each fold."""

    models: tuple[RewardModel, ...]

    def __call__(self, prepared: Floats, folds: Ints) -> Floats:
        """f- at prepared rows (r, p) of the folds (r,)."""
        return self.read(self.positions(prepared, folds), folds, self.curves)

    @property
    def curves(self) -> tuple[isotonic.Curve, ...]:
        """The curve of each fold's model."""
        return tuple(model.curve for model in self.models)

    def positions(self, prepared: Floats, folds: Ints) -> Floats:
        """(r,) where each row reads the curve of its own fold's model."""
        out = np.empty(prepared.shape[0])
        for fold, model in enumerate(self.models):
            rows = np.flatnonzero(folds == fold)
            out[rows] = model.position(prepared[rows])
        return out

    @staticmethod
    def read(positions: Floats, folds: Ints, curves: Sequence[isotonic.Curve]) -> Floats:
        """(r,) each row by its fold's curve."""
        out = np.empty(positions.size)
        for fold, curve in enumerate(curves):
            rows = np.flatnonzero(folds == fold)
            out[rows] = curve(positions[rows])
        return out


def cross_fit(
    prepared: Floats, labels: Floats, folds: Ints, *, reference: Floats | None, n_folds: int, whole: RewardModel
) -> CrossFit:
    """A model for each of `n_folds` folds, of the labels outside it; `whole` is the model of all labels.

    prepared: (m, p); labels, folds: (m,). Raises EstimationError where all labels lie in one fold.
    """
    models: list[RewardModel] = []
    for fold in range(n_folds):
        kept = folds != fold
        if not kept.any():
            raise EstimationError(
                f"all {labels.size} labels lie in fold {fold}: cross-fitting needs labels in two folds"
            )
        models.append(whole if kept.all() else fit_model(prepared[kept], labels[kept], reference))
    return CrossFit(tuple(models))
