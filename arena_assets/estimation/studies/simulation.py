"""Monte Carlo study with known truth: do the intervals cover, and does the gate refuse where they do not?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.analysis import evaluate
from arena_assets.estimation.diagnostics import gates
from arena_assets.estimation.estimators.methods import Method, full_grid
from arena_assets.estimation.studies.scenarios import OVERLAPS, TARGET, Scenario, draw, scenarios

GROSS = 3.0  # standard errors: an interval that misses by more misleads

SIMULATED: tuple[Method, ...] = full_grid(
    reward_calibrations=("none", "monotone"), weight_calibrations=("none", "simcal"), scorings=("deterministic",)
)

CELL_COLUMNS = (
    "overlap", "ess_fraction", "transports", "n_labels", "n",
    "estimator", "reward_calibration", "weight_calibration", "truth", "replications", "failed",
    "coverage", "coverage_std_error", "bias", "rmse", "std_dev", "mean_std_error", "mean_width",
    "supported", "caution", "refused", "supported_coverage", "gross", "gross_flagged",
)  # fmt: skip


@dataclass
class _Tally:
    """Per (cell, method): one entry a replication."""

    errors: list[float]
    std_errors: list[float]
    widths: list[float]
    covered: list[bool]
    levels: list[str]
    failed: int = 0


def estimator_simulation(
    cells: Iterable[Scenario] | None = None,
    *,
    methods: Sequence[Method] = SIMULATED,
    replications: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Coverage, error and gate of every method in every cell; columns `CELL_COLUMNS`.

    Replication r of a cell draws from its own stream, derived from seed, cell and r: neither order nor selection of
    cells changes a number. `progress(done, total)` counts replications. `covered` is of the known truth itself. A
    result is gross where its error exceeds 3 standard errors; `gross_flagged` is the share of these that the gate
    refused or cautioned.
    """
    chosen = tuple(scenarios() if cells is None else cells)
    if replications < 1:
        raise EstimationError(f"replications must be at least 1, got {replications}")
    total = len(chosen) * replications
    rows: list[dict[str, object]] = []
    for place, cell in enumerate(chosen):
        tallies = {method: _Tally([], [], [], [], []) for method in methods}
        for repetition in range(replications):
            _replicate(cell, tallies, _stream(cell, seed, repetition), level)
            if progress is not None:
                progress(place * replications + repetition + 1, total)
        rows += [_cell_row(cell, method, tally) for method, tally in tallies.items()]
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))


def overall(cells: pd.DataFrame) -> dict[str, float]:
    """Over all cells: coverage of `supported` results, and the share of gross misses that the gate flagged."""
    done = cells["replications"] - cells["failed"]
    supported = (cells["supported"] * done).sum()
    covered = (cells["supported_coverage"].fillna(0) * cells["supported"] * done).sum()
    gross = (cells["gross"] * done).sum()
    flagged = (cells["gross_flagged"].fillna(0) * cells["gross"] * done).sum()
    return {
        "results": float(done.sum()),
        "supported": float(supported / done.sum()),
        "supported_coverage": float(covered / supported) if supported else float("nan"),
        "gross": float(gross / done.sum()),
        "gross_flagged": float(flagged / gross) if gross else float("nan"),
    }


def _stream(cell: Scenario, seed: int, repetition: int) -> np.random.Generator:
    key = [seed, list(OVERLAPS).index(cell.overlap), int(cell.transports), cell.n_labels, cell.n, repetition]
    return np.random.default_rng(key)


def _replicate(cell: Scenario, tallies: dict[Method, _Tally], rng: np.random.Generator, level: float) -> None:
    for result in evaluate(draw(cell, rng), methods=tuple(tallies)):
        if result.policy != TARGET:
            continue
        tally = tallies[result.method]
        if result.estimate is None:
            tally.failed += 1
            continue
        low, high = result.estimate.ci(level)
        tally.errors.append(result.estimate.value - cell.truth)
        tally.std_errors.append(result.estimate.std_error)
        tally.widths.append(high - low)
        tally.covered.append(low <= cell.truth <= high)
        tally.levels.append(result.support.level)


def _cell_row(cell: Scenario, method: Method, tally: _Tally) -> dict[str, object]:
    errors, std_errors = np.array(tally.errors), np.array(tally.std_errors)
    covered, levels = np.array(tally.covered, dtype=bool), np.array(tally.levels, dtype=object)
    done = errors.size
    row: dict[str, object] = dict.fromkeys(CELL_COLUMNS, float("nan"))
    row |= {
        "overlap": cell.overlap,
        "ess_fraction": OVERLAPS[cell.overlap],
        "transports": cell.transports,
        "n_labels": cell.n_labels,
        "n": cell.n,
        "estimator": method.estimator,
        "reward_calibration": method.reward_calibration,
        "weight_calibration": method.weight_calibration,
        "truth": cell.truth,
        "replications": done + tally.failed,
        "failed": tally.failed,
    }
    if done == 0:
        return row
    coverage = float(covered.mean())
    supported, gross = levels == gates.SUPPORTED, np.abs(errors) > GROSS * std_errors
    return row | {
        "coverage": coverage,
        "coverage_std_error": sqrt(coverage * (1 - coverage) / done),
        "bias": float(errors.mean()),
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "std_dev": float(errors.std(ddof=1)) if done > 1 else float("nan"),
        "mean_std_error": float(std_errors.mean()),
        "mean_width": float(np.mean(tally.widths)),
        "supported": float(supported.mean()),
        "caution": float((levels == gates.CAUTION).mean()),
        "refused": float((levels == gates.REFUSED).mean()),
        "supported_coverage": float(covered[supported].mean()) if supported.any() else float("nan"),
        "gross": float(gross.mean()),
        "gross_flagged": float((~supported)[gross].mean()) if gross.any() else float("nan"),
    }
