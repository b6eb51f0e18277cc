"""Grids from configuration: which methods and experiments a file names, and what the grid measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from arena_assets import estimation as e

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "ablations").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_grid_is_valid(path: Path) -> None:
    spec = e.AblationSpec.from_mapping(yaml.safe_load(path.read_text()))
    assert spec.chosen
    assert spec.sample_sizes
    assert spec.oracle_coverages
    assert spec.seeds


def test_the_papers_design_has_16250_experiments() -> None:
    spec = e.AblationSpec.from_mapping(yaml.safe_load((ROOT / "configs" / "ablations" / "paper.yaml").read_text()))
    assert len(spec.chosen) * len(spec.sample_sizes) * len(spec.oracle_coverages) * len(spec.seeds) == 16_250


SMALL = {
    "estimators": ["naive_direct", "direct", "direct_own", "dr_cpo"],
    "reward_calibration": ["none", "monotone"],
    "weight_calibration": ["none"],
    "scoring": ["deterministic", "uncertainty_aware"],
    "sample_sizes": [100, 200, 900],
    "oracle_coverages": [0.25, 1.0],
    "seeds": 3,
}


def grid_data() -> e.EvaluationData:
    shifts = {"up": (0.8, 0.0, 0.0), "same": (0.0, 0.0, 0.0), "down": (-0.8, 0.0, 0.0)}
    return e.draw_targets(shifts, n=400, n_labels=400, rng=np.random.default_rng(0))


def test_the_grid_measures_error_coverage_and_ranking() -> None:
    seen: list[tuple[int, int]] = []
    result = e.ablation_grid(
        grid_data(), e.AblationSpec.from_mapping(SMALL), progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (12, 12)
    assert len(result.runs) == 12 * 4
    assert any("sample size 900: only 400" in text for text in result.left_out)
    assert any("direct_own" in text for text in result.left_out)
    assert any("no such scores" in text for text in result.left_out)
    summary = result.summary.set_index(["estimator", "reward_calibration", "sample_size", "oracle_coverage"])
    best = summary.loc[("direct", "monotone", 200, 1.0)]
    assert best["pairwise_accuracy"] == 1.0
    assert best["kendall_tau"] == 1.0
    assert best["coverage_low"] <= 0.95 <= best["coverage_high"]
    assert best["rmse"] < summary.loc[("naive_direct", "none", 200, 1.0), "rmse"]
    assert best["rmse_low"] <= best["rmse"] <= best["rmse_high"]
    wide, narrow = (
        summary.loc[("direct", "monotone", n, share), "interval_width"] for n, share in ((100, 0.25), (200, 1))
    )
    assert narrow < wide


def test_the_grid_repeats_to_the_last_bit_and_seeds_stand_alone() -> None:
    first = e.ablation_grid(grid_data(), e.AblationSpec.from_mapping(SMALL)).runs
    again = e.ablation_grid(grid_data(), e.AblationSpec.from_mapping(SMALL)).runs
    pd.testing.assert_frame_equal(first, again)
    only = e.ablation_grid(grid_data(), e.AblationSpec.from_mapping(SMALL | {"seeds": [2]})).runs
    pd.testing.assert_frame_equal(first[first["seed"] == 2].reset_index(drop=True), only)


def test_a_grid_without_truth_or_labels_is_refused() -> None:
    data = grid_data()
    spec = e.AblationSpec.from_mapping(SMALL)
    with pytest.raises(e.EstimationError, match="no truth to compare with"):
        e.ablation_grid(
            e.EvaluationData(
                data.logging_policy,
                data.prompt_ids,
                data.scores,
                data.variance,
                data.response_length,
                data.labels,
                {
                    name: replace(target, labels=np.full(target.labels.size, np.nan))
                    for name, target in data.targets.items()
                },
            ),
            spec,
        )
    with pytest.raises(e.EstimationError, match="only 0% of the prompts are labelled"):
        e.ablation_grid(data.with_labels(np.full(data.n, np.nan)), spec)
