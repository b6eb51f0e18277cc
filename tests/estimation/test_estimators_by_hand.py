"""Numbers worked by hand: one small case for each estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from arena_assets import estimation as e
from arena_assets.estimation.estimators.stacking import simplex_weights

NAN = np.nan
REWARDS = np.array([0.0, 1.0, 0.5, 0.5])
WEIGHTS = np.array([2.0, 1.0, 0.5, 0.5])


def test_ips_is_the_mean_of_weighted_rewards() -> None:
    result = e.ips(rewards=REWARDS, weights=WEIGHTS)
    # wR = 0, 1, 1/4, 1/4: mean 3/8, squared deviations 9/64, 25/64, 1/64, 1/64.
    assert result.value == pytest.approx(0.375)
    assert result.std_error == pytest.approx(np.sqrt((36 / 64) / 3 / 4))


def test_clipped_ips_reports_what_clipping_costs() -> None:
    result = e.clipped_ips(rewards=REWARDS[::-1], weights=WEIGHTS, max_weight=1.0)
    # min(w, 1) R = 1/2, 1/2, 1/2, 0; the first row loses weight 1 with reward 1/2.
    assert result.value == pytest.approx(0.375)
    assert result.diagnostics["clipping_bias"] == pytest.approx(-0.125)
    assert result.diagnostics["clipped_mass"] == pytest.approx(0.25)


def test_snips_divides_by_the_weights() -> None:
    result = e.snips(rewards=REWARDS, weights=WEIGHTS)
    # sum wR = 1.5, sum w = 4: 0.375; phi = w (R - est) = -.75, .625, .0625, .0625.
    assert result.value == pytest.approx(0.375)
    assert result.contributions == pytest.approx([-0.75, 0.625, 0.0625, 0.0625])


def test_calibrated_ips_pools_weights_that_break_the_order() -> None:
    # Rising with the score: 1, (3 + 2) / 2, (3 + 2) / 2, 4 divided by their mean 2.5.
    result = e.calibrated_ips(rewards=[0.0, 0.2, 0.6, 1.0], weights=[1.0, 3.0, 2.0, 4.0])
    assert result.value == pytest.approx((2.5 * 0.2 + 2.5 * 0.6 + 4 * 1.0) / 10)
    assert result.diagnostics["direction"] == 1.0


def test_naive_direct_averages_draws_within_a_prompt_first() -> None:
    result = e.naive_direct(scores=[0.0, 1.0, 1.0], prompt_ids=["a", "b", "b"])
    assert result.value == pytest.approx(0.5)
    assert result.contributions.size == 2


def test_direct_calibrates_and_carries_the_calibrations_error() -> None:
    scores = np.repeat([0.2, 0.8], 10)
    labels = np.r_[np.tile([0.0, 0.4], 5), np.tile([0.5, 0.9], 5)]
    target = np.repeat([0.2, 0.8], [5, 15])
    result = e.direct(target_scores=target, scores=scores, labels=labels, target_prompt_ids=np.arange(100, 120))
    # f = 0.2 and 0.7; q = 1/4, 3/4; s_B^2 = 10 * 0.04 / 9 in both blocks.
    assert result.value == pytest.approx(0.25 * 0.2 + 0.75 * 0.7)
    sampling = 0.25 * 0.75 * 0.5**2 / 20
    added = (1 / 16 + 9 / 16) * (0.4 / 9) / 10
    assert result.std_error**2 == pytest.approx((sampling + added) * 20 / 19)


def test_direct_own_equals_the_label_mean_when_all_draws_are_labelled() -> None:
    labels = np.array([0.0, 1.0, 1.0, 1.0])
    result = e.direct_own(
        target_scores=[0.1, 0.5, 0.6, 0.9], target_labels=labels, scores=[0.1, 0.9, 0.5], labels=[0.0, 1.0, 0.5]
    )
    assert result.value == pytest.approx(0.75)
    assert result.std_error == pytest.approx(labels.std(ddof=1) / 2)


def test_dr_cpo_corrects_the_plug_in_by_weighted_residuals() -> None:
    result = e.dr_cpo(
        target_scores=[0.2, 0.8, 0.8, 0.8],
        scores=[0.2, 0.2, 0.8, 0.8],
        labels=[0.0, 0.2, 0.6, 1.0],
        weights=[0.5, 0.5, 1.5, 1.5],
        folds=[0, 1, 0, 1],
    )
    # Fold 0 sees labels of fold 1 (0.2, 1.0), fold 1 those of fold 0 (0.0, 0.6).
    # Draws 1 and 3 lie in fold 0, 2 and 4 in fold 1.
    plugin = (0.2 + 0.6 + 1.0 + 0.6) / 4
    correction = (0.5 * (0.0 - 0.2) + 0.5 * (0.2 - 0.0) + 1.5 * (0.6 - 1.0) + 1.5 * (1.0 - 0.6)) / 4
    assert result.value == pytest.approx(plugin + correction)
    assert result.diagnostics["plugin"] == pytest.approx(plugin)


# Two scores, four labelled rows; with these folds f- is 0.2 / 1.0 for draws 1, 3 and 0.0 / 0.6 for draws 2, 4 (see
# above).
ROWS: dict[str, Any] = {
    "target_scores": [0.2, 0.8, 0.8, 0.8],
    "scores": [0.2, 0.2, 0.8, 0.8],
    "labels": [0.0, 0.2, 0.6, 1.0],
    "folds": [0, 1, 0, 1],
}
PLUGIN = (0.2 + 0.6 + 1.0 + 0.6) / 4
RESIDUALS = np.array([-0.2, 0.2, -0.4, 0.4])


def test_sndr_divides_the_correction_by_the_weights() -> None:
    weights = np.array([1.0, 1.0, 1.0, 3.0])
    result = e.sndr(**ROWS, weights=weights)
    assert result.value == pytest.approx(PLUGIN + weights @ RESIDUALS / 6)


def test_switch_dr_leaves_heavy_rows_to_the_plug_in() -> None:
    result = e.switch_dr(**ROWS, weights=[1.0, 1.0, 1.0, 3.0], threshold=2.0)
    assert result.value == pytest.approx(PLUGIN + (-0.2 + 0.2 - 0.4) / 4)
    assert result.diagnostics["kept_mass"] == pytest.approx(0.5)


def test_switch_dr_that_leaves_nothing_out_is_dr_cpo() -> None:
    weights = [1.0, 1.0, 1.0, 3.0]
    switched, plain = e.switch_dr(**ROWS, weights=weights, threshold=3.0), e.dr_cpo(**ROWS, weights=weights)
    assert switched.value == plain.value
    assert switched.std_error == plain.std_error
    assert switched.df == plain.df


def uncalibrated_dr_cpo(labels: np.ndarray, scores: np.ndarray, drawn: np.ndarray) -> e.Estimate:
    """dr_cpo of a clone without reward calibration: mean S' + mean of Y - S over the labelled rows."""
    ids, none = np.array([f"p{i}" for i in range(scores.size)], dtype=object), np.full(scores.size, NAN)
    target = e.TargetData(np.zeros(scores.size), ids, {"deterministic": drawn}, none, none, none)
    data = e.EvaluationData("p0", ids, {"deterministic": scores}, none, none, labels, {"clone": target})
    result = next(one for one in e.evaluate(data, methods=[e.Method("dr_cpo")]) if one.policy == "clone")
    assert result.estimate is not None
    return result.estimate


