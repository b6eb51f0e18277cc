"""What must hold for any data: constants, permutations, scale, bounds, agreement between estimators."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.isotonic import IsotonicRegression

from arena_assets import estimation as e
from arena_assets.estimation.calibration import isotonic

Arrays = dict[str, np.ndarray]
FAMILY: list[Callable[..., e.Estimate]] = [e.dr_cpo, e.sndr, e.mrdr, e.tmle, e.switch_dr, e.dr_os, e.stacked_dr]
LOGGED: list[Callable[..., e.Estimate]] = [e.ips, e.clipped_ips, e.snips, e.calibrated_ips]

unit = st.floats(0, 1, width=32)
positive = st.floats(0.125, 8, width=32)


@st.composite
def rewards_and_weights(draw: st.DrawFn) -> Arrays:
    n = draw(st.integers(2, 30))
    rewards = draw(hnp.arrays(np.float64, n, elements=unit))
    return {"rewards": rewards, "weights": draw(hnp.arrays(np.float64, n, elements=positive))}


@st.composite
def judged(draw: st.DrawFn) -> Arrays:
    """At least ten rows, labels on at least eight of them over at least two scores in every fold's complement."""
    n = draw(st.integers(10, 40))
    scores = draw(hnp.arrays(np.float64, n, elements=st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])))
    scores[:4] = [0.1, 0.9, 0.1, 0.9]
    labels = draw(hnp.arrays(np.float64, n, elements=unit))
    unlabelled = draw(hnp.arrays(np.bool_, n))
    unlabelled[:8] = False
    labels[unlabelled] = np.nan
    return {
        "scores": scores,
        "labels": labels,
        "weights": draw(hnp.arrays(np.float64, n, elements=positive)),
        "target_scores": draw(hnp.arrays(np.float64, n, elements=unit)),
        "folds": np.arange(n) % 2,
    }


def same(first: e.Estimate, second: e.Estimate) -> None:
    assert first.value == pytest.approx(second.value, abs=1e-9)
    assert first.std_error == pytest.approx(second.std_error, abs=1e-9)


@settings(deadline=None)
@given(rewards_and_weights(), unit)
def test_snips_returns_a_constant_reward(data: Arrays, constant: float) -> None:
    result = e.snips(rewards=np.full_like(data["rewards"], constant), weights=data["weights"])
    assert result.value == pytest.approx(constant)
    assert result.std_error == pytest.approx(0, abs=1e-12)


@settings(deadline=None)
@given(rewards_and_weights())
def test_snips_stays_within_the_rewards(data: Arrays) -> None:
    for estimator in (e.snips, e.calibrated_ips):
        value = estimator(**data).value
        assert data["rewards"].min() - 1e-12 <= value <= data["rewards"].max() + 1e-12


@settings(deadline=None)
@pytest.mark.parametrize("estimator", LOGGED)
@given(data=rewards_and_weights())
def test_weights_of_one_give_the_mean(estimator: Callable[..., e.Estimate], data: Arrays) -> None:
    rewards = data["rewards"]
    result = estimator(rewards=rewards, weights=np.ones_like(rewards))
    assert result.value == pytest.approx(rewards.mean())
    assert result.std_error == pytest.approx(rewards.std(ddof=1) / np.sqrt(rewards.size))


