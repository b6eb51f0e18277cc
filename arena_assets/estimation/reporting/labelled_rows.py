"""The labelled rows of a policy beside the fitted calibration: what every figure about calibration is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.calibration.reward import RewardCalibration
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.preparation import Preparation


@dataclass(frozen=True, eq=False)
class Fitted:
    """The calibration of one scoring and kind."""

    scoring: str
    kind: str
    calibration: RewardCalibration


def kinds_of(methods: Iterable[Method]) -> tuple[str, ...]:
    """The calibrations that the methods use; monotone always, since the transport test of raw scores rests on it."""
    return tuple(
        dict.fromkeys(["monotone", *(m.reward_calibration for m in methods if m.reward_calibration != "none")])
    )


def fitted_calibrations(preparation: Preparation, kinds: Iterable[str]) -> list[Fitted]:
    """Every calibration that could be fitted; where one could not, `calibration_diagnostics` states why."""
    found = []
    for scoring in preparation.data.scorings:
        for kind in kinds:
            try:
                calibration = preparation.calibration(scoring, kind)
            except EstimationError:
                continue
            if calibration is not None:
                found.append(Fitted(scoring, kind, calibration))
    return found


def labelled_rows(preparation: Preparation, fitted: Fitted, policy: str) -> pd.DataFrame:
    """prompt_id, score, label, calibrated of the policy's labelled rows; P0's, which made f, by f- out of fold."""
    data, own = preparation.data, policy == preparation.data.logging_policy
    source = data if own else data.targets[policy]
    columns = ["prompt_id", "score", "label", "calibrated"]
    try:
        features, usable = preparation.calibrations.features(source, fitted.scoring, fitted.kind)
    except EstimationError:  # the policy has no such scores
        return pd.DataFrame(columns=columns)
    kept = usable & ~np.isnan(source.labels)
    prepared = fitted.calibration.prepare(features[kept])
    if own:
        calibrated = source.labels[kept] - fitted.calibration.out_of_fold.residuals
    else:
        calibrated = fitted.calibration.predict(prepared)
    values = (source.prompt_ids[kept], features[kept, 0], source.labels[kept], calibrated)
    return pd.DataFrame(dict(zip(columns, values, strict=True)))
