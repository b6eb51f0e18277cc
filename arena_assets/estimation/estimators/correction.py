"""The correction of the doubly robust family: weighted residuals of the labelled logged rows, and their error.

a = w o / p, o marks labelled rows, p is their share. p is estimated by the share m / n of the data, so the correction
is a mean over the m labelled rows, and its contributions are (o/p) (w (Y - f-) - correction): unlabelled rows add
nothing to its error (Hirano, Imbens & Ridder 2003: weighting by the estimated probability is the efficient one). The
form with p known, a (Y - f-) - correction, would add correction^2 (1 - p) / p to the variance, which is nothing where
f- is calibrated and much where the judge is biased.
"""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.calibration.mass import Mass
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions
from arena_assets.estimation.estimators.inputs import Inputs


def label_weights(inputs: Inputs, weights: Floats) -> Floats:
    """a = w o / p: (n,), zero on unlabelled rows."""
    require_two(inputs)
    return np.where(inputs.labelled, weights * (inputs.labels.size / inputs.n_labelled), 0.0)


def require_two(inputs: Inputs) -> None:
    """One labelled row, or labels of one prompt or cluster, give a correction without an error."""
    if inputs.n_labelled < 2:
        raise EstimationError(
            f"{inputs.n_labelled} of the {inputs.labels.size} logged rows are labelled; the correction needs at least 2"
        )
    if inputs.labelled_clusters < 2:
        one = "prompt" if inputs.clusters.single else "cluster"
        raise EstimationError(
            f"all {inputs.n_labelled} labels are of one {one}; the correction needs labels of at least 2 {one}s"
        )


def residuals(inputs: Inputs, predicted: Floats) -> Floats:
    """Y - f-(S), 0 where unlabelled (such rows have a = 0)."""
    return np.where(inputs.labelled, inputs.labels - predicted, 0.0)


def mean_over_labels(inputs: Inputs, summands: Floats) -> tuple[float, Floats]:
    """Mean of `summands` a (Y - f-) (n,), and the contributions (n,) of its rows: 0 where unlabelled."""
    mean = float(summands.mean())
    return mean, np.where(inputs.labelled, summands - mean * inputs.labels.size / inputs.n_labelled, 0.0)


def combine(
    inputs: Inputs,
    draw_rewards: Floats,
    summands: Floats,
    correction: float,
    *,
    mass: Mass | None = None,
    lost: tuple[float, float] | None = None,
    diagnostics: dict[str, float] | None = None,
) -> Estimate:
    """plugin + correction; `summands` are the correction's row contributions with mean `correction` taken off.

    `lost`: what a threshold takes off the correction, with its sign, and the standard error of that.
    """
    plugin = dot(inputs.draws.share, draw_rewards)
    sampled = max(inputs.row_clusters, inputs.draw_clusters)
    corrected = inputs.spread_rows(summands) * _small_sample(inputs.labelled_clusters, sampled)
    phi = inputs.spread_draws(draw_rewards - plugin) + corrected
    phi = phi + inputs.calibration_term(mass)
    shared, own = inputs.other_errors(mass), None
    if lost is not None:
        shared = np.append(np.empty(0) if shared is None else shared, lost[0])
        own = np.array([lost[1]])
    return from_contributions(
        plugin + correction,
        phi,
        n_sampled=sampled,
        shared_errors=shared,
        own_errors=own,
        diagnostics={"plugin": plugin, "correction": correction, **(diagnostics or {})},
    )


def _small_sample(labelled: int, sampled: int) -> float:
    """Residuals of m labelled prompts, or clusters, lose a degree of freedom to their own mean: variance times m / (m -
    1).

    `Estimate` multiplies by k / (k - 1) of the k sampled ones, which is taken back.
    """
    return float(np.sqrt(labelled / (labelled - 1) * (sampled - 1) / sampled))


def normalised(a: Floats, name: str) -> Floats:
    """a / sum a. Raises EstimationError in the name of an estimator where all are zero."""
    total = float(a.sum())
    if total == 0:
        raise EstimationError(f"{name}: all labelled rows have weight zero")
    return a / total
