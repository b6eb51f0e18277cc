"""The studies of a generated experiment: the grid over sample sizes and coverages, and a simulation's cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets.estimation.estimators.methods import full_grid
from arena_assets.estimation.studies.catalog import WORLDS
from arena_assets.estimation.studies.grid import METRICS
from arena_assets.estimation.studies.tallies import ANY, BEST, CONTRAST, UNAIDED, VALUE
from arena_assets.estimation.studies.worlds import World

SIZES, COVERAGES = (250, 1000, 5000), (0.05, 0.25, 1.0)


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
                        "independent": 20.0,
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
    for world in WORLDS:
        far, hidden = world.target.ess_fraction < 0.1, world.target.hidden != 0
        for method in full_grid(scorings=["deterministic"]):
            right = (0.55 if far else 0.95) if method.uses_weights else (0.2 if hidden else 0.95)
            names = method.estimator, method.reward_calibration, method.weight_calibration
            rows += [_cell(world, estimand, names, right, rng) for estimand in (VALUE, CONTRAST)]
        rows += [_cell(world, estimand, (ANY, ANY, ANY), 0.95, rng) for estimand in (BEST, UNAIDED)]
    return pd.DataFrame(rows)


def _cell(
    world: World, estimand: str, names: tuple[str, str, str], right: float, rng: np.random.Generator
) -> dict[str, object]:
    good = float(right > 0.9)
    return {
        "scenario": world.name, "tests": world.tests, "confirms": world.confirms, "n": world.design.n,
        "n_labels": world.design.n_labels, "ess_fraction": world.target.ess_fraction, "estimand": estimand,
        "estimator": names[0], "reward_calibration": names[1], "weight_calibration": names[2], "truth": 0.6,
        "replications": 1000, "failed": 0, "coverage": min(right + rng.normal(0, 0.007), 1.0),
        "coverage_std_error": 0.007, "supported_coverage": right if good else None,
        "supported_coverage_std_error": 0.007 if good else None, "supported_gross": 0.0,
        "withheld_right": (1 - good) * right, "refused_right": (1 - good) * right, "supported": good, "caution": 0.0,
        "refused": 1 - good, "gross": 1 - right, "bias": 0.0, "rmse": 0.02, "std_dev": 0.02,
        "mean_std_error": 0.02, "mean_width": 0.08,
    }  # fmt: skip