def test_a_judge_that_is_off_by_a_constant_costs_no_precision() -> None:
    """The label share is estimated, so the correction is a mean over labels: exactly the constant, without error."""
    scores, drawn = np.linspace(0, 0.6, 20), np.linspace(0.2, 0.7, 20)
    labels = np.where(np.arange(20) % 4 == 0, scores + 0.3, NAN)
    result = uncalibrated_dr_cpo(labels, scores, drawn)
    assert result.value == pytest.approx(drawn.mean() + 0.3)
    assert result.std_error == pytest.approx(drawn.std(ddof=1) / np.sqrt(20))


def test_the_correction_has_the_error_of_a_mean_over_labels() -> None:
    """With equal draws only the residuals vary: s / sqrt(m) with m - 1, whatever the unlabelled rows."""
    scores, labels = np.linspace(0, 1, 12), np.full(12, NAN)
    labels[[1, 4, 9]] = [0.0, 0.9, 0.4]
    residuals = labels[[1, 4, 9]] - scores[[1, 4, 9]]
    result = uncalibrated_dr_cpo(labels, scores, np.full(12, 0.5))
    assert result.value == pytest.approx(0.5 + residuals.mean())
    assert result.std_error == pytest.approx(residuals.std(ddof=1) / np.sqrt(3))