@settings(deadline=None)
@pytest.mark.parametrize("estimator", LOGGED)
@given(data=rewards_and_weights(), seed=st.integers(0, 2**32 - 1))
def test_row_order_does_not_matter_to_weighting(estimator: Callable[..., e.Estimate], data: Arrays, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(data["rewards"].size)
    same(estimator(**data), estimator(**{name: values[order] for name, values in data.items()}))


@settings(deadline=None)
@pytest.mark.parametrize("estimator", LOGGED)
@given(data=rewards_and_weights(), scale=st.floats(0.5, 4))
def test_weighting_is_scale_equivariant(estimator: Callable[..., e.Estimate], data: Arrays, scale: float) -> None:
    base = estimator(**data)
    scaled = estimator(rewards=scale * data["rewards"], weights=data["weights"])
    assert scaled.value == pytest.approx(scale * base.value, abs=1e-9)
    assert scaled.std_error == pytest.approx(scale * base.std_error, abs=1e-9)


def test_a_tie_of_directions_does_not_follow_row_order() -> None:
    """Rounding decided between rising and falling weights that fit equally well."""
    rewards, weights = np.array([0.5, 0.0, 1.0]), np.array([0.5, 1.0, 1.0])
    expected = e.calibrated_ips(rewards=rewards, weights=weights)
    for order in permutations(range(3)):
        rows = np.array(order)
        same(e.calibrated_ips(rewards=rewards[rows], weights=weights[rows]), expected)


@settings(deadline=None)
@given(rewards_and_weights(), st.floats(0.25, 4))
def test_snips_ignores_the_scale_of_the_weights(data: Arrays, scale: float) -> None:
    same(e.snips(**data), e.snips(rewards=data["rewards"], weights=scale * data["weights"]))


@settings(deadline=None)
@pytest.mark.parametrize("estimator", [*FAMILY, e.direct])
@given(data=judged(), seed=st.integers(0, 2**32 - 1))
def test_row_order_does_not_matter_with_labels(estimator: Callable[..., e.Estimate], data: Arrays, seed: int) -> None:
    if estimator is e.direct:
        data = {name: values for name, values in data.items() if name not in ("weights", "folds")}
    order = np.random.default_rng(seed).permutation(data["scores"].size)
    first = estimator(**data)
    second = estimator(**{name: values[order] for name, values in data.items()})
    assert first.value == pytest.approx(second.value, abs=1e-7)
    assert first.std_error == pytest.approx(second.std_error, rel=1e-5, abs=1e-7)


@settings(deadline=None)
@given(judged())
def test_without_residuals_every_doubly_robust_estimate_is_the_direct_one(data: Arrays) -> None:
    labelled = ~np.isnan(data["labels"])
    data = data | {"labels": np.where(labelled, data["scores"], np.nan)}
    # Every labelled score must be known to both folds, or f- interpolates.
    data["scores"][:8] = np.repeat([0.1, 0.3, 0.5, 0.7], 2)
    data["scores"] = np.where(np.arange(data["scores"].size) < 8, data["scores"], 0.3)
    data["labels"] = np.where(labelled, data["scores"], np.nan)
    data["target_scores"] = data["scores"]
    plain = {name: values for name, values in data.items() if name not in ("weights", "folds")}
    expected = e.direct(**plain).value
    for estimator in FAMILY:
        assert estimator(**data).value == pytest.approx(expected, abs=1e-6), estimator.__name__


@settings(deadline=None)
@given(judged())
def test_weights_of_one_and_all_labels_give_the_label_mean_for_the_same_responses(data: Arrays) -> None:
    """A clone that draws P0's very responses: plug-in and correction add up to the mean label."""
    labels = np.nan_to_num(data["labels"], nan=0.5)
    data = data | {"labels": labels, "target_scores": data["scores"], "weights": np.ones_like(labels)}
    assert e.dr_cpo(**data).value == pytest.approx(labels.mean())
    assert e.sndr(**data).value == pytest.approx(labels.mean())
    plain = {name: values for name, values in data.items() if name not in ("weights", "folds")}
    assert e.direct(**plain).value == pytest.approx(labels.mean())


@settings(deadline=None)
@given(judged())
def test_direct_own_holds_whatever_the_judge_says_when_all_draws_are_labelled(data: Arrays) -> None:
    own = np.random.default_rng(0).uniform(size=data["scores"].size)
    arrays = {name: data[name] for name in ("target_scores", "scores", "labels")}
    result = e.direct_own(target_labels=own, **arrays)
    assert result.value == pytest.approx(own.mean())
    assert result.std_error == pytest.approx(own.std(ddof=1) / np.sqrt(own.size))


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_the_curve_is_scikit_learns_isotonic_regression(percent: list[int], seed: int) -> None:
    rng, scores = np.random.default_rng(seed), np.array(percent) / 100
    labels, weights = rng.uniform(size=scores.size), rng.uniform(0.5, 2, size=scores.size)
    probe = rng.uniform(-0.5, 1.5, 50)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights).predict(probe)
    assert isotonic.fit(scores, labels, weights)(probe) == pytest.approx(theirs, abs=1e-6)


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_block_masses_reproduce_the_estimate(percent: list[int], seed: int) -> None:
    rng, scores = np.random.default_rng(seed), np.array(percent) / 100
    curve = isotonic.fit(scores, rng.uniform(size=scores.size))
    probe, shares = rng.uniform(-0.5, 1.5, 50), rng.uniform(size=50)
    mass = curve.split(probe).mass(shares, curve.values.size)
    assert mass.sum() == pytest.approx(shares.sum())
    assert mass @ curve.values == pytest.approx(shares @ curve(probe))
    assert curve.split(probe).read(curve.values) == pytest.approx(curve(probe))


@settings(deadline=None)
@given(judged())
def test_contributions_carry_the_standard_error(data: Arrays) -> None:
    for estimator in FAMILY:
        result = estimator(**data)
        phi, k = result.contributions, result.n_sampled
        blocks = result.shared_errors @ result.shared_errors + result.own_errors @ result.own_errors
        assert result.std_error == pytest.approx(np.sqrt((phi @ phi) * k / (k - 1) / phi.size**2 + blocks))
        low, high = result.ci()
        assert low <= result.value <= high
        assert result.ci(0.5)[1] <= high


def test_several_draws_of_a_prompt_count_as_one_prompt() -> None:
    arrays: dict[str, Any] = {
        "scores": [0.1, 0.4, 0.6, 0.9],
        "labels": [0.0, 0.5, 0.4, 1.0],
        "prompt_ids": list("abcd"),
    }
    once = e.direct(target_scores=[0.2, 0.5, 0.7, 0.9], target_prompt_ids=list("abcd"), **arrays)
    twice = e.direct(
        target_scores=[0.2, 0.5, 0.7, 0.9, 0.9, 0.2], target_prompt_ids=["a", "b", "c", "d", "d", "a"], **arrays
    )
    assert once.value == pytest.approx(twice.value)
    assert once.std_error == pytest.approx(twice.std_error)
