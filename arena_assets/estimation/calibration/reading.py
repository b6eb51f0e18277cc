"""What rows read from a calibration: f and f- at their features, and where on the curves both come from."""

from __future__ import annotations

from dataclasses import dataclass

from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.calibration.isotonic import Split
from arena_assets.estimation.calibration.reward import RewardCalibration


@dataclass(frozen=True, eq=False)
class Reading:
    """r rows under one calibration. It depends on no weights, so all targets share the reading of P0's rows."""

    features: Floats  # (r, 1 + k), judge score first
    prepared: Floats  # (r, p) as the calibration's models read them
    rewards: Floats  # (r,) f(S), or S itself without calibration
    rewards_oof: Floats  # (r,) f-(S)
    oof_position: Floats  # (r,) where each row reads the curve of its own fold
    split: Split | None  # how the rows read f; None without calibration
    refitted: Floats | None = None  # (B, r) what the refits say of them; None where there are none

    def take(self, kept: Bools) -> Reading:
        """The same reading of some of the rows."""
        if kept.all():
            return self
        return Reading(
            features=self.features[kept],
            prepared=self.prepared[kept],
            rewards=self.rewards[kept],
            rewards_oof=self.rewards_oof[kept],
            oof_position=self.oof_position[kept],
            split=None if self.split is None else self.split.take(kept),
            refitted=None if self.refitted is None else self.refitted[:, kept],
        )


def read(features: Floats, folds: Ints, calibration: RewardCalibration | None) -> Reading:
    """Evaluate f and f- once. features: (r, 1 + k); folds: (r,) fold of each row's prompt."""
    scores = features[:, 0]
    if calibration is None:
        return Reading(
            features=features,
            prepared=features[:, :1],
            rewards=scores,
            rewards_oof=scores,
            oof_position=scores,
            split=None,
        )
    prepared = calibration.prepare(features)
    curve = calibration.model.curve
    split = curve.split(calibration.model.position(prepared))
    rewards = split.read(curve.values)
    position, outside = prepared[:, 0], rewards
    if calibration.cross_fit is not None:
        position = calibration.cross_fit.positions(prepared, folds)
        outside = calibration.cross_fit.read(position, folds, calibration.cross_fit.curves)
    return Reading(
        features=features,
        prepared=prepared,
        rewards=rewards,
        rewards_oof=outside,
        oof_position=position,
        split=split,
        refitted=None if calibration.refits is None else calibration.refits.read(prepared),
    )