def test_dr_os_shrinks_weights_smoothly() -> None:
    result = e.dr_os(**ROWS, weights=[1.0, 1.0, 1.0, 3.0], threshold=1.0)
    # lambda = 1: w / (w^2 + 1) = 1/2, 1/2, 1/2, 3/10.
    assert result.value == pytest.approx(PLUGIN + (-0.1 + 0.1 - 0.2 + 0.12) / 4)


def test_mrdr_fits_its_outcome_model_with_squared_weights() -> None:
    result = e.mrdr(
        target_scores=[0.5, 0.5, 0.5],
        scores=[0.5, 0.5, 0.5, 0.5, 0.9, 0.9],
        labels=[0.0, 1.0, 0.0, 1.0, 1.0, 1.0],
        weights=[1.0, 3.0, 3.0, 1.0, 1.0, 1.0],
        folds=[0, 0, 1, 1, 0, 1],
        prompt_ids=list("abcdef"),
        target_prompt_ids=list("abc"),
    )
    # Fold 0 learns from rows c, d (weights 9, 1): (0 * 9 + 1 * 1) / 10 = 0.1; fold 1 from rows a, b: 9 / 10 = 0.9.
    plugin = (0.1 + 0.1 + 0.9) / 3
    correction = (1 * (0 - 0.1) + 3 * (1 - 0.1) + 3 * (0 - 0.9) + 1 * (1 - 0.9)) / 6
    assert result.value == pytest.approx(plugin + correction)


def test_what_a_threshold_leaves_out_counts_as_error() -> None:
    result = e.switch_dr(**ROWS, weights=[1.0, 1.0, 1.0, 3.0], threshold=2.0)
    # The row with weight 3 and residual 0.4 would have added 3 * 0.4 / 4.
    assert result.diagnostics["lost"] == pytest.approx(-0.3)
    # Its error: label 3 with weight 3 / 4, less label 2 that it was compared with, both with residuals of 0.4.
    assert result.shared_errors[-1] == pytest.approx(-0.3)
    assert result.own_errors == pytest.approx([np.sqrt(2) * 0.75 * 0.4])
    assert result.std_error > 0.3


def test_stacking_stays_on_the_simplex() -> None:
    # Without the bound the second weight would be negative.
    assert simplex_weights(np.array([[1.0, 1.9], [1.9, 4.0]])) == pytest.approx([1.0, 0.0])
    assert simplex_weights(np.array([[4.0, 1.9], [1.9, 1.0]])) == pytest.approx([0.0, 1.0])
    assert simplex_weights(np.array([[9.0, 3.0, 3.0], [3.0, 1.0, 0.0], [3.0, 0.0, 1.0]])) == pytest.approx(
        [0, 0.5, 0.5]
    )
    assert simplex_weights(np.eye(4)) == pytest.approx(np.full(4, 0.25))


def test_two_stage_calibration_removes_the_bias_of_a_covariate() -> None:
    """The judge likes long answers, the oracle does not, and the target writes longer ones."""
    rng = np.random.default_rng(0)
    merit, length = rng.uniform(size=2000), rng.uniform(size=2000)
    scores, labels = 0.7 * merit + 0.3 * length, 0.8 * merit + 0.1
    target_merit, longer = rng.uniform(size=2000), 0.5 + rng.uniform(size=2000) / 2
    target = 0.7 * target_merit + 0.3 * longer
    truth = 0.8 * target_merit.mean() + 0.1
    labels[500:] = NAN
    plain = e.direct(target_scores=target, scores=scores, labels=labels)
    two_stage = e.direct(
        target_scores=target, scores=scores, labels=labels, covariates=length, target_covariates=longer
    )
    assert plain.value - truth > 0.04
    assert abs(two_stage.value - truth) < 0.005


