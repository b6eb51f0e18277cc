"""What the grid says of its own error: disjoint subsets, paired truths, honest bands, failures as failures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arena_assets import estimation as e
from arena_assets.estimation.data.clusters import alone
from arena_assets.estimation.studies import bands
from arena_assets.estimation.studies.grid import _subset, ablation_grid, summarise

SPEC = {
    "estimators": ["direct"],
    "reward_calibration": ["monotone"],
    "scoring": ["deterministic"],
    "oracle_coverages": [0.5],
}


def data(n: int, seed: int = 0) -> e.EvaluationData:
    shifts = {"up": (0.5, 0.0, 0.0), "down": (-0.5, 0.0, 0.0)}
    return e.draw_targets(shifts, n=n, n_labels=n, rng=np.random.default_rng(seed))


def grid(n: int, size: int, seeds: int, seed: int = 0) -> e.GridResult:
    spec = e.AblationSpec.from_mapping({**SPEC, "sample_sizes": [size], "seeds": seeds})
    return ablation_grid(data(n, seed), spec)


def test_subsets_are_disjoint_as_long_as_there_are_prompts() -> None:
    hundred = alone(np.arange(100).astype(str).astype(object))
    drawn = [set(_subset(hundred, 30, repetition, 0)[0].tolist()) for repetition in range(6)]
    assert all(len(one) == 30 for one in drawn)
    assert len(drawn[0] | drawn[1] | drawn[2]) == 90
    assert len(drawn[3] | drawn[4] | drawn[5]) == 90
    assert drawn[0] != drawn[3]


def test_repetitions_are_worth_no_more_than_all_prompts() -> None:
    assert bands.independent(20, 0.1) == pytest.approx(10)
    assert bands.independent(5, 0.1) == 5
    assert bands.independent(50, 1.0) == 1


def test_bands_by_hand() -> None:
    # Clopper and Pearson: 20 of 20 lies above .025^(1/20).
    low, high = bands.share_band(1.0, 20)
    assert (low, high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)
    values = np.array([1.0, 2.0, 3.0])
    assert bands.mean_half_width(values, 0.1) == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan(bands.mean_half_width(values, 1.0))


def test_all_prompts_are_one_repetition_whatever_the_seeds() -> None:
    row = grid(200, 200, 5).summary.iloc[0]
    assert row["independent"] == 1
    assert np.isnan(row["bias_low"])
    assert row["coverage_high"] - row["coverage_low"] > 0.9


def test_the_paired_interval_of_all_prompts_is_that_of_the_analysis() -> None:
    """Estimate and truth use the same draws: at full size the grid asks what the analysis asks."""
    whole = data(300)
    labels = whole.with_labels(np.where(np.arange(300) < 150, whole.labels, np.nan))
    method = [e.Method("direct", "monotone")]
    table = e.analyze(labels, methods=method)
    spec = e.AblationSpec.from_mapping({**SPEC, "sample_sizes": [300], "oracle_coverages": [0.5], "seeds": 1})
    runs = ablation_grid(labels, spec).runs
    assert runs["coverage"].iloc[0] == table["covered"].dropna().astype(float).mean()


@pytest.mark.slow
def test_paired_coverage_is_nominal_neither_above_nor_below() -> None:
    covered = [grid(300, 300, 1, seed).runs["coverage"].mean() for seed in range(150)]
    assert 0.91 < np.mean(covered) < 0.98


def test_a_failed_policy_counts_against_its_method() -> None:
    whole = data(100)
    runs = grid(100, 50, 2).runs
    assert (runs["failed"] == 0).all()
    # Labels on one score cannot calibrate: no policy has an estimate.
    flat = e.EvaluationData(
        whole.logging_policy,
        whole.prompt_ids,
        {"deterministic": np.full(100, 0.5)},
        whole.variance,
        whole.response_length,
        whole.labels,
        whole.targets,
    )
    spec = e.AblationSpec.from_mapping({**SPEC, "sample_sizes": [50], "seeds": 2})
    row = ablation_grid(flat, spec).runs.iloc[0]
    assert (row["policies"], row["failed"], row["coverage"], row["supported"]) == (0, 2, 0.0, 0.0)
    assert (row["pairwise_accuracy"], row["kendall_tau"], row["best_found"]) == (0.0, -1.0, 0.0)
    assert np.isnan(row["rmse"])


def test_the_summary_is_of_runs_alone() -> None:
    result = grid(200, 50, 4)
    pd.testing.assert_frame_equal(summarise(result.runs), result.summary)
