"""The truth that estimates of a policy are compared with: the mean of its own oracle labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.data.clusters import Clusters, mean_error
from arena_assets.estimation.estimators.contrast import agree, contrast
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions


@dataclass(frozen=True, eq=False)
class Truth:
    """A mean label and its standard error: NaN without a label, and the error of one prompt."""

    value: float
    std_error: float
    estimate: Estimate | None = None  # the same with its contributions; None where there is no error

    def covered_by(self, estimate: Estimate, *, level: float = 0.95) -> bool | None:
        """Whether the interval of `estimate` minus truth, paired by prompt, holds 0; None where there is no error."""
        return None if self.estimate is None else agree(estimate, self.estimate, level=level)

    def minus(self, other: Truth) -> Truth:
        """The difference of two truths, paired by prompt."""
        if self.estimate is None or other.estimate is None:
            return Truth(self.value - other.value, np.nan)
        difference = contrast(self.estimate, other.estimate)
        return Truth(difference.value, difference.std_error, difference)


UNKNOWN = Truth(np.nan, np.nan)


def mean_label(labels: Floats, prompts: Ints, clusters: Clusters) -> tuple[float, float]:
    """Mean and standard error over prompts; several labels of a prompt are averaged first.

    labels: (m,) NaN where there is none; prompts: (m,) codes. NaN without any label; the error is NaN of one prompt,
    and of one cluster of prompts.
    """
    present = ~np.isnan(labels)
    if not present.any():
        return np.nan, np.nan
    found, code = np.unique(prompts[present], return_inverse=True)
    means = sums(code, labels[present]) / tally(code)
    return float(means.mean()), mean_error(means, clusters.within(found))


def truth_of(labels: Floats, prompts: Ints, clusters: Clusters) -> Truth:
    """The truth from labels (m,), NaN where there is none, of prompts (m,), codes of those that `clusters` knows.

    Contributions are N / n_truth (Y' - mean), Y' a prompt's mean label, and 0 where a prompt has no label; summed
    within each of the N clusters.
    """
    value, std_error = mean_label(labels, prompts, clusters)
    if np.isnan(std_error):
        return Truth(value, std_error)
    present = ~np.isnan(labels)
    counts = tally(prompts[present], clusters.of.size)
    own = np.flatnonzero(counts)
    apart = sums(prompts[present], labels[present], counts.size)[own] / counts[own] - value
    phi = clusters.sums(own, apart) * (clusters.count / own.size)
    labelled = clusters.together(own)
    return Truth(value, std_error, from_contributions(value, phi, n_sampled=labelled, df=labelled - 1.0))
