"""Numbers worked by hand: one small case for each estimator."""

from __future__ import annotations

import numpy as np
import pytest

from arena_assets import estimation as e

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
