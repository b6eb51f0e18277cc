"""Direct methods: the mean of (calibrated) judge scores over the target's own fresh draws. They use no weights.

`direct` holds if labels are at random and calibration transports: E[Y | S] under the target equals f(S). `direct_own`
uses labels of the target itself and holds whatever f is.
"""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators import arrays
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions, moment_df
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.estimators.registry import DIRECT, Assumes, Takes, estimator

__all__ = ["direct", "direct_own", "naive_direct"]


@estimator(
    "Naive direct",
    "mean judge score of the target's fresh draws, taken for the label",
    family=DIRECT,
    assumes=Assumes.JUDGE,
    arrays=arrays.fresh_draws,
    reward=Takes(("none",), "naive_direct is the uncalibrated mean; the calibrated one is direct"),
    basic=True,
    lead=True,
    variant_of="direct",
)
def naive_direct(inputs: Inputs) -> Estimate:
    """mean S'; contributions S' - est."""
    scores = inputs.drawn.features[:, 0]
    value = dot(inputs.draws.share, scores)
    phi = inputs.spread_draws(scores - value)
    return from_contributions(value, phi, n_sampled=inputs.draw_clusters)


@estimator(
    "Direct",
    "mean calibrated score of the target's fresh draws",
    family=DIRECT,
    assumes=Assumes.TRANSPORT,
    arrays=arrays.calibrated,
    reward=Takes(("monotone", "two_stage"), "direct is the calibrated mean; the uncalibrated one is naive_direct"),
    basic=True,
    lead=True,
)
def direct(inputs: Inputs) -> Estimate:
    """mean f(S'); contributions f(S') - est + c, t with degrees of freedom by Welch and Satterthwaite ("IF+WS"), or
    by the fourth moment where these are fewer.

    V = var(f(S')) / n + sum_B q_B^2 s_B^2 / m_B over the calibration's blocks B (Landesberg 2025, arXiv 2512.11150).
    """
    if inputs.draw_clusters < 2:
        one = "prompt" if inputs.clusters.single else "cluster"
        raise EstimationError(f"fresh draws of one {one} give no standard error; draws of at least two are needed")
    value = dot(inputs.draws.share, inputs.drawn.rewards)
    drawn = inputs.spread_draws(inputs.drawn.rewards - value)
    mass = inputs.draw_mass()
    phi = drawn + inputs.calibration_term(mass)
    if inputs.calibration is None or mass is None:
        return from_contributions(value, phi, n_sampled=inputs.draw_clusters)
    draw_df = inputs.draw_clusters - 1.0
    sampling = dot(drawn, drawn) * (1 + 1 / draw_df) / inputs.clusters.count**2
    added, denominator = inputs.calibration.variance(mass)
    total = sampling + added
    denominator += sampling**2 / draw_df
    df = total * total / denominator if denominator > 0 else draw_df
    # Of skewed labels, as where 95% are one, few rows carry the variance, which only the fourth moment shows.
    df = min(df, moment_df(phi * phi))
    return from_contributions(
        value,
        phi,
        n_sampled=inputs.draw_clusters,
        df=max(1.0, df),
        shared_errors=inputs.other_errors(mass),
        diagnostics={"calibration_share": added / total if total > 0 else 0.0},
    )


@estimator(
    "Direct, own labels",
    "mean calibrated score, corrected by labels of the target itself (power-tuned prediction-powered mean)",
    family=DIRECT,
    assumes=Assumes.NOTHING,
    arrays=arrays.own_labelled,
    own_labels=True,
)
def direct_own(inputs: Inputs) -> Estimate:
    """mean lambda f(S') + mean over own labels of (Y' - lambda f(S')); lambda minimises the variance.

    AIPW / PPI++, Angelopoulos et al. 2023. f comes from P0's labels, so it is fixed given the target's; whatever it
    is, the estimate is unbiased.
    """
    target_labels = inputs.own_labels
    present = ~np.isnan(target_labels)
    own, count = int(present.sum()), present.size
    if own < 2:
        raise EstimationError(f"target_labels: {own} of {count} fresh draws are labelled, at least 2 are needed")
    f, share = inputs.drawn.rewards, inputs.draws.share
    y = target_labels[present]
    unlabelled = count - own
    own_clusters = inputs.clusters.together(inputs.draws.prompts[present])
    spread = float(np.var(f, ddof=1))
    shared = float(np.mean((y - y.mean()) * (f[present] - f[present].mean())))
    # Angelopoulos et al. 2023, clipped as there: between no use of f and full use of it.
    tuned = float(np.clip(shared / spread, 0.0, count / unlabelled)) if spread > 0 and unlabelled > 0 else 0.0
    own_share = share * present / float(share[present].sum())
    filled = np.where(present, target_labels, 0.0)
    residual = np.where(present, filled - tuned * f, 0.0)
    plain, corrected = dot(share, f) * tuned, dot(own_share, residual)
    each = share * tuned * f - share * plain + own_share * np.where(present, residual - corrected, 0.0)
    phi = inputs.spread(each)
    return from_contributions(
        plain + corrected, phi, n_sampled=own_clusters, diagnostics={"lambda": tuned, "own_labels": float(own)}
    )
