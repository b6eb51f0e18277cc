"""What the replications of a scenario show of one method: its error, and the four questions about its gate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import pandas as pd

from arena_assets.estimation.diagnostics.support import CAUTION, REFUSED, SUPPORTED
from arena_assets.estimation.studies.worlds import World

GROSS = 3.0  # standard errors: an interval that misses by more misleads

VALUE, CONTRAST, BEST, UNAIDED = "value", "minus_p0", "best_supported", "best_without_own_labels"
# What is estimated: the target's value or its difference from P0 by one method, or what `best_supported` picks, of all
# methods or of those that need no label of the target.
ESTIMANDS = (VALUE, CONTRAST, BEST, UNAIDED)
ANY = "any"  # in the place of a method, where the estimand picks one

CELL_COLUMNS = (
    "scenario", "tests", "confirms", "n", "n_labels", "ess_fraction",
    "estimand", "estimator", "reward_calibration", "weight_calibration", "truth", "replications", "failed",
    "coverage", "coverage_std_error", "supported_coverage", "supported_coverage_std_error",
    "supported_gross", "withheld_right", "refused_right", "supported", "caution", "refused", "gross",
    "bias", "rmse", "std_dev", "mean_std_error", "mean_width",
)  # fmt: skip


@dataclass(frozen=True)
class Key:
    """One row of the table within its scenario."""

    estimand: str
    estimator: str = ANY
    reward_calibration: str = ANY
    weight_calibration: str = ANY


@dataclass(frozen=True)
class Outcome:
    """One replication of one key. Without an estimate all is NaN and the level is `refused`."""

    value: float = nan
    std_error: float = nan
    ci_low: float = nan
    ci_high: float = nan
    level: str = REFUSED


def cell(world: World, key: Key, outcomes: Iterable[Outcome]) -> dict[str, object]:
    """One row of the table. Shares of levels and of the questions are of all replications, coverage of estimates."""
    seen = pd.DataFrame([vars(one) for one in outcomes])
    truth = world.contrast if key.estimand == CONTRAST else world.truth
    made = seen["value"].notna().to_numpy()
    error = (seen["value"] - truth).to_numpy()[made]
    std_error = seen["std_error"].to_numpy()[made]
    covered = ((seen["ci_low"] <= truth) & (truth <= seen["ci_high"])).to_numpy()
    gross = np.abs((seen["value"] - truth).to_numpy()) > GROSS * seen["std_error"].to_numpy()  # never of NaN
    level = seen["level"].to_numpy(dtype=object)
    supported = level == SUPPORTED
    coverage, coverage_error = _share(covered[made])
    of_supported, of_supported_error = _share(covered[supported])
    several = error.size > 1
    return {
        "scenario": world.name,
        "tests": world.tests,
        "confirms": world.confirms,
        "n": world.design.n,
        "n_labels": world.design.n_labels,
        "ess_fraction": world.target.ess_fraction,
        **vars(key),
        "truth": truth,
        "replications": len(seen),
        "failed": int((~made).sum()),
        "coverage": coverage,
        "coverage_std_error": coverage_error,
        "supported_coverage": of_supported,
        "supported_coverage_std_error": of_supported_error,
        "supported_gross": float((supported & gross).mean()),
        "withheld_right": float((~supported & covered).mean()),
        "refused_right": float(((level == REFUSED) & covered).mean()),
        "supported": float(supported.mean()),
        "caution": float((level == CAUTION).mean()),
        "refused": float((level == REFUSED).mean()),
        "gross": float(gross.mean()),
        "bias": float(error.mean()) if error.size else nan,
        "rmse": float(np.sqrt(np.mean(error**2))) if error.size else nan,
        "std_dev": float(error.std(ddof=1)) if several else nan,
        "mean_std_error": float(std_error.mean()) if error.size else nan,
        "mean_width": float((seen["ci_high"] - seen["ci_low"]).mean()),
    }


def overall(cells: pd.DataFrame) -> dict[str, float]:
    """Over all scenarios and methods, for values: what is supported and covers, and who flagged the gross misses."""
    values = cells[cells["estimand"] == VALUE]
    runs = values["replications"]
    supported = (values["supported"] * runs).sum()
    covered = (values["supported_coverage"].fillna(0) * values["supported"] * runs).sum()
    gross = (values["gross"] * runs).sum()
    missed = (values["supported_gross"] * runs).sum()
    return {
        "results": float(runs.sum()),
        "supported": float(supported / runs.sum()),
        "supported_coverage": float(covered / supported) if supported else nan,
        "supported_gross": float(missed / runs.sum()),
        "gross": float(gross / runs.sum()),
        "gross_flagged": float(1 - missed / gross) if gross else nan,
        "withheld_right": float((values["withheld_right"] * runs).sum() / runs.sum()),
    }


def _share(hits: np.ndarray) -> tuple[float, float]:
    """A share and its standard error; NaN of none."""
    if hits.size == 0:
        return nan, nan
    share = float(hits.mean())
    return share, sqrt(share * (1 - share) / hits.size)
