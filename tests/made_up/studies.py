"""The studies of a generated experiment: the grid over sample sizes and coverages, and a simulation's cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets.estimation.estimators.methods import full_grid
from arena_assets.estimation.studies.grid import METRICS

SIZES, COVERAGES = (250, 1000, 5000), (0.05, 0.25, 1.0)
OVERLAPS = {"clone": 1.0, "good": 0.8, "fair": 0.28, "poor": 0.01}


def grid(seed: int = 0) -> pd.DataFrame:
    """An `ablation_grid`: errors that shrink with the root of prompts and labels, less so where weights are used."""
    rng = np.random.default_rng(seed)
    rows = []
    for method in full_grid():
        if method.entry.own_labels:
            continue
        for size in SIZES:
            for share in COVERAGES:
                loss = 0.4 / np.sqrt(size * (0.2 if method.uses_weights else 1)) + 0.2 / np.sqrt(size * share)
                loss += 0.08 if method.reward_calibration == "none" else 0.0
                means = dict.fromkeys(METRICS, 0.9) | {
                    "rmse": loss * rng.uniform(0.9, 1.1),
                    "bias": loss / 10,
                    "coverage": 0.95 if method.reward_calibration != "none" else 0.5,
                    "interval_width": 4 * loss,
                }
                rows.append(
                    {
                        "sample_size": size,
                        "oracle_coverage": share,
                        "estimator": method.estimator,
                        "reward_calibration": method.reward_calibration,
                        "weight_calibration": method.weight_calibration,
                        "scoring": method.scoring,
                        "seeds": 20,
                        "failed": 0,
                        **{
                            f"{name}{end}": value * factor
                            for name, value in means.items()
                            for end, factor in (("", 1.0), ("_low", 0.93), ("_high", 1.07))
                        },
                    }
                )
    return pd.DataFrame(rows)


def simulation(seed: int = 0) -> pd.DataFrame:
    """An `estimator_simulation`: weighted methods lose coverage with the overlap, direct where nothing transports."""
    rng = np.random.default_rng(seed)
    rows = []
    for overlap, share in OVERLAPS.items():
        for transports in (True, False) if overlap != "clone" else (True,):
            for labels in (50, 500):
                for method in full_grid(scorings=["deterministic"]):
                    weighted = method.uses_weights
                    right = (0.95 if share > 0.1 else 0.55) if weighted else (0.95 if transports else 0.2)
                    good = float(right > 0.9)
                    rows.append(
                        {
                            "overlap": overlap, "ess_fraction": share, "transports": transports, "n_labels": labels,
                            "n": 1000, "estimator": method.estimator, "reward_calibration": method.reward_calibration,
                            "weight_calibration": method.weight_calibration, "truth": 0.6, "replications": 1000,
                            "failed": 0, "coverage": min(right + rng.normal(0, 0.007), 1.0),
                            "coverage_std_error": 0.007, "bias": 0.0, "rmse": 0.02, "std_dev": 0.02,
                            "mean_std_error": 0.02, "mean_width": 0.08, "supported": good, "caution": 0.0,
                            "refused": 1 - good, "supported_coverage": right if good else None, "gross": 1 - right,
                            "gross_flagged": 1 - good,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)
