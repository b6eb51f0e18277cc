"""The index of a two-stage calibration is an estimate itself: what its noise adds, by hand, by refits, by coverage."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from arena_assets.estimation import Method, draw_targets, evaluate
from arena_assets.estimation.calibration.index_noise import index_noise
from arena_assets.estimation.calibration.mass import Mass
from arena_assets.estimation.calibration.two_stage import fit_basis, fit_index
from arena_assets.estimation.studies.outcomes import Smooth
from arena_assets.estimation.studies.policies import Policy

DIRECT, SNIPS = Method("direct", "two_stage"), Method("snips", "two_stage")


def test_the_noise_of_the_index_by_hand() -> None:
    """One block, one column -1, 0, 1, lambda 2: (C'C + 2)^-1 = 1/4, h = 1/3 + c^2/4."""
    design, residuals = np.array([[-1.0], [0.0], [1.0]]), np.array([0.2, 0.1, -0.3])
    noise = index_noise(design, residuals, np.zeros(3, dtype=np.int64), np.array([[0.25]]))
    moved = np.array([-0.25 * 0.2, 0.0, 0.25 * -0.3]) / sqrt(1 - 7 / 12)
    assert noise.influence[:, 0] == pytest.approx(moved)
    # Responses whose mean design is .5 away from that of the block's labels move with the coefficient.
    mass = Mass(np.array([1.0]), np.array([0.5]))
    assert noise.per_label(mass, 10) == pytest.approx(10 * 0.5 * moved)
    total, denominator = noise.variance(mass)
    assert total == pytest.approx(0.25 * (moved**2).sum())
    assert denominator == pytest.approx(total**2 / 2)
    # Responses like the labelled ones of their block do not.
    assert noise.per_label(Mass(np.array([1.0]), np.array([0.0])), 10) == pytest.approx([0, 0, 0])


def test_the_influence_is_that_of_the_ridge_regression() -> None:
    """Moving one label by a little moves the coefficients by the inverse that the index keeps."""
    rng = np.random.default_rng(0)
    features, labels = rng.random((80, 2)), rng.random(80)
    design = fit_basis(features)(features)
    first = fit_index(design, labels, design)
    moved = labels.copy()
    moved[7] += 1e-6
    second = fit_index(design, moved, design)
    expected = first.inverse @ (design - design.mean(axis=0))[7]
    assert (second.coefficients - first.coefficients) / 1e-6 == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_standard_error_is_that_of_the_estimates() -> None:
    """At an effective sample size of 15% it was .61 to .7 of their standard deviation, and direct covered .82."""
    shift = sqrt(-log(0.15) / 2)
    truth = Smooth().mean(Policy(shift, 0.0, shift))
    found: dict[str, list[tuple[float, float, bool]]] = {"direct": [], "snips": []}
    for seed in range(120):
        rng = np.random.default_rng([5, seed])
        data = draw_targets({"t": (shift, 0.0, shift)}, n=1000, n_labels=250, rng=rng)
        for one in evaluate(data, methods=[DIRECT, SNIPS]):
            if one.policy == "t":
                assert one.estimate is not None
                low, high = one.estimate.ci()
                found[one.method.estimator].append((one.estimate.value, one.estimate.std_error, low <= truth <= high))
    for name, rows in found.items():
        values, errors, covered = np.array(rows).T
        assert errors.mean() / values.std() > 0.75, name
        assert covered.mean() >= 0.88, name  # .91 to .96; .95 - 3.5 standard errors of 120 replications


def test_few_labels_do_not_know_an_index() -> None:
    data = draw_targets({"t": (0.2, 0.0, 0.2)}, n=1000, n_labels=80, rng=np.random.default_rng(0))
    by_method = {one.method: one.support for one in evaluate(data, methods=[DIRECT, SNIPS]) if one.policy == "t"}
    for support in by_method.values():
        assert support.level != "supported"
        assert "80 labels" in support.reason
        assert "index" in support.reason
    corrected = Method("dr_cpo", "two_stage")
    found = [one.support for one in evaluate(data, methods=[corrected]) if one.policy == "t"]
    assert [one.level for one in found] == ["supported"]
