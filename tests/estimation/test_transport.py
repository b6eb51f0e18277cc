"""The transport test: its standard error knows that f- was fitted to the same labels, so it has size and power."""

from __future__ import annotations

import numpy as np
import pytest

from arena_assets.estimation import Method, Scenario, analyze, draw
from arena_assets.estimation.calibration.reward import calibrate
from arena_assets.estimation.calibration.transport import OutOfFold
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.studies.worlds import TARGET


def fitted(labels: np.ndarray) -> OutOfFold:
    """Six scores in two folds, labels that rise with the score."""
    scores = np.linspace(0, 1, labels.size)[:, None]
    folds = np.arange(labels.size) % 2
    every = np.arange(labels.size)
    return calibrate(scores, labels, prompts=every, folds=folds, reference=scores, n_folds=2).out_of_fold


def test_the_weighted_residual_is_linear_in_the_labels() -> None:
    """sum v r = sum d Y, and by hand: fold 0 reads the fold 1 labels halfway between its neighbours."""
    labels = np.array([0.1, 0.2, 0.4, 0.5, 0.9, 1.0])
    tested = fitted(labels)
    # Fold 0 holds labels 0, 2, 4, read from the curve through 1, 3, 5; row 0 lies below that curve.
    assert tested.residuals == pytest.approx([-0.1, 0.2 - 0.25, 0.4 - 0.35, 0.5 - 0.65, 0.9 - 0.75, 0.1], abs=1e-12)
    shares = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.2])
    found = tested.coefficients(shares)
    # d_0 = v_0 - v_1 / 2, d_1 = v_1 - v_0 - v_2 / 2, d_2 = v_2 - v_1 / 2 - v_3 / 2, and so on.
    assert found == pytest.approx([0.35, -0.35, 0.0, 0.0, -0.15, 0.15], abs=1e-12)
    assert found.sum() == pytest.approx(0, abs=1e-12)
    assert found @ labels == pytest.approx(shares @ tested.residuals, abs=1e-12)
    assert tested.mean(shares * 7)[0] == pytest.approx(shares @ tested.residuals, abs=1e-12)
    assert tested.mean(shares)[1] == pytest.approx(np.sqrt(((found * tested.residuals) ** 2).sum()), abs=1e-12)


def z_scores(scenario: Scenario, count: int) -> np.ndarray:
    found = []
    for seed in range(count):
        seen = Preparation(draw(scenario, np.random.default_rng(seed))).target("deterministic", "monotone", TARGET)
        found.append(seen.diagnostics.transport / seen.diagnostics.transport_error)
    return np.array(found)


def test_it_has_its_size_where_transport_holds() -> None:
    """Residuals taken for independent would give z scores of a third of this spread, and no power."""
    z = z_scores(Scenario("good", True, 100), 200)
    assert (np.abs(z) > 1.96).mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)
    assert 0.65 < z.std() < 1.15


def test_it_has_power_where_transport_fails_by_two_standard_errors() -> None:
    z = z_scores(Scenario("good", False, 100), 100)
    assert (np.abs(z) > 1.5).mean() > 0.95
    assert np.median(z) < -2.5


def test_labels_without_a_weight_test_nothing_but_still_calibrate() -> None:
    data = draw(Scenario("good", True, 100, n=400), np.random.default_rng(0))
    labelled = np.flatnonzero(~np.isnan(data.labels))
    data.targets[TARGET].log_weights[labelled[:90]] = np.nan
    seen = Preparation(data).target("deterministic", "monotone", TARGET).diagnostics
    assert seen.n_labels == 100
    assert seen.label_ess < 10.01
    data.targets[TARGET].log_weights[labelled] = np.nan
    row = analyze(data, methods=[Method("direct", "monotone")]).set_index("policy").loc[TARGET]
    assert row["support"] == "caution"
    assert "cannot be tested" in row["support_reason"]
