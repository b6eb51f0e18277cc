"""Does the judge's doubt tell where it errs?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.preparation import Preparation


def residuals_by_variance(data: EvaluationData, *, bins: int = 5, seed: int = 0) -> pd.DataFrame:
    """Out-of-fold residuals Y - f(S) on P0's labels in bins of the judge's variance: does its doubt tell where it errs?

    Columns: variance_low, variance_high, labels, mean_residual, std_error, mean_squared_residual. Empty without judge
    variance.
    """
    columns = ["variance_low", "variance_high", "labels", "mean_residual", "std_error", "mean_squared_residual"]
    if "uncertainty_aware" not in data.scores:
        return pd.DataFrame(columns=columns)
    preparation = Preparation(data, seed=seed)
    calibration = preparation.calibration("uncertainty_aware", "monotone")
    assert calibration is not None
    residual = calibration.out_of_fold.residuals
    present = ~np.isnan(data.scores["uncertainty_aware"]) & ~np.isnan(data.labels)
    variance = data.variance[present]
    frame = pd.DataFrame({"variance": variance, "residual": residual}).dropna()
    if frame.empty:
        return pd.DataFrame(columns=columns)
    groups = frame.groupby(pd.qcut(frame["variance"], bins, duplicates="drop"), observed=True)
    return pd.DataFrame(
        {
            "variance_low": groups["variance"].min(),
            "variance_high": groups["variance"].max(),
            "labels": groups.size(),
            "mean_residual": groups["residual"].mean(),
            "std_error": groups["residual"].sem(),
            "mean_squared_residual": groups["residual"].agg(lambda values: float((values**2).mean())),
        }
    ).reset_index(drop=True)