def test_tmle_tilts_until_the_weighted_residuals_vanish() -> None:
    result = e.tmle(
        target_scores=[0.5, 0.5, 0.5, 0.5],
        scores=[0.5, 0.5, 0.5, 0.5, 0.9, 0.9],
        labels=[0.0, 1.0, 0.0, 1.0, 0.5, 0.5],
        weights=[1.0, 3.0, 1.0, 3.0, 0.0, 0.0],
        folds=[0, 0, 1, 1, 0, 1],
        prompt_ids=list("abcdef"),
        target_prompt_ids=list("abcd"),
    )
    # f- = 1/2 everywhere; the weighted label mean is 3/4, so expit(eps) = 3/4 and eps = log 3.
    assert result.value == pytest.approx(0.75)
    assert result.diagnostics["eps"] == pytest.approx(np.log(3))


def test_stacked_dr_combines_its_parts_with_weights_that_sum_to_one() -> None:
    rng = np.random.default_rng(0)
    rows = ROWS | {"weights": rng.uniform(0.5, 2, 4)}
    parts = {name: getattr(e, name)(**rows) for name in ("dr_cpo", "sndr", "mrdr", "tmle")}
    result = e.stacked_dr(**rows)
    shares = {name: result.diagnostics[f"weight_{name}"] for name in parts}
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    assert result.value == pytest.approx(sum(shares[name] * part.value for name, part in parts.items()))
    combined = sum(shares[name] * part.contributions for name, part in parts.items())
    assert result.contributions == pytest.approx(combined)


def test_direct_own_tunes_lambda_to_the_variance() -> None:
    """PPI++ by hand: f = S here; labels 0, 1 on scores 0, 1; two unlabelled draws."""
    result = e.direct_own(
        target_scores=[0.0, 1.0, 1.0, 1.0],
        target_labels=[0.0, 1.0, NAN, NAN],
        scores=[0.0, 0.0, 1.0, 1.0],
        labels=[0.0, 0.0, 1.0, 1.0],
    )
    # cov = 1/4, var of all f = 1/4 (ddof 1): lambda = 1; est = 3/4 + mean(Y - f) = 3/4.
    assert result.diagnostics["lambda"] == pytest.approx(1.0)
    assert result.value == pytest.approx(0.75)


def test_one_dominating_contribution_leaves_two_degrees_of_freedom() -> None:
    result = e.ips(rewards=np.ones(1000), weights=np.r_[1e6, np.full(999, 1e-6)])
    assert result.df == pytest.approx(2.0, rel=0.01)
    assert e.ips(rewards=np.tile([0.0, 1.0], 500), weights=np.ones(1000)).df == 999


def test_direct_own_is_ppi_plus_plus_as_published() -> None:
    """The power-tuned mean of Angelopoulos et al.

    2023, written out: lambda = cov(Y, f) / ((1 + n / N) var f), within 0 and 1.
    """
    rng = np.random.default_rng(0)
    scores, drawn = rng.uniform(size=200), rng.uniform(size=300)
    labels = (scores + rng.normal(0, 0.2, 200)).clip(0, 1)
    own = np.r_[(drawn[:100] ** 2 + rng.normal(0, 0.1, 100)).clip(0, 1), np.full(200, NAN)]
    result = e.direct_own(target_scores=drawn, target_labels=own, scores=scores, labels=labels)
    f = IsotonicRegression(out_of_bounds="clip").fit(scores, labels).predict(drawn)
    y, near, far = own[:100], f[:100], f[100:]
    covariance = np.mean((y - y.mean()) * (near - near.mean()))
    tuned = np.clip(covariance / ((1 + 100 / 200) * f.var(ddof=1)), 0, 1)
    assert result.value == pytest.approx(y.mean() + tuned * (far.mean() - near.mean()), abs=1e-9)
    variance = tuned**2 * far.var() / 200 + (y - tuned * near).var() / 100
    assert result.std_error == pytest.approx(np.sqrt(variance), rel=0.02)
