"""Refits of a two-stage calibration on labels that are drawn again: what few labels leave unknown of index and curve.

The linear error of the index (`index_noise`) holds for small steps; with 60 labels another draw moves it by large ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.calibration.cross_fit import RewardModel, fit_model

FEW_LABELS = 100  # labels, or clusters with labels, from which the linear error holds
REFITS = 60  # they know a standard error within 9%
_SEED = 0  # any: the same labels give the same refits


@dataclass(frozen=True, eq=False)
class Refits:
    """B models, each of as many labels, or clusters of labels, as there are, drawn with replacement (Efron 1979)."""

    models: tuple[RewardModel, ...]
    df: float  # of the variance over them: that of the labels, and of so few refits

    def read(self, prepared: Floats) -> Floats:
        """(B, r) what each model says of prepared rows (r, p)."""
        return np.stack([model(prepared) for model in self.models])

    @staticmethod
    def errors(means: Floats) -> Floats:
        """(B,) signed errors, whose squares sum to the variance of what an estimate reads of each model, means (B,)."""
        return np.asarray((means - means.mean()) / np.sqrt(means.size - 1), dtype=np.float64)


def refit(
    prepared: Floats, labels: Floats, *, reference: Floats, penalty: float, clusters: Ints | None = None
) -> Refits:
    """Models of labels (m,) on prepared rows (m, p), whose indices are ranked among reference rows (n, p).

    The penalty of the ridge stays: a label that is drawn twice would be left out once and predicted by itself.
    clusters: (m,) None where every prompt stands alone.
    """
    rng = np.random.default_rng(_SEED)
    code = np.arange(labels.size) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    members = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    models: list[RewardModel] = []
    while len(models) < REFITS:
        rows = np.concatenate([members[one] for one in rng.integers(len(members), size=len(members))])
        models.append(fit_model(prepared[rows], labels[rows], reference, penalty=penalty))
    return Refits(tuple(models), 1 / (1 / (len(members) - 1) + 1 / (REFITS - 1)))
