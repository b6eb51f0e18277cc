"""The truth that estimates of a policy are compared with: the mean of its own oracle labels."""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Floats, Ints


def mean_label(labels: Floats, prompts: Ints) -> tuple[float, float]:
    """Mean and standard error over prompts; several labels of a prompt are averaged first.

    labels: (m,) NaN where there is none; prompts: (m,) codes. NaN without any label; the error is NaN of one prompt.
    """
    present = ~np.isnan(labels)
    if not present.any():
        return np.nan, np.nan
    code = np.unique(prompts[present], return_inverse=True)[1]
    means = sums(code, labels[present]) / tally(code)
    error = float(means.std(ddof=1) / np.sqrt(means.size)) if means.size > 1 else np.nan
    return float(means.mean()), error
