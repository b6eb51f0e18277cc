"""Diagnostics of weights against numbers worked by hand, and tails of a known shape."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, skew

from arena_assets import estimation as e
from arena_assets.estimation.diagnostics.skewness import in_words


def test_weight_diagnostics_by_hand() -> None:
    seen = e.diagnose(np.array([4.0, 2.0, 1.0, 1.0]))
    assert seen.ess == pytest.approx(64 / 22)
    assert seen.max_share == pytest.approx(0.5)
    assert seen.mean == pytest.approx(2.0)
    assert np.isnan(seen.pareto_k)  # four rows show no tail
    assert seen.affinity == pytest.approx((np.sqrt(2) + 1 + 2 * np.sqrt(0.5)) / 4)


def test_equal_weights_have_no_tail() -> None:
    seen = e.diagnose(np.ones(100))
    assert (seen.ess_fraction, seen.affinity, seen.mean_z) == (1.0, pytest.approx(1.0), 0.0)
    assert np.isnan(seen.pareto_k)


@pytest.mark.parametrize(("k", "about"), [(0.25, 0.28), (0.5, 0.5), (0.8, 0.78)])
def test_the_shape_of_a_pareto_tail_is_found(k: float, about: float) -> None:
    """Of 300 rows of 10,000 and 10 of the prior at .5, at exact quantiles of u^-k."""
    weights = ((np.arange(10_000) + 0.5) / 10_000) ** -k
    assert e.diagnose(weights).pareto_k == pytest.approx(about, abs=0.03)
    assert e.diagnose(1e6 * weights).pareto_k == pytest.approx(e.diagnose(weights).pareto_k)


def test_skewness_is_that_of_the_sample_or_of_its_upper_quantiles() -> None:
    assert e.diagnose(np.ones(50)).skewness == 0
    # One of five: the third central moment over sd^3 is 1.5.
    assert e.diagnose(np.array([1.0, 1.0, 1.0, 1.0, 3.0])).skewness > 1.4
    assert e.diagnose(np.r_[np.zeros(90), np.ones(10)]).skewness == np.inf
    # A lognormal sample that misses its largest weights is seen for what it is: (e + 2) sqrt(e - 1) at variance 1.
    spread = np.exp(norm.ppf((np.arange(2000) + 0.5) / 2000))
    expected = (np.e + 2) * np.sqrt(np.e - 1)
    assert skew(spread[:-5]) < 0.6 * expected
    assert e.diagnose(spread[:-5]).skewness == pytest.approx(expected, rel=0.1)
    # What is bounded above, as of a narrower target, is not skewed for its tail of small weights.
    assert e.diagnose(np.exp(-5 * norm.ppf((np.arange(2000) + 0.5) / 2000) ** 2)).skewness < 1.5


def test_a_skewness_without_meaning_is_not_told_to_its_digits() -> None:
    assert [in_words(value) for value in (4.94, 100.0, 5.1e13, np.inf)] == ["4.9", "100.0", "above 100", "above 100"]
